// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

const (
	openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
	openNoFollow = syscall.O_NOFOLLOW

	overflowUID = 65534 // who a user is that a namespace does not have
)

// ownOrRoots allows root's files too: some systems (NixOS) link to them, and
// root can change the user's own anyway.
func ownOrRoots(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(st.Uid) == os.Geteuid() || st.Uid == 0)
}

func worldWritable(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

func othersWrite(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// ownedBy says whether a file is a user's. In a user namespace that does not
// have that user (the cell) all its files are the overflow user's.
func ownedBy(info fs.FileInfo, uid int) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if int(st.Uid) == uid {
		return true
	}
	uidMap, _ := os.ReadFile("/proc/self/uid_map") // unreadable: it maps every user
	return st.Uid == overflowUID && !userfile.MapsUID(string(uidMap), overflowUID) && !userfile.MapsUID(string(uidMap), uint64(uid))
}
