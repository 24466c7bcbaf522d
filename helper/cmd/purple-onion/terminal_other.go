// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package main

import "os"

// atTerminal says whether somebody can answer on standard input.
func atTerminal() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
