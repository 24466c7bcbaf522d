// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package profile

import (
	"io/fs"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY

func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
