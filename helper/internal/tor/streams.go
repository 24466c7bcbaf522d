// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// StreamEvent is one STREAM event (control-spec 4.1.2) about anyone's stream.
// Source and the fields after it come with Status NEW and NEWRESOLVE alone.
type StreamEvent struct {
	ID, Status, Circuit, Target string
	Source                      string // the end of who asked, "127.0.0.1:40000"
	User, Password              redact.Secret
	IsolatedBy                  string // ISO_FIELDS
}

// streamWatch finds our own streams among Tor's STREAM events (control-spec
// 4.1.2). It keeps nothing about the streams of others. The zero value works.
type streamWatch struct {
	mu       sync.Mutex
	expected []*sighting
	byID     map[string]*sighting
	told     func(StreamEvent) // nil: nobody else wants to know
}

// tell has every further event told.
func (w *streamWatch) tell(f func(StreamEvent)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = f
}

// sighting is one stream of ours that Tor should tell of.
type sighting struct {
	user, password redact.Secret
	source         string // our end, as SOURCE_ADDR has it; empty over a unix socket
	seen           chan struct{}

	mu        sync.Mutex
	isolation policy.Isolation
	id        string
	circuit   string
}

// expect is called before the request is sent. A nil watch expects nothing.
func (w *streamWatch) expect(user, password redact.Secret, conn net.Conn) *sighting {
	s := &sighting{user: user, password: password, seen: make(chan struct{}), isolation: policy.IsolationUnknown}
	if _, tcp := conn.(*net.TCPConn); tcp {
		s.source = conn.LocalAddr().String()
	}
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.expected = append(w.expected, s)
	}
	return s
}

// forget ends the watch over a stream.
func (w *streamWatch) forget(s *sighting) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(s)
	_, _, id := s.state()
	delete(w.byID, id)
}

func (w *streamWatch) drop(s *sighting) {
	w.expected = slices.DeleteFunc(w.expected, func(x *sighting) bool { return x == s })
}

// event reads the text after "STREAM ".
func (w *streamWatch) event(text string) {
	list := words(text)
	if len(list) < 4 {
		return
	}
	id, status, circuit := list[0], list[1], list[2]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told != nil {
		args := arguments(list[4:])
		w.told(StreamEvent{id, status, circuit, list[3], args["SOURCE_ADDR"],
			redact.New(args["SOCKS_USERNAME"]), redact.New(args["SOCKS_PASSWORD"]), args["ISO_FIELDS"]})
	}
	if s := w.byID[id]; s != nil {
		switch status {
		case "CLOSED", "FAILED":
			delete(w.byID, id)
		default:
			s.onCircuit(circuit)
		}
		return
	}
	if status == "NEW" || status == "NEWRESOLVE" {
		w.born(id, arguments(list[4:]))
	}
}

func (w *streamWatch) born(id string, args map[string]string) {
	for _, s := range w.expected {
		if !s.is(args) {
			continue
		}
		s.judge(id, args)
		w.drop(s)
		if w.byID == nil {
			w.byID = make(map[string]*sighting)
		}
		w.byID[id] = s
		return
	}
}

// is compares our end of the connection; over a unix socket, where there is
// none, the user name has to do.
func (s *sighting) is(args map[string]string) bool {
	if s.source != "" {
		return args["SOURCE_ADDR"] == s.source
	}
	return redact.New(args["SOCKS_USERNAME"]).Equal(s.user)
}

// judge holds the rule of what proves isolation: exactly our credentials on
// our own stream, and both among the fields that Tor isolates by.
func (s *sighting) judge(id string, args map[string]string) {
	fields := strings.Split(args["ISO_FIELDS"], ",")
	proven := redact.New(args["SOCKS_USERNAME"]).Equal(s.user) && redact.New(args["SOCKS_PASSWORD"]).Equal(s.password) &&
		slices.Contains(fields, "SOCKS_USERNAME") && slices.Contains(fields, "SOCKS_PASSWORD")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.isolation = id, policy.IsolationOff
	if _, told := args["ISO_FIELDS"]; !told { // before tor 0.4.5
		s.isolation = policy.IsolationUnknown
	}
	if proven {
		s.isolation = policy.IsolationProven
	}
	close(s.seen)
}

func (s *sighting) onCircuit(id string) {
	if id == "0" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.circuit = id
}

func (s *sighting) state() (iso policy.Isolation, circuit, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isolation, s.circuit, s.id
}

// wait gives the event time to come: it is on its way on another connection.
func (s *sighting) wait(ctx context.Context) policy.Isolation {
	select {
	case <-s.seen:
	case <-ctx.Done():
	}
	iso, _, _ := s.state()
	return iso
}
