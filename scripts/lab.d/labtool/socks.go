// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// connect opens HOST:PORT through the SOCKS port, by name, trying again with
// a new user name (so on a new circuit) until the time is over.
func connect(args []string) (int, error) {
	return status(until(args[0], func() error {
		c, err := socksDial(args[1], args[2])
		if err != nil {
			return err
		}
		return c.Close()
	}))
}

// socksDialAgain tries again, on a new circuit, where Tor had no answer or only
// its general failure: on a busy machine a circuit may take too long.
func socksDialAgain(proxy, target string) (net.Conn, error) {
	for try := 1; ; try++ {
		c, err := socksDial(proxy, target)
		var refused socksError
		if err == nil || try == 3 || errors.As(err, &refused) && refused != generalFailure {
			return c, err
		}
	}
}

// socksError is the reply field of RFC 1928, section 6.
type socksError byte

const generalFailure socksError = 1

func (e socksError) Error() string { return fmt.Sprintf("SOCKS answer %d", byte(e)) }

// socksDial is one RFC 1928 CONNECT with an RFC 1929 user name of its own.
func socksDial(proxy, target string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("tcp", proxy, time.Second)
	if err != nil {
		return nil, err
	}
	if err := socksConnect(c, host, uint16(n)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func socksConnect(c net.Conn, host string, port uint16) error {
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return err
	}
	user := "labtool-" + rand.Text()
	auth := append([]byte{1, byte(len(user))}, user...)
	auth = append(auth, 1, 'x')
	if err := exchange(c, []byte{5, 1, 2}, 2, 2); err != nil {
		return err
	}
	if err := exchange(c, auth, 2, 0); err != nil {
		return err
	}
	request := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	request = append(request, byte(port>>8), byte(port))
	return exchange(c, request, 10, 0)
}

// exchange sends a message and expects an answer of n bytes whose second byte
// is want.
func exchange(c net.Conn, message []byte, n int, want byte) error {
	if _, err := c.Write(message); err != nil {
		return err
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(c, answer); err != nil {
		return fmt.Errorf("cannot read the SOCKS answer: %w", err)
	}
	if answer[1] != want {
		return socksError(answer[1])
	}
	return nil
}

// send sends one UDP packet, or opens one TCP connection and writes the text.
func send(args []string) (int, error) {
	c, err := net.DialTimeout(args[0], args[1], 2*time.Second)
	if err != nil {
		return 1, err
	}
	defer c.Close()
	_, err = c.Write([]byte(args[2]))
	return status(err)
}
