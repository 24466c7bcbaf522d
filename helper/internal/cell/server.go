// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"net"
	"sync"
	"time"
)

// server serves one listening socket from inside the cell.
type server struct {
	listener net.Listener
	handle   func(*server, net.Conn)
	slots    chan struct{} // as many as may be served at once; further ones wait in the kernel

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil: closed
	shut  bool                  // by open
}

func serve(l net.Listener, atOnce int, handle func(*server, net.Conn)) *server {
	s := &server{listener: l, handle: handle, slots: make(chan struct{}, atOnce), conns: make(map[net.Conn]struct{})}
	guarded(s.run, s.close)
	return s
}

func (s *server) run() {
	for {
		s.slots <- struct{}{}
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, aborted before it was taken, or Tor is away
			<-s.slots
			time.Sleep(20 * time.Millisecond)
			continue
		}
		guarded(func() {
			defer func() { <-s.slots }()
			if s.hold(conn) {
				defer s.drop(conn)
				s.handle(s, conn)
			}
		}, s.close)
	}
}

// hold keeps a connection, to be closed with the server.
func (s *server) hold(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_ = c.Close()
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *server) drop(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// closeAll ends what is open; further connections are served.
func (s *server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// close ends the port and all that goes through it.
func (s *server) close() {
	_ = s.listener.Close()
	s.closeAll()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = nil
}
