// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// build is PID 1 with capabilities in the new namespaces. It ends by becoming init.
func build(t *talk, p plan) (int, error) {
	runtime.LockOSThread() // what confine changes holds for one thread, which then executes init
	if err := closeOnExec(); err != nil {
		return CodeNotMade, err
	}
	if err := unix.Sethostname([]byte("localhost")); err != nil {
		return CodeNotMade, fmt.Errorf("cannot set the host name: %w", err)
	}
	if err := mountAll(p); err != nil {
		return CodeNotMade, err
	}
	if err := loopback(); err != nil {
		return CodeNotMade, err
	}
	fds, err := listenAll(p.Ports)
	if err != nil {
		return CodeNotMade, err
	}
	if err = t.send(message{Ready: true}, fds); err != nil {
		return CodeNotMade, fmt.Errorf("cannot pass the sockets out: %w", err)
	}
	if m, _, err := t.receive(); err != nil || !m.Go {
		return CodeNotMade, errors.New("cannot go on: purple-onion is gone")
	}
	calls, err := confine()
	if err != nil {
		return CodeNotMade, err
	}
	if err = t.send(message{Calls: true}, []int{calls}); err != nil {
		return CodeNotMade, fmt.Errorf("cannot pass the filter out: %w", err)
	}
	for _, fd := range []int{fdTalk, fdPlan} {
		if _, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return CodeNotMade, fmt.Errorf("cannot keep the socket to purple-onion: %w", err)
		}
	}
	err = unix.Exec("/proc/self/exe", []string{name(), argInit}, []string{})
	return CodeNotMade, fmt.Errorf("cannot execute the cell's init: %w", err)
}

// loopback brings lo up (netdevice(7)).
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot bring loopback up: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	if err != nil {
		return fmt.Errorf("cannot bring loopback up: %w", err)
	}
	return nil
}

func listenAll(ports []uint16) ([]int, error) {
	var fds []int
	for _, port := range ports {
		fd, err := listen(port)
		if err != nil {
			return nil, fmt.Errorf("cannot listen at 127.0.0.1:%d inside: %w", port, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func listen(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	// What was served keeps the port for a while; the socket has to listen again
	// when Tor is back (server.open).
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	return fd, unix.Listen(fd, backlog)
}
