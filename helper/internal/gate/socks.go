// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"errors"
	"io"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// The SOCKS5 messages that a client may send (RFC 1928, RFC 1929), read byte
// for byte: nothing is buffered, so nothing of the stream behind is taken. The
// longest is 262 bytes.

const (
	methodPassword = 2
	methodNone     = 0xFF

	replySucceeded      = 0
	replyGeneral        = 1
	replyNotAllowed     = 2
	replyHostUnreach    = 4
	replyCommandUnknown = 7
	replyAddressUnknown = 8
)

var errSOCKS = errors.New("cannot read the client's SOCKS message")

// refusedRequest is a request that is read well and never allowed; its value
// is the reply.
type refusedRequest byte

func (refusedRequest) Error() string { return "cannot serve the client's SOCKS request" }

// readGreeting says whether the client offers a user name and password.
func readGreeting(r io.Reader) (offered bool, err error) {
	var head [2]byte
	if _, err = io.ReadFull(r, head[:]); err != nil || head[0] != 5 || head[1] == 0 {
		return false, errSOCKS
	}
	var methods [255]byte
	if _, err = io.ReadFull(r, methods[:head[1]]); err != nil {
		return false, errSOCKS
	}
	for _, m := range methods[:head[1]] {
		offered = offered || m == methodPassword
	}
	return offered, nil
}

// readLogin reads RFC 1929's request.
func readLogin(r io.Reader) (user, password redact.Secret, err error) {
	var version [1]byte
	if _, err = io.ReadFull(r, version[:]); err != nil || version[0] != 1 {
		return user, password, errSOCKS
	}
	u, err := readText(r)
	if err != nil {
		return user, password, err
	}
	p, err := readText(r)
	if err != nil {
		return user, password, err
	}
	return redact.New(u), redact.New(p), nil
}

// readText reads a length byte and that many bytes; none is an error.
func readText(r io.Reader) (string, error) {
	var b [256]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil || b[0] == 0 {
		return "", errSOCKS
	}
	n := b[0]
	if _, err := io.ReadFull(r, b[:n]); err != nil {
		return "", errSOCKS
	}
	return string(b[:n]), nil
}

// readConnect reads a request. Only CONNECT to a host name is one: libpurple
// sends nothing else, an IP literal as a name too.
func readConnect(r io.Reader) (Target, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || head[0] != 5 {
		return Target{}, errSOCKS
	}
	if head[1] != 1 {
		return Target{}, refusedRequest(replyCommandUnknown)
	}
	if head[3] != 3 {
		return Target{}, refusedRequest(replyAddressUnknown)
	}
	host, err := readText(r)
	if err != nil {
		return Target{}, err
	}
	var port [2]byte
	if _, err = io.ReadFull(r, port[:]); err != nil {
		return Target{}, errSOCKS
	}
	return Target{host, uint16(port[0])<<8 | uint16(port[1])}, nil
}

// reply is RFC 1928's section 6, with an address that says nothing.
func reply(code byte) []byte { return []byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0} }
