// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// record is what a server received, in clear, over all connections.
type record struct {
	lock sync.Mutex
	data bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.data.Write(p)
}

func (r *record) String() string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.data.String()
}

// got waits until the server received text.
func (r *record) got(t *testing.T, text string) {
	t.Helper()
	r.gotWithin(t, text, deadline)
}

func (r *record) gotWithin(t *testing.T, text string, patience time.Duration) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(r.String(), text) {
			return
		}
	}
	t.Fatalf("the server did not get %q but %q", text, last(r.String(), 3000))
}

// lacks fails if the server received text so far.
func (r *record) lacks(t *testing.T, text string) {
	t.Helper()
	if s := r.String(); strings.Contains(s, text) {
		t.Errorf("the server got %q in %q", text, last(s, 3000))
	}
}

// forget empties the record.
func (r *record) forget() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.data.Reset()
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// serve accepts on loopback until the test ends.
func serve(t *testing.T, handle func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go handle(c)
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// gate is a SOCKS5 server that takes any credentials and hands every
// connection to one server.
func gate(t *testing.T, handle func(net.Conn)) (port string) {
	t.Helper()
	return serve(t, func(c net.Conn) {
		defer c.Close()
		if socks(c) {
			handle(c)
		}
	})
}

func socks(c net.Conn) bool {
	buf := make([]byte, 512)
	read := func(n int) bool { _, err := io.ReadFull(c, buf[:n]); return err == nil }
	write := func(b ...byte) bool { _, err := c.Write(b); return err == nil }
	return read(2) && read(int(buf[1])) && write(5, 2) && // methods
		read(2) && read(int(buf[1])) && read(1) && read(int(buf[0])) && write(1, 0) && // user, password
		read(5) && buf[3] == 3 && read(int(buf[4])+2) && // connect to a name
		write(5, 0, 0, 1, 127, 0, 0, 1, 0, 0)
}
