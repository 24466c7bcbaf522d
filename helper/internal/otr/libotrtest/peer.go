// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package libotrtest

/*
#cgo CFLAGS: -std=gnu11
#cgo LDFLAGS: -lotr -lgcrypt
#include <stdlib.h>
#include "peer.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"unsafe"
)

// A Policy says what libotr offers and does by itself (proto.h, OTRL_POLICY).
type Policy uint

// What a policy is made of.
const (
	V1                Policy = 0x01
	V2                Policy = 0x02
	V3                Policy = 0x04
	RequireEncryption Policy = 0x08
	SendWhitespaceTag Policy = 0x10
	WhitespaceStarts  Policy = 0x20
	ErrorStarts       Policy = 0x40

	Manual        = V2 | V3
	Opportunistic = V2 | V3 | SendWhitespaceTag | WhitespaceStarts | ErrorStarts // what pidgin-otr does
	Always        = V2 | V3 | RequireEncryption | WhitespaceStarts | ErrorStarts
)

// Instances of the buddy that a call can mean, beside a tag itself.
const (
	Best   uint32 = 1
	Recent uint32 = 2
)

// State is libotr's message state.
type State int

// The states, as libotr numbers them.
const (
	Plaintext State = iota
	Encrypted
	Finished
)

// An Account is how libotr's files name one.
type Account struct{ Name, Protocol string }

// A Received is what came of one line.
type Received struct {
	Text   string // for the user, where Shown
	Shown  bool
	Lines  []string // to the wire
	Events []Event
}

// Has says whether such an event is among r's.
func (r Received) Has(kind string) bool { return has(r.Events, kind) }

func has(events []Event, kind string) bool {
	for _, e := range events {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

// Peer is one libotr user, in a conversation with one buddy. A Peer's methods
// may be called from any goroutine: libotr runs one call at a time. Lines and
// texts end at a NUL, as in C.
type Peer struct {
	c       *C.struct_peer
	account Account
	buddy   string
}

// libotr is one library with state of its own: one call at a time.
var (
	mu      sync.Mutex
	initErr = sync.OnceValue(func() error { return failure("otrl_init", C.gcry_error_t(C.peer_init())) })
)

// New is a user without a key (one is made when it is first needed, and kept
// in memory alone), of the policy Opportunistic. It ends with the test.
func New(t testing.TB, account Account, buddy string) *Peer {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if err := initErr(); err != nil {
		t.Fatal(err)
	}
	name, protocol, to := C.CString(account.Name), C.CString(account.Protocol), C.CString(buddy)
	defer free(name, protocol, to)
	p := &Peer{C.peer_new(name, protocol, to), account, buddy}
	p.c.policy = C.OtrlPolicy(Opportunistic)
	t.Cleanup(p.close)
	return p
}

func (p *Peer) close() {
	mu.Lock()
	defer mu.Unlock()
	C.peer_free(p.c)
	p.c = nil
}

// SetPolicy changes what the peer offers and does.
func (p *Peer) SetPolicy(policy Policy) { p.set(func() { p.c.policy = C.OtrlPolicy(policy) }) }

// SetMaxLine has longer messages sent in fragments; bytes, 0: no limit.
func (p *Peer) SetMaxLine(bytes int) { p.set(func() { p.c.max_size = C.int(bytes) }) }

// SetInstance chooses the instance of the buddy that calls mean: its tag, Best
// (at first) or Recent.
func (p *Peer) SetInstance(tag uint32) { p.set(func() { p.c.instance = C.otrl_instag_t(tag) }) }

func (p *Peer) set(f func()) {
	mu.Lock()
	defer mu.Unlock()
	f()
}

// Send is the user sending text. Lines are what libotr puts on the wire, which
// may be the text itself, or a query in its stead.
func (p *Peer) Send(text string) (lines []string, events []Event, err error) {
	return p.send(text, 0, nil, 0)
}

// SendTLV is Send with one TLV of any type and data, as a hostile peer would
// (data of at most 65535 bytes).
func (p *Peer) SendTLV(text string, kind uint16, data []byte) (lines []string, events []Event, err error) {
	if len(data) > 0xffff {
		return nil, nil, errors.New("a TLV holds at most 65535 bytes")
	}
	// C has no empty slice: one byte more, which the length leaves out.
	c := C.CBytes(append(data[:len(data):len(data)], 0))
	defer C.free(c)
	return p.send(text, kind, c, len(data))
}

func (p *Peer) send(text string, kind uint16, tlv unsafe.Pointer, size int) ([]string, []Event, error) {
	mu.Lock()
	defer mu.Unlock()
	c := C.CString(text)
	defer free(c)
	err := failure("otrl_message_sending", C.peer_send(p.c, c, C.int(kind), tlv, C.size_t(size)))
	lines, events := p.take()
	return lines, events, err
}

// Receive is a line coming in from the buddy.
func (p *Peer) Receive(line string) Received {
	mu.Lock()
	defer mu.Unlock()
	c := C.CString(line)
	defer free(c)
	var text *C.char
	internal := C.peer_receive(p.c, c, &text)
	r := Received{Shown: internal == 0}
	if r.Shown {
		r.Text = C.GoString(text)
		free(text)
	}
	r.Lines, r.Events = p.take()
	return r
}

// End ends the conversation with all instances of the buddy.
func (p *Peer) End() (lines []string, events []Event) {
	mu.Lock()
	defer mu.Unlock()
	C.peer_end(p.c)
	return p.take()
}

// Ask starts an SMP with a question.
func (p *Peer) Ask(question, answer string) (lines []string, events []Event, err error) {
	return p.smp(func(c *C.struct_peer) C.int {
		q, a := C.CString(question), C.CString(answer)
		defer free(q, a)
		return C.peer_smp_start(c, q, a)
	})
}

// AskSecret starts an SMP on a shared secret.
func (p *Peer) AskSecret(secret string) (lines []string, events []Event, err error) {
	return p.smp(func(c *C.struct_peer) C.int {
		s := C.CString(secret)
		defer free(s)
		return C.peer_smp_start(c, nil, s)
	})
}

// Answer answers the buddy's SMP.
func (p *Peer) Answer(secret string) (lines []string, events []Event, err error) {
	return p.smp(func(c *C.struct_peer) C.int {
		s := C.CString(secret)
		defer free(s)
		return C.peer_smp_answer(c, s)
	})
}

// Abort ends an SMP.
func (p *Peer) Abort() (lines []string, events []Event, err error) {
	return p.smp(func(c *C.struct_peer) C.int { return C.peer_smp_abort(c) })
}

func (p *Peer) smp(f func(*C.struct_peer) C.int) ([]string, []Event, error) {
	mu.Lock()
	defer mu.Unlock()
	if f(p.c) != 0 {
		return nil, nil, errors.New("cannot run SMP: no such instance of the buddy")
	}
	lines, events := p.take()
	return lines, events, nil
}

// Symkey sends the use of the extra symmetric key, and returns that key.
func (p *Peer) Symkey(use uint32) (key []byte, lines []string, err error) {
	mu.Lock()
	defer mu.Unlock()
	var k [C.OTRL_EXTRAKEY_BYTES]byte
	err = failure("otrl_message_symkey", C.peer_symkey(p.c, C.uint(use), (*C.uchar)(&k[0])))
	lines, _ = p.take()
	return k[:], lines, err
}

// Status is the conversation with the chosen instance.
type Status struct {
	State       State
	Version     int    // of OTR
	Instance    uint32 // theirs
	Fingerprint string // theirs, 40 upper-case digits, "" where there is none
	Trust       string
	SessionID   []byte
}

// Status is what libotr knows of the chosen instance; zero where it knows none.
func (p *Peer) Status() Status {
	mu.Lock()
	defer mu.Unlock()
	c := C.peer_context(p.c)
	if c == nil {
		return Status{}
	}
	s := Status{State: State(c.msgstate), Version: int(c.protocol_version), Instance: uint32(c.their_instance)}
	s.SessionID = C.GoBytes(unsafe.Pointer(&c.sessionid[0]), C.int(c.sessionid_len))
	if f := c.active_fingerprint; f != nil {
		s.Fingerprint, s.Trust = hexOf(f), C.GoString(f.trust)
	}
	return s
}

// take takes the notes of the last call.
func (p *Peer) take() (lines []string, events []Event) {
	for {
		n := C.peer_take(p.c)
		if n == nil {
			return lines, events
		}
		text := C.GoStringN(n.text, C.int(n.len))
		if n.kind == C.NOTE_LINE {
			lines = append(lines, text)
		} else {
			events = append(events, eventOf(n.kind, int(n.code), text))
		}
		C.free(unsafe.Pointer(n))
	}
}

func free(texts ...*C.char) {
	for _, t := range texts {
		C.free(unsafe.Pointer(t))
	}
}

func failure(what string, err C.gcry_error_t) error {
	if err == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s (%d)", what, C.GoString(C.gcry_strerror(err)), uint(err)&0xffff)
}
