// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxConnects are made at once; further ones wait in the kernel.
const maxConnects = 64

// connector makes the connections of the cell's programs for them: the filter
// hands each connect(2) to it (seccomp_unotify(2)). A network namespace does
// not keep path sockets apart, and which there are in the home, no list can
// say: they are renamed, and made later. So a path is found by the connector,
// and taken only where it is a socket of a file system that is the cell's own,
// or one that was let in. The program's memory is read once, and the kernel is
// never told to go on with what the program may have changed meanwhile.
type connector struct {
	calls int      // where the kernel hands connect(2) over
	root  int      // the cell's root folder
	own   []uint64 // the devices of the cell's own file systems
	let   []inode  // sockets of the outside
	end   func()   // of calls, once
	slots chan struct{}
}

type inode struct{ device, number uint64 }

// seccompNotif and seccompNotifResp are the kernel's (linux/seccomp.h).
type seccompNotif struct {
	ID     uint64
	Thread uint32 // its number where run is
	Flags  uint32
	Call   int32
	Arch   uint32
	At     uint64
	Args   [6]uint64
}

type seccompNotifResp struct {
	ID    uint64
	Value int64
	Errno int32 // negative
	Flags uint32
}

// newConnector looks at the cell of the process init, while only our own
// stages run in it.
func newConnector(init int, p plan) (*connector, error) {
	// Whether it may be looked into is known now, not at the first connection.
	if fd, err := descriptorOf(init, fdTalk); err != nil {
		return nil, fmt.Errorf("cannot look into the cell (Linux 5.9 or newer is needed): %w", err)
	} else if err = unix.Close(fd); err != nil {
		return nil, fmt.Errorf("cannot look into the cell: %w", err)
	}
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", init), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot look into the cell: %w", err)
	}
	c := &connector{calls: -1, root: root, slots: make(chan struct{}, maxConnects)}
	for _, dir := range p.ownDirs() {
		at, err := c.stat(dir)
		if err != nil {
			return nil, fmt.Errorf("cannot look at %s of the cell: %w", dir, err)
		}
		c.own = append(c.own, at.device)
	}
	for _, b := range p.Binds {
		at, err := c.stat(b.To)
		if err != nil {
			return nil, fmt.Errorf("cannot look at %s of the cell: %w", b.To, err)
		}
		c.let = append(c.let, at)
	}
	return c, nil
}

// serve takes what the kernel hands over, until the cell's end or close.
func (c *connector) serve(calls int) {
	c.calls = calls
	c.end = sync.OnceFunc(func() { _ = unix.Close(calls) })
	guarded(func() {
		defer c.end() // from here on every connect(2) fails
		for {
			n := seccompNotif{}
			c.slots <- struct{}{}
			err := handed(calls, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) { // it was ended before it was taken
				<-c.slots
				continue
			}
			if err != nil {
				return
			}
			guarded(func() {
				defer func() { <-c.slots }()
				c.answer(n)
			}, c.end)
		}
	}, c.end)
}

func (c *connector) close() {
	if c.end != nil {
		c.end()
	}
	_ = unix.Close(c.root)
}

func (c *connector) answer(n seccompNotif) {
	r := seccompNotifResp{ID: n.ID, Errno: -int32(unix.EACCES)}
	var errno syscall.Errno
	if err := c.connect(n); err == nil {
		r.Errno = 0
	} else if errors.As(err, &errno) {
		r.Errno = -int32(errno)
	}
	_ = handed(c.calls, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
}

// connect does connect(2) on the socket itself, a further descriptor of which
// is had from the process.
func (c *connector) connect(n seccompNotif) error {
	process, err := processOf(int(n.Thread))
	if err != nil {
		return err
	}
	fd, err := descriptorOf(process, int(int32(n.Args[0])))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	address, err := memoryOf(process, n.Args[1], n.Args[2])
	if err != nil {
		return err
	}
	if err = c.waits(n.ID); err != nil { // it was this process all the time
		return err
	}
	path, err := pathOf(fd, address)
	if err != nil {
		return err
	}
	if path == "" {
		return connectTo(fd, address)
	}
	socket, err := c.find(int(n.Thread), path)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	return connectTo(fd, append([]byte{unix.AF_UNIX, 0}, fmt.Sprintf("/proc/self/fd/%d\x00", socket)...))
}

// waits says whether the call that was handed over waits still.
func (c *connector) waits(id uint64) error {
	return handed(c.calls, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id))
}

// pathOf is the path that a socket is to be connected to; "" where there is
// none, but a name or an address of the socket's own network namespace.
func pathOf(fd int, address []byte) (string, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return "", err
	}
	if domain != unix.AF_UNIX {
		return "", nil
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return "", err
	case kind != unix.SOCK_STREAM && kind != unix.SOCK_SEQPACKET:
		return "", unix.EACCES // the filter lets none be made
	case len(address) < 3 || len(address) > unix.SizeofSockaddrUnix || address[0] != unix.AF_UNIX || address[1] != 0:
		return "", unix.EINVAL
	case address[2] == 0:
		return "", nil
	}
	path, _, _ := bytes.Cut(address[2:], []byte{0})
	return string(path), nil
}

// find opens the socket at a path as the thread sees it.
func (c *connector) find(thread int, path string) (int, error) {
	if !filepath.IsAbs(path) {
		dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", thread))
		if err != nil {
			return 0, err
		}
		path = dir + "/" + path
	}
	fd, err := c.open(path)
	if err != nil {
		return 0, err
	}
	if st, err := identify(fd); err != nil || !c.reachable(st) {
		_ = unix.Close(fd)
		return 0, errors.Join(err, unix.ECONNREFUSED)
	}
	return fd, nil
}

// reachable is for what is the cell's own, and for what was let in.
func (c *connector) reachable(i inode) bool {
	for _, device := range c.own {
		if i.device == device {
			return true
		}
	}
	for _, let := range c.let {
		if i == let {
			return true
		}
	}
	return false
}

// open looks a path up in the cell, and opens nothing behind it.
func (c *connector) open(path string) (fd int, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for range 8 { // a rename elsewhere has it give up (openat2(2), EAGAIN)
		if fd, err = unix.Openat2(c.root, path, &how); !errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return fd, err
}

func (c *connector) stat(path string) (inode, error) {
	fd, err := c.open(path)
	if err != nil {
		return inode{}, err
	}
	defer unix.Close(fd)
	return identify(fd)
}

func identify(fd int) (inode, error) {
	st := unix.Stat_t{}
	err := unix.Fstat(fd, &st)
	return inode{uint64(st.Dev), st.Ino}, err
}

// processOf is the process of a thread (proc_pid_status(5)).
func processOf(thread int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "\nTgid:")
	number, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(strings.TrimSpace(number))
}

// descriptorOf is a further descriptor of what a process has as number.
func descriptorOf(process, number int) (int, error) {
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(pidfd)
	return unix.PidfdGetfd(pidfd, number, 0)
}

// memoryOf is a socket's address (sockaddr) in a process's memory.
func memoryOf(process int, at, size uint64) ([]byte, error) {
	size = uint64(uint32(size)) // an int for the kernel
	if size > unix.SizeofSockaddrAny+16 {
		return nil, unix.EINVAL
	}
	if size == 0 {
		return nil, nil
	}
	b := make([]byte, size)
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	n, err := unix.ProcessVMReadv(process, local, []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}, 0)
	if err == nil && n != len(b) {
		err = unix.EFAULT
	}
	return b, err
}

// connectTo is connect(2), with the address as it is.
func connectTo(fd int, address []byte) error {
	var at unsafe.Pointer
	if len(address) > 0 {
		at = unsafe.Pointer(&address[0])
	}
	if _, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(at), uintptr(len(address))); e != 0 {
		return e
	}
	return nil
}

// handed asks something of where calls are handed over.
func handed(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}
