// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/binary"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// whatMatters: files are written, replaced, or go. A home folder is written to
// often, so that only some names count, see matters.
const whatMatters = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CREATE | unix.IN_DELETE | unix.IN_ATTRIB | unix.IN_ONLYDIR

// watchDirs tells changed of changes in the folders (inotify(7)). What it
// returns has it look anew which folders there are.
func watchDirs(ctx context.Context, folders func() []string, changed chan<- struct{}) (again func()) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return func() {}
	}
	again = func() {
		for _, dir := range folders() {
			_, _ = unix.InotifyAddWatch(fd, dir, whatMatters) // one that is not there: the folder above is watched
		}
	}
	again()
	events := os.NewFile(uintptr(fd), "inotify")
	context.AfterFunc(ctx, func() { _ = events.Close() })
	background(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := events.Read(buf)
			if err != nil {
				return
			}
			if matters(buf[:n]) {
				select {
				case changed <- struct{}{}:
				default:
				}
			}
		}
	})
	return again
}

// matters reads inotify's events (struct inotify_event) for names of ours. An
// event without a name, and an overflow, matter.
func matters(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		size := int(binary.NativeEndian.Uint32(events[12:]))
		end := unix.SizeofInotifyEvent + size
		if size < 0 || end > len(events) {
			return true
		}
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")
		if name == "" || name == ".purple" || name == "accounts.xml" || name == "prefs.xml" || strings.HasPrefix(name, "otr.") ||
			strings.HasPrefix(name, "accounts-") && strings.HasSuffix(name, ".json") {
			return true
		}
		events = events[end:]
	}
	return false
}
