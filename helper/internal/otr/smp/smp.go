// SPDX-License-Identifier: GPL-3.0-or-later

package smp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
)

// Message is a TLV of a data message (OTRv3, "TLV types").
type Message struct {
	Kind  uint16
	Value []byte
}

// The kinds of messages.
const (
	kind1     = 2
	kind2     = 3
	kind3     = 4
	kind4     = 5
	kindAbort = 6
	kind1Q    = 7 // as kind1, behind a question and a zero byte
)

// Result is what the user is told of a message.
type Result uint8

// The results. Nothing comes of a message in the middle, and of one that was
// answered by a message only.
const (
	Nothing   Result = iota
	Asked            // the user has to answer: Party.Answer
	Succeeded        // the secrets are the same
	Failed           // they are not
	Aborted          // by the peer, or because of what the peer sent
)

// state says which message is due (OTRv3, "smpstate").
type state uint8

const (
	expect1   state = iota
	answering       // expect1, and a question waits for the user
	expect2
	expect3
	expect4
)

// Party is one side of the protocol in one session, for as many runs as the
// users want. It is for one goroutine at a time.
type Party struct {
	random       io.Reader
	ours, theirs [20]byte // fingerprints
	ssid         [8]byte

	state      state
	secret     []byte // hashed; the initiator's x or the responder's y
	a2, a3     []byte // our exponents of g2 and g3
	g2, g3     []byte
	theirs2    []byte // g2a, until it is answered
	theirs3    []byte // g3a or g3b
	own        coordinates
	papb, qaqb []byte
}

var (
	errNotAsked = errors.New("cannot answer: nobody has asked")
	errSecret   = errors.New("cannot ask: no secret")
)

// New is a party to the session that both sides know as ssid.
func New(random io.Reader, ours, theirs [20]byte, ssid [8]byte) *Party {
	return &Party{random: random, ours: ours, theirs: theirs, ssid: ssid}
}

// Start asks the peer for the secret, or, with a question, for its answer. What
// was under way is given up. The question has no zero byte.
func (p *Party) Start(question, secret string) ([]Message, error) {
	if secret == "" {
		return nil, errSecret
	}
	var out []Message
	if p.state != expect1 {
		out = append(out, p.Abort())
	}
	r, err := p.draw(4)
	if err != nil {
		return nil, err
	}
	p.secret = p.hashed(p.ours, p.theirs, secret)
	p.a2, p.a3 = r[0], r[1]
	m := numbers(kind1, p.introduce(1, r[2], r[3])...)
	if question != "" {
		m = Message{kind1Q, append(append([]byte(question), 0), m.Value...)}
	}
	p.state = expect2
	return append(out, m), nil
}

// introduce is our halves of g2 and g3, with the proofs that we know the
// exponents: the first of them has that version, the second the next.
func (p *Party) introduce(version byte, r2, r3 []byte) [][]byte {
	c2, d2 := knows(version, p.a2, r2)
	c3, d3 := knows(version+1, p.a3, r3)
	return [][]byte{powerOf2(p.a2), c2, d2, powerOf2(p.a3), c3, d3}
}

// Answer gives the secret that was Asked for.
func (p *Party) Answer(secret string) (Message, error) {
	if p.state != answering {
		return Message{}, errNotAsked
	}
	r, err := p.draw(7)
	if err != nil {
		return Message{}, err
	}
	p.secret = p.hashed(p.theirs, p.ours, secret)
	p.a2, p.a3 = r[0], r[1]
	out := p.introduce(3, r[2], r[3])
	p.g2, p.g3 = power(p.theirs2, p.a2), power(p.theirs3, p.a3)
	k := newCoordinates(5, p.g2, p.g3, p.secret, r[4], r[5], r[6])
	p.own = k
	p.state = expect3
	return numbers(kind2, append(out, k.p, k.q, k.c, k.d5, k.d6)...), nil
}

// Abort gives up what is under way, and is the message that says so.
func (p *Party) Abort() Message {
	p.reset()
	return Message{Kind: kindAbort}
}

// reset forgets the secrets of a run.
func (p *Party) reset() {
	for _, b := range [][]byte{p.secret, p.a2, p.a3, p.g2, p.g3} {
		clear(b)
	}
	*p = *New(p.random, p.ours, p.theirs, p.ssid)
}

// Receive takes a message. The question is that of Asked, "" where there is
// none. The answer is to be sent at once; nil: none.
func (p *Party) Receive(m Message) (answer *Message, result Result, question string) {
	switch {
	case m.Kind == kindAbort:
		if p.state != expect1 {
			result = Aborted
		}
		p.reset()
		return nil, result, ""
	case m.Kind == kind1Q && (p.state == expect1 || p.state == answering):
		text, rest, ok := bytes.Cut(m.Value, []byte{0})
		if ok && p.asked(rest) {
			return nil, Asked, string(text)
		}
	case m.Kind == kind1 && (p.state == expect1 || p.state == answering):
		if p.asked(m.Value) {
			return nil, Asked, ""
		}
	case m.Kind == kind2 && p.state == expect2:
		if out, ok := p.receive2(m.Value); ok {
			return &out, Nothing, ""
		}
	case m.Kind == kind3 && p.state == expect3:
		if out, same, ok := p.receive3(m.Value); ok {
			p.reset()
			return &out, outcome(same), ""
		}
	case m.Kind == kind4 && p.state == expect4:
		if same, ok := p.receive4(m.Value); ok {
			p.reset()
			return nil, outcome(same), ""
		}
	}
	out := p.Abort()
	return &out, Aborted, ""
}

func outcome(same bool) Result {
	if same {
		return Succeeded
	}
	return Failed
}

// asked takes message 1 (OTRv3, "SMP message 1").
func (p *Party) asked(value []byte) bool {
	n, ok := parse(value, "ecdecd")
	if !ok || !knowsHolds(1, n[0], n[1], n[2]) || !knowsHolds(2, n[3], n[4], n[5]) {
		return false
	}
	p.theirs2, p.theirs3 = n[0], n[3]
	p.state = answering
	return true
}

// receive2 takes message 2 and is message 3.
func (p *Party) receive2(value []byte) (out Message, ok bool) {
	n, ok := parse(value, "ecdecdeecdd")
	if !ok || !knowsHolds(3, n[0], n[1], n[2]) || !knowsHolds(4, n[3], n[4], n[5]) {
		return out, false
	}
	p.theirs3 = n[3]
	p.g2, p.g3 = power(n[0], p.a2), power(n[3], p.a3)
	theirs := coordinates{n[6], n[7], n[8], n[9], n[10]}
	r, err := p.draw(4)
	if err != nil || !theirs.hold(5, p.g2, p.g3) {
		return out, false
	}
	k := newCoordinates(6, p.g2, p.g3, p.secret, r[0], r[1], r[2])
	if !p.compare(k, theirs) {
		return out, false
	}
	b := newBlinded(7, p.qaqb, p.a3, r[3])
	p.state = expect4
	return numbers(kind3, k.p, k.q, k.c, k.d5, k.d6, b.r, b.c, b.d), true
}

// compare keeps the quotients of the initiator's coordinates and the
// responder's; false where one of them shows nothing.
func (p *Party) compare(a, b coordinates) bool {
	if bytes.Equal(a.p, b.p) || bytes.Equal(a.q, b.q) {
		return false
	}
	p.papb, p.qaqb = quotient(a.p, b.p), quotient(a.q, b.q)
	return true
}

// receive3 takes message 3 and is message 4. Same says that the secrets are.
// The initiator is answered in any case, and finds out for himself.
func (p *Party) receive3(value []byte) (out Message, same, ok bool) {
	n, ok := parse(value, "eecddecd")
	if !ok {
		return out, false, false
	}
	theirs, b := coordinates{n[0], n[1], n[2], n[3], n[4]}, blinded{n[5], n[6], n[7]}
	r, err := p.draw(1)
	if err != nil || !theirs.hold(6, p.g2, p.g3) || !p.compare(theirs, p.own) || !b.holds(7, p.qaqb, p.theirs3) {
		return out, false, false
	}
	own := newBlinded(8, p.qaqb, p.a3, r[0])
	return numbers(kind4, own.r, own.c, own.d), p.same(b), true
}

// receive4 takes message 4.
func (p *Party) receive4(value []byte) (same, ok bool) {
	n, ok := parse(value, "ecd")
	if !ok {
		return false, false
	}
	b := blinded{n[0], n[1], n[2]}
	if !b.holds(8, p.qaqb, p.theirs3) {
		return false, false
	}
	return p.same(b), true
}

// same says whether (Qa/Qb)^(a3*b3) is Pa/Pb, as it is where x is y.
func (p *Party) same(theirs blinded) bool {
	return subtle.ConstantTimeCompare(power(theirs.r, p.a3), p.papb) == 1
}

func (p *Party) draw(n int) (out [][]byte, err error) {
	for range n {
		e, err := drawExponent(p.random)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// hashed is what is compared: the secret bound to the two keys and the session.
func (p *Party) hashed(initiator, responder [20]byte, secret string) []byte {
	h := sha256.New()
	h.Write([]byte{1})
	h.Write(initiator[:])
	h.Write(responder[:])
	h.Write(p.ssid[:])
	h.Write([]byte(secret))
	return h.Sum(nil)
}

func numbers(kind uint16, n ...[]byte) Message {
	return Message{kind, appendNumbers(binary.BigEndian.AppendUint32(nil, uint32(len(n))), n...)}
}

// parse reads a message's numbers, in that order: e is a group element, c a
// challenge, d a response.
func parse(value []byte, kinds string) (out [][]byte, ok bool) {
	count, value, ok := word(value)
	if !ok || uint64(count) != uint64(len(kinds)) {
		return nil, false
	}
	for _, kind := range kinds {
		var length uint32
		if length, value, ok = word(value); !ok || uint64(length) > uint64(len(value)) {
			return nil, false
		}
		read := map[rune]func([]byte) ([]byte, bool){'e': element, 'c': challenge, 'd': exponent}[kind]
		n, ok := read(value[:length])
		if !ok {
			return nil, false
		}
		out, value = append(out, n), value[length:]
	}
	return out, len(value) == 0
}

func word(b []byte) (uint32, []byte, bool) {
	if len(b) < 4 {
		return 0, b, false
	}
	return binary.BigEndian.Uint32(b), b[4:], true
}
