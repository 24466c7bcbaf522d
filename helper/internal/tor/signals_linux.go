// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withOpenSignals starts a program without the signal mask that our threads
// have: the shim blocks every signal for them, a child inherits the mask, and a
// Tor with SIGTERM and SIGCHLD blocked can neither be stopped nor watch its
// pluggable transports. Only what Tor handles is opened, on this thread, while
// it forks; the kernel gives the program's own signals to its main thread.
func withOpenSignals(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var open, before unix.Sigset_t
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGCHLD, unix.SIGUSR1, unix.SIGUSR2} {
		const width = unsafe.Sizeof(open.Val[0]) * 8
		n := uintptr(s) - 1
		open.Val[n/width] |= 1 << (n % width)
	}
	if err := unix.PthreadSigmask(unix.SIG_UNBLOCK, &open, &before); err != nil {
		return start()
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
	return start()
}
