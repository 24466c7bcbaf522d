// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// StreamEvent is one of Tor's STREAM events about anyone's stream (control-spec
// 4.1.2). Source and what follows it come when a stream is new.
type StreamEvent struct {
	ID, Status, Circuit, Target string
	Source                      string
	User, Password              redact.Secret
	IsolatedBy                  string
}

// Circuit is one of Tor's circuits. Exit is "$FINGERPRINT~nickname", or empty
// where it leads to no exit or is not built.
type Circuit struct {
	ID, ConfluxID, Status, Purpose, Onion, Exit string
	User                                        redact.Secret
}

// Facts are what the control port inside says about Tor.
type Facts struct {
	Alive    bool // a Tor is proven now
	Version  string
	Progress int // percent; below 0 where nobody tells
	Summary  string
}

// Filter is the control port inside. It answers out of facts and Tor's events,
// about the streams of this cell alone; what a program says goes no further.
// The zero value is of no use; a nil *Filter knows of no stream.
type Filter struct {
	facts    func() Facts
	circuits func(context.Context) ([]Circuit, error)
	socks    string // the SOCKS port inside

	mu      sync.Mutex
	links   map[*link]struct{}
	streams map[string]*stream // by Tor's id
	readers map[*reader]struct{}
}

// link is one connection through the SOCKS port.
type link struct {
	filter          *Filter
	outside, inside string // both ends of the person's side; outside is empty over a unix socket
	mu              sync.Mutex
	user, password  redact.Secret // as the program gave them
	claimed         bool          // its stream was told of: SOCKS has one for a connection
	over            bool          // it has ended, and its stream was not told of yet
}

// lateness is how long after a connection's end Tor's event of its stream may
// come: it is on another connection.
const lateness = 5 * time.Second

// stream is one stream of this cell that lives.
type stream struct{ status, circuit, target string }

// NewFilter is a control port for one cell. facts and circuits ask the Tor
// that its streams go to.
func NewFilter(facts func() Facts, circuits func(context.Context) ([]Circuit, error)) *Filter {
	return &Filter{facts: facts, circuits: circuits,
		links: map[*link]struct{}{}, streams: map[string]*stream{}, readers: map[*reader]struct{}{}}
}

// opened is called before a byte of the connection goes to Tor.
func (f *Filter) opened(outside, inside net.Addr) *link {
	if f == nil {
		return nil
	}
	l := &link{filter: f, inside: inside.String()}
	if _, tcp := outside.(*net.TCPAddr); tcp {
		l.outside = outside.String()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links[l] = struct{}{}
	return l
}

// closed forgets the connection: its port may be another program's next. Where
// its stream was not told of, its credentials stand for it a while: Tor closes
// a RESOLVE's as soon as it is answered.
func (f *Filter) closed(l *link) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.wait() {
		time.AfterFunc(lateness, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.links, l)
		})
		return
	}
	delete(f.links, l)
}

// wait says whether there is something to wait for after the end.
func (l *link) wait() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = !l.claimed && !l.user.Empty()
	return l.over
}

// watch is the program's side until its credentials passed, or cannot come.
func (l *link) watch(conn net.Conn) io.Reader {
	if l == nil {
		return strings.NewReader("")
	}
	return &sniffer{Reader: conn, found: func(user, password string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.user, l.password = redact.New(user), redact.New(password)
	}}
}

// is says whether a new stream is this connection's.
func (l *link) is(ev StreamEvent) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimed || l.outside != "" && ev.Source != l.outside {
		return false
	}
	// Over a unix socket there is no port.
	return l.outside != "" && !l.over || !l.user.Empty() && ev.User.Equal(l.user) && ev.Password.Equal(l.password)
}

func (l *link) claim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed = true
}

// Stream takes one of Tor's events, in order.
func (f *Filter) Stream(ev StreamEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.streams[ev.ID]
	if ev.Status == "NEW" || ev.Status == "NEWRESOLVE" {
		l := f.linkOf(ev)
		if l == nil {
			return
		}
		l.claim()
		ev.Source = l.inside
		s = &stream{}
		f.streams[ev.ID] = s
	}
	if s == nil {
		return
	}
	if s.status != "" {
		ev.Source = "" // it was told when the stream was new
	}
	s.status, s.circuit, s.target = ev.Status, ev.Circuit, ev.Target
	if ev.Status == "CLOSED" || ev.Status == "FAILED" {
		delete(f.streams, ev.ID)
	}
	f.tell("STREAM", streamLine(ev))
}

func (f *Filter) linkOf(ev StreamEvent) *link {
	for l := range f.links {
		if l.is(ev) {
			return l
		}
	}
	return nil
}

// Changed is called when Tor's state changed. Where Tor is gone, so are its
// streams and the control port's connections.
func (f *Filter) Changed() {
	facts := f.facts()
	f.mu.Lock()
	defer f.mu.Unlock()
	if facts.Alive {
		f.tell("STATUS_CLIENT", "STATUS_CLIENT "+bootstrapLine(facts))
		return
	}
	clear(f.streams)
	for r := range f.readers {
		_ = r.conn.Close()
	}
}

// tell sends an event to who wants it. Who does not read is dropped.
func (f *Filter) tell(event, text string) {
	for r := range f.readers {
		if !r.wants[event] {
			continue
		}
		select {
		case r.lines <- "650 " + text + "\r\n":
		default:
			_ = r.conn.Close()
		}
	}
}

// circuitIDs are the circuits that streams of this cell are on.
func (f *Filter) circuitIDs() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make(map[string]bool)
	for _, s := range f.streams {
		if s.circuit != "0" && s.circuit != "" {
			ids[s.circuit] = true
		}
	}
	return ids
}

// sniffer reads a SOCKS5 user name and password (RFC 1928, RFC 1929) as they
// pass, and ends when it has them or cannot get them any more.
type sniffer struct {
	io.Reader
	found func(user, password string)
	seen  []byte
	done  bool
}

func (s *sniffer) Read(p []byte) (int, error) {
	if s.done {
		return 0, io.EOF
	}
	n, err := s.Reader.Read(p)
	s.seen = append(s.seen, p[:n]...)
	user, password, more := socksCredentials(s.seen)
	if !more {
		s.done, s.seen = true, nil
		s.found(user, password)
	}
	return n, err
}

// socksCredentials reads a greeting and what follows it; more says that it
// does not know yet. Where there are none, both are empty.
func socksCredentials(b []byte) (user, password string, more bool) {
	if len(b) < 2 {
		return "", "", len(b) == 0 || b[0] == 5
	}
	greeting := 2 + int(b[1])
	switch {
	case b[0] != 5:
		return "", "", false
	case len(b) <= greeting:
		return "", "", true
	case b[greeting] != 1:
		return "", "", false
	}
	if user, b, more = counted(b[greeting+1:]); more {
		return "", "", true
	}
	if password, _, more = counted(b); more {
		return "", "", true
	}
	return user, password, false
}

// counted takes a string of one length byte off b.
func counted(b []byte) (text string, rest []byte, more bool) {
	if len(b) < 1 || len(b)-1 < int(b[0]) {
		return "", nil, true
	}
	return string(b[1 : 1+int(b[0])]), b[1+int(b[0]):], false
}
