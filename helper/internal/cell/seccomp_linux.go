// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// architecture is how this processor's system calls are told from those of
// others that the kernel runs too (seccomp(2): a filter that does not look is
// passed by through another one). Processors with socketcall(2) are not here:
// its arguments lie in memory, where a filter cannot look.
var architectures = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64, "arm": unix.AUDIT_ARCH_ARM,
	"riscv64": unix.AUDIT_ARCH_RISCV64, "loong64": unix.AUDIT_ARCH_LOONGARCH64,
}

// x32Bit is in the numbers of amd64's other set of calls.
const x32Bit = 0x40000000

// refused are the calls that let a program out, or ask the kernel or a program
// outside to do something for it, with the error that the program sees.
var refused = []struct {
	call  uint32
	errno unix.Errno
}{
	// io_uring makes and connects sockets past this filter.
	{unix.SYS_IO_URING_SETUP, unix.ENOSYS}, {unix.SYS_IO_URING_ENTER, unix.ENOSYS}, {unix.SYS_IO_URING_REGISTER, unix.ENOSYS},
	// request_key has a program outside look names up (dns_resolver); the
	// session keyring is the outside's.
	{unix.SYS_ADD_KEY, unix.ENOSYS}, {unix.SYS_REQUEST_KEY, unix.ENOSYS}, {unix.SYS_KEYCTL, unix.ENOSYS},
	// Into another namespace, another process's files, or past paths.
	{unix.SYS_SETNS, unix.EPERM}, {unix.SYS_OPEN_BY_HANDLE_AT, unix.EPERM},
	// Nothing that a messenger needs, and much of the kernel behind it.
	{unix.SYS_BPF, unix.EPERM}, {unix.SYS_PERF_EVENT_OPEN, unix.EPERM}, {unix.SYS_USERFAULTFD, unix.EPERM}, {unix.SYS_SYSLOG, unix.EPERM},
}

// families may be asked of socket and socketpair. Netlink is for addresses and
// devices of this namespace. Of AF_UNIX only kinds that speak to nobody before
// connect(2): a datagram goes to any path.
var (
	families = []uint32{unix.AF_INET, unix.AF_INET6}
	kinds    = []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET}
	netlinks = []uint32{unix.NETLINK_ROUTE, unix.NETLINK_KOBJECT_UEVENT}
)

// ioctls write into a terminal's input, as if its user had typed it: outside
// the cell, once the program has ended.
var ioctls = []uint32{unix.TIOCSTI, tiocLinux}

const tiocLinux = 0x541c // TIOCLINUX: pastes on a console

// Offsets in struct seccomp_data. Arguments have 64 bits of which the kernel
// takes the lower 32 here; all our processors are little-endian.
const (
	offCall = 0
	offArch = 4
	offArg  = 16
)

func arg(n uint32) uint32 { return offArg + 8*n }

const (
	bpfLoad    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	bpfEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bpfAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	bpfAnd     = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	bpfReturn  = unix.BPF_RET | unix.BPF_K

	kindMask = 0xf // of the type of a socket, beside flags (linux/net.h, SOCK_TYPE_MASK)
)

func load(offset uint32) unix.SockFilter { return unix.SockFilter{Code: bpfLoad, K: offset} }
func answer(verdict uint32) unix.SockFilter {
	return unix.SockFilter{Code: bpfReturn, K: verdict}
}
func failure(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }

// when answers where the loaded word is value, and goes on elsewhere.
func when(value, verdict uint32) []unix.SockFilter {
	return []unix.SockFilter{{Code: bpfEqual, K: value, Jf: 1}, answer(verdict)}
}

// whereIs runs a part that ends in an answer where the loaded word is value.
func whereIs(value uint32, part []unix.SockFilter) []unix.SockFilter {
	return append([]unix.SockFilter{{Code: bpfEqual, K: value, Jf: uint8(len(part))}}, part...)
}

// filter is the program for one architecture.
func filter(arch uint32) []unix.SockFilter {
	f := []unix.SockFilter{load(offArch), {Code: bpfEqual, K: arch, Jt: 1}, answer(unix.SECCOMP_RET_KILL_PROCESS), load(offCall)}
	if arch == unix.AUDIT_ARCH_X86_64 {
		f = append(f, unix.SockFilter{Code: bpfAtLeast, K: x32Bit, Jf: 1}, answer(failure(unix.ENOSYS)))
	}
	for _, r := range refused {
		f = append(f, when(r.call, failure(r.errno))...)
	}
	f = append(f, when(unix.SYS_CONNECT, unix.SECCOMP_RET_USER_NOTIF)...) // connector
	f = append(f, whereIs(unix.SYS_SOCKET, familyPart())...)
	f = append(f, whereIs(unix.SYS_SOCKETPAIR, familyPart())...)
	f = append(f, whereIs(unix.SYS_IOCTL, ioctlPart())...)
	return append(f, answer(unix.SECCOMP_RET_ALLOW))
}

func familyPart() []unix.SockFilter {
	f := []unix.SockFilter{load(arg(0))}
	for _, family := range families {
		f = append(f, when(family, unix.SECCOMP_RET_ALLOW)...)
	}
	local := []unix.SockFilter{load(arg(1)), {Code: bpfAnd, K: kindMask}}
	for _, kind := range kinds {
		local = append(local, when(kind, unix.SECCOMP_RET_ALLOW)...)
	}
	f = append(f, whereIs(unix.AF_UNIX, append(local, answer(failure(unix.ESOCKTNOSUPPORT))))...)
	netlink := []unix.SockFilter{load(arg(2))}
	for _, protocol := range netlinks {
		netlink = append(netlink, when(protocol, unix.SECCOMP_RET_ALLOW)...)
	}
	netlink = append(netlink, answer(failure(unix.EPROTONOSUPPORT)))
	f = append(f, whereIs(unix.AF_NETLINK, netlink)...)
	return append(f, answer(failure(unix.EAFNOSUPPORT)))
}

func ioctlPart() []unix.SockFilter {
	f := []unix.SockFilter{load(arg(1))}
	for _, request := range ioctls {
		f = append(f, when(request, failure(unix.EPERM))...)
	}
	return append(f, answer(unix.SECCOMP_RET_ALLOW))
}

// filterCalls sets the filter for the calling thread, which cannot gain
// privileges any more. calls is where the kernel hands connect(2) over.
func filterCalls() (calls int, err error) {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		return 0, errors.New("cannot filter system calls on a processor of this kind (" + runtime.GOARCH + ")")
	}
	f := filter(arch)
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	var fd uintptr
	var e unix.Errno
	// With the first a signal does not interrupt what is handed over; Linux 5.19.
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER} {
		if fd, _, e = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program))); e != unix.EINVAL {
			break
		}
	}
	runtime.KeepAlive(f)
	if e != 0 {
		return 0, fmt.Errorf("cannot filter system calls: %w", e)
	}
	return int(fd), nil
}
