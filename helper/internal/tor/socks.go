// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// The SOCKS5 client (RFC 1928, RFC 1929). It offers method 2 alone: Tor then
// keys the stream by the credentials even where the port says
// PreferSOCKSNoAuth, and a proxy that picks "no authentication" (ssh -D, and
// golang.org/x/net/proxy would go along with it) is left at once.

const (
	commandConnect = 0x01
	commandResolve = 0xF0 // Tor's own (tor's socks-extensions.txt)
)

// notTorError is a listener that is not Tor, or not one that may be trusted.
type notTorError struct{ why string }

func (e *notTorError) Error() string { return e.why }

func notTor(format string, args ...any) error { return &notTorError{fmt.Sprintf(format, args...)} }

// replyError is a reply field of RFC 1928 section 6 that refuses.
type replyError byte

var replyTexts = [...]string{
	1: "Tor could not connect", 2: "Tor's rules do not allow it", 3: "network unreachable",
	4: "host unreachable or unknown", 5: "connection refused", 6: "timed out", 7: "command not supported", 8: "address type not supported",
}

func (e replyError) Error() string {
	if int(e) < len(replyTexts) && e > 0 {
		return replyTexts[e]
	}
	return fmt.Sprintf("SOCKS reply %d", byte(e))
}

// authenticate greets, lets check look at the peer once it has answered, and
// only then shows the credentials.
func authenticate(conn net.Conn, user, password redact.Secret, check func(net.Conn) error) error {
	u, p := user.Reveal(), password.Reveal()
	if u == "" || p == "" || len(u) > 255 || len(p) > 255 {
		return errors.New("cannot use these isolation credentials: not 1 to 255 bytes")
	}
	if err := expect(conn, []byte{5, 1, 2}, 5, 2, "it does not take a SOCKS5 user name and password"); err != nil {
		return err
	}
	if err := check(conn); err != nil {
		return err
	}
	b := append([]byte{1, byte(len(u))}, u...)
	b = append(append(b, byte(len(p))), p...)
	return expect(conn, b, 1, 0, "it refused a new user name and password")
}

// expect sends a message and wants a two-byte answer.
func expect(conn net.Conn, message []byte, first, second byte, otherwise string) error {
	if _, err := conn.Write(message); err != nil {
		return closedEarly(err)
	}
	var answer [2]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return closedEarly(err)
	}
	if answer != [2]byte{first, second} {
		return notTor("%s", otherwise)
	}
	return nil
}

// closedEarly keeps a time-out apart: a stopped Tor is silent, and not another program.
func closedEarly(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("it does not answer: %w", err)
	}
	return notTor("it closed the connection")
}

// request sends one SOCKS command. host always goes as a name, an IP literal
// too (Tor reads it), so that Tor's SafeSocks has nothing to refuse.
func request(conn net.Conn, command byte, host string, port uint16) (netip.Addr, error) {
	if host == "" || len(host) > 255 {
		return netip.Addr{}, fmt.Errorf("cannot ask Tor for a host name of %d bytes", len(host))
	}
	b := append([]byte{5, command, 0, 3, byte(len(host))}, host...)
	if _, err := conn.Write(append(b, byte(port>>8), byte(port))); err != nil {
		return netip.Addr{}, closedEarly(err)
	}
	return readReply(conn)
}

// readReply takes no byte that belongs to the stream after it.
func readReply(conn net.Conn) (netip.Addr, error) {
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return netip.Addr{}, closedEarly(err)
	}
	if head[0] != 5 {
		return netip.Addr{}, notTor("its answer is not SOCKS5's")
	}
	size := map[byte]int{1: 4, 4: 16}[head[3]]
	if head[3] == 3 {
		var n [1]byte
		if _, err := io.ReadFull(conn, n[:]); err != nil {
			return netip.Addr{}, closedEarly(err)
		}
		size = int(n[0])
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(conn, rest); err != nil && head[1] == 0 {
		return netip.Addr{}, closedEarly(err)
	}
	if head[1] != 0 {
		return netip.Addr{}, replyError(head[1])
	}
	addr, _ := netip.AddrFromSlice(rest[:size])
	return addr, nil
}
