// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// buildCapabilities are what build has in its own user namespace: mounts and
// host name, loopback, a port below 1024, how many namespaces there may be, and
// giving all of them up.
var buildCapabilities = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_RESOURCE, unix.CAP_SETPCAP}

// Bits of PR_SET_SECUREBITS (capabilities(7)), each with its lock.
const (
	secbitNoroot            = 1<<0 | 1<<1
	secbitNoSetuidFixup     = 1<<2 | 1<<3
	secbitNoCapAmbientRaise = 1<<6 | 1<<7
	secbits                 = secbitNoroot | secbitNoSetuidFixup | secbitNoCapAmbientRaise
	lastCapability          = 63 // the kernel says where its own end is: EINVAL
	coreLimit               = 1  // see confine
)

// confine takes from the calling thread whatever the program is not to have;
// the execve that must follow makes the thread the whole process. Everything
// is inherited and cannot be had back. calls is filterCalls'.
func confine() (calls int, err error) {
	for c := range uintptr(lastCapability + 1) {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) && c > 0 {
			break
		} else if err != nil {
			return 0, fmt.Errorf("cannot drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("cannot drop the ambient capabilities: %w", err)
	}
	// The caller may be root, whom an execve would give all capabilities again.
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, secbits, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("cannot set the secure bits: %w", err)
	}
	header, none := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capset(&header, &none[0]); err != nil {
		return 0, fmt.Errorf("cannot drop the capabilities: %w", err)
	}
	// A core would go to a program outside, where core(5)'s pattern is a pipe;
	// 0 does not keep the kernel from starting it, 1 does.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: coreLimit, Max: coreLimit}); err != nil {
		return 0, fmt.Errorf("cannot turn core dumps off: %w", err)
	}
	// It is each thread's own, and gone where another one executes.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return 0, fmt.Errorf("cannot bind the cell's life to purple-onion's: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("cannot give up new privileges: %w", err)
	}
	return filterCalls()
}

// closeOnExec marks every descriptor above 2, whoever left it open: the shell
// that started us may have.
func closeOnExec() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("cannot list the open descriptors: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func name() string { return os.Args[0] }
