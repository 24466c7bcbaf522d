// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// atTerminal says whether somebody can answer on standard input.
func atTerminal() bool {
	_, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS)
	return err == nil
}
