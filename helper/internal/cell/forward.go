// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"context"
	"io"
	"net"
	"time"
)

const (
	maxStreams   = 512 // at once
	backlog      = 128
	dialPatience = 15 * time.Second
)

// forwarder takes what connects to the SOCKS port inside to the proven Tor.
type forwarder struct {
	tor    Dialer
	filter *Filter // nil: nobody asks whose streams these are
}

func (f forwarder) serve(s *server, inside net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	tor, err := f.tor.Connect(ctx)
	cancel()
	if err != nil || !s.hold(tor) {
		return
	}
	defer s.drop(tor)
	l := f.filter.opened(tor.LocalAddr(), inside.RemoteAddr())
	defer f.filter.closed(l)
	done := make(chan struct{})
	guarded(func() {
		defer close(done)
		copyHalf(tor, inside, l.watch(inside), inside)
	}, s.close)
	copyHalf(inside, tor, tor)
	_ = inside.Close() // Tor has ended: nothing more goes to it
	<-done
}

// copyHalf copies until src, read by way of one after the other, ends, and
// passes the end on. Between two sockets on Linux the bytes stay in the kernel
// (splice).
func copyHalf(dst, src net.Conn, from ...io.Reader) {
	var err error
	for _, r := range from {
		if _, err = io.Copy(dst, r); err != nil {
			break
		}
	}
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok {
		_ = dst.Close()
		_ = src.Close()
		return
	}
	_ = half.CloseWrite()
}
