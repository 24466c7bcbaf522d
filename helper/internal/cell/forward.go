// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	maxStreams   = 512 // at once; further ones wait in the kernel
	backlog      = 128
	dialPatience = 15 * time.Second
)

// forwarder takes what connects to the SOCKS port inside to the proven Tor. It
// reads nothing of it.
type forwarder struct {
	listener net.Listener
	tor      Dialer
	filter   *Filter // nil: nobody asks whose streams these are
	slots    chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil: closed
}

func newForwarder(l net.Listener, tor Dialer, filter *Filter) *forwarder {
	f := &forwarder{listener: l, tor: tor, filter: filter, slots: make(chan struct{}, maxStreams), conns: make(map[net.Conn]struct{})}
	guarded(f.run, f.close)
	return f
}

func (f *forwarder) run() {
	for {
		f.slots <- struct{}{}
		conn, err := f.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, or aborted before it was taken
			<-f.slots
			time.Sleep(10 * time.Millisecond)
			continue
		}
		guarded(func() {
			defer func() { <-f.slots }()
			f.serve(conn)
		}, f.close)
	}
}

// hold keeps a connection to be closed with the cell.
func (f *forwarder) hold(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		_ = c.Close()
		return false
	}
	f.conns[c] = struct{}{}
	return true
}

func (f *forwarder) drop(c net.Conn) {
	_ = c.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

func (f *forwarder) serve(inside net.Conn) {
	if !f.hold(inside) {
		return
	}
	defer f.drop(inside)
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	tor, err := f.tor.Connect(ctx)
	cancel()
	if err != nil || !f.hold(tor) {
		return
	}
	defer f.drop(tor)
	done := make(chan struct{})
	guarded(func() {
		defer close(done)
		copyHalf(tor, inside)
	}, f.close)
	copyHalf(inside, tor)
	_ = inside.Close() // Tor has ended: nothing more goes to it
	<-done
}

// copyHalf copies until src ends, and passes the end on. On Linux the bytes
// stay in the kernel (splice).
func copyHalf(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok {
		_ = dst.Close()
		_ = src.Close()
		return
	}
	_ = half.CloseWrite()
}

// close ends the port and all that goes through it.
func (f *forwarder) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	conns := f.conns
	f.conns = nil
	f.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
}
