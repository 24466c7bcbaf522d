// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// checkOwner says who holds the other end of a connection on this computer
// that the other end has answered on. It looks at the connection itself, not
// at the listening socket, so nothing can be swapped in between.
func checkOwner(conn net.Conn) error {
	uid, err := peerUID(conn)
	if err != nil {
		return notTor("its owner cannot be found: %v", err)
	}
	passwd, _ := os.ReadFile("/etc/passwd")
	uidMap, _ := os.ReadFile("/proc/self/uid_map")
	if !allowedOwner(uid, string(passwd), string(uidMap)) {
		return notTor("it belongs to another user of this computer (uid %d)", uid)
	}
	return nil
}

func peerUID(conn net.Conn) (uint32, error) {
	switch c := conn.(type) {
	case *net.UnixConn:
		return unixPeerUID(c)
	case *net.TCPConn:
		return tcpPeerUID(c)
	}
	return 0, errors.New("not a socket of this computer")
}

func unixPeerUID(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return cred.Uid, nil
}

func tcpPeerUID(c *net.TCPConn) (uint32, error) {
	theirs, ours := addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.Open(path)
		if err != nil {
			continue
		}
		uid, found := findOwner(table, theirs, ours)
		_ = table.Close()
		if found {
			return uid, nil
		}
	}
	return 0, fmt.Errorf("no line for %v in /proc/net/tcp", theirs)
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
