// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package userfile

import (
	"io/fs"
	"syscall"
)

const (
	openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
	openNoFollow = syscall.O_NOFOLLOW
)

// Owner is a file's user id; -1 where the system has none.
func Owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
