// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY

// ownOrRoots allows root's files too: some systems (NixOS) link to them, and
// root can change the user's own anyway.
func ownOrRoots(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(st.Uid) == os.Geteuid() || st.Uid == 0)
}

func worldWritable(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }
