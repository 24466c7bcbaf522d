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

func ownedBy(info fs.FileInfo, uid int) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	uidMap, _ := os.ReadFile("/proc/self/uid_map") // unreadable: it maps every user
	return owns(int(st.Uid), uid, string(uidMap))
}

// owns says whether a file that shows as one user's is another's. In a user
// namespace that does not have that user (the cell) all its files show as the
// overflow user's.
func owns(shown, uid int, uidMap string) bool {
	return shown == uid || shown == overflowUID && !userfile.MapsUID(uidMap, overflowUID) && !userfile.MapsUID(uidMap, uint64(uid))
}
