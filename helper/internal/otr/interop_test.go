// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package otr

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/otr/libotrtest"
)

// libotrSide is the real libotr at the other end of a wire.
type libotrSide struct {
	*libotrtest.Peer
	seen   []string
	events []libotrtest.Event
}

func (p *libotrSide) receive(line string) []string {
	r := p.Receive(line)
	if r.Shown {
		p.seen = append(p.seen, r.Text)
	}
	p.events = append(p.events, r.Events...)
	return r.Lines
}

func (p *libotrSide) has(kind string) bool {
	return slices.ContainsFunc(p.events, func(e libotrtest.Event) bool { return e.Kind == kind })
}

// wire carries lines between us and each of them; faults, where there are
// any, choose what becomes of the lines that are under way.
type wire struct {
	t      *testing.T
	us     *side
	them   []*libotrSide
	clock  *clock
	lines  []string // all that was carried
	queue  []carried
	faults *rand.Rand
}

type carried struct {
	line   string
	toUs   bool
	author *libotrSide
}

func newWire(t *testing.T, change ...func(*Config)) *wire {
	t.Helper()
	w := &wire{t: t, clock: newClock()}
	config := Config{Key: testKeys()[0], Tag: 0x1111, Now: w.clock.now}
	for _, f := range change {
		f(&config)
	}
	w.us = &side{Conversation: New(config), answer: true}
	w.join()
	return w
}

// join adds an instance of the buddy.
func (w *wire) join() *libotrSide {
	p := &libotrSide{Peer: libotrtest.New(w.t, libotrtest.Account{Name: "bob@b.test/", Protocol: "prpl-jabber"}, "alice@a.test")}
	w.them = append(w.them, p)
	return p
}

func (w *wire) fromUs(lines []string)                  { w.put(lines, false, nil); w.run() }
func (w *wire) fromThem(p *libotrSide, lines []string) { w.put(lines, true, p); w.run() }
func (w *wire) put(l []string, toUs bool, p *libotrSide) {
	for _, line := range l {
		w.queue = append(w.queue, carried{line, toUs, p})
	}
}

func (w *wire) run() {
	w.t.Helper()
	for n := 0; len(w.queue) > 0; n++ {
		if n > 20000 {
			w.t.Fatal("they talk without end")
		}
		c, ok := w.next()
		if !ok {
			continue
		}
		w.lines = append(w.lines, c.line)
		if c.toUs {
			w.put(w.us.receive(c.line), false, nil)
			continue
		}
		for _, p := range w.them {
			w.put(p.receive(c.line), true, p)
		}
	}
}

// next takes a line from the wire; a wire with faults loses one in ten, sends
// one in ten twice, and lets one in five wait behind the next.
func (w *wire) next() (carried, bool) {
	c := w.queue[0]
	w.queue = w.queue[1:]
	if w.faults == nil {
		return c, true
	}
	switch n := w.faults.Intn(10); {
	case n == 0:
		return c, false
	case n == 1:
		w.queue = slices.Insert(w.queue, w.faults.Intn(len(w.queue)+1), c)
	case n <= 3 && len(w.queue) > 0:
		c, w.queue[0] = w.queue[0], c
	}
	return c, true
}

func (w *wire) encrypted() bool {
	return w.us.State() == Encrypted && w.them[0].Status().State == libotrtest.Encrypted
}

func (w *wire) start() {
	w.t.Helper()
	w.fromUs([]string{w.us.Query()})
	if !w.encrypted() {
		w.t.Fatalf("not encrypted: %d and %+v", w.us.State(), w.them[0].Status())
	}
}

// talk has both say something, and checks that the other saw exactly that.
func (w *wire) talk(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		w.us.seen, w.them[0].seen = nil, nil
		lines, err := w.us.Encrypt(text)
		if err != nil {
			w.t.Fatal(err)
		}
		w.fromUs(lines)
		lines, _, err = w.them[0].Send(text)
		if err != nil {
			w.t.Fatal(err)
		}
		w.fromThem(w.them[0], lines)
		if !slices.Equal(w.us.seen, []string{"private: " + text}) || !slices.Equal(w.them[0].seen, []string{text}) {
			w.t.Fatalf("we saw %.200q, they saw %.200q", w.us.seen, w.them[0].seen)
		}
	}
}

var someTexts = []string{"hello", "Grüße, 你好, 🧅", "<b>bold</b> &amp; <br>", strings.Repeat("x", 3<<10)}

// TestStarts is each way to begin, in each version.
func TestStarts(t *testing.T) {
	v2 := func(c *Config) { c.V2 = true }
	none := func(*Config) {}
	policy := map[int]libotrtest.Policy{2: libotrtest.V2, 3: libotrtest.V3, 23: libotrtest.V2 | libotrtest.V3}
	for _, tc := range []struct {
		name    string
		config  func(*Config)
		theirs  libotrtest.Policy
		version int
		begin   func(*wire)
	}{
		{"we ask, 3", none, policy[3], 3, func(w *wire) { w.fromUs([]string{w.us.Query()}) }},
		{"we ask, 3 of 2 and 3", none, policy[23], 3, func(w *wire) { w.fromUs([]string{w.us.Query()}) }},
		{"we ask for 2 and 3", v2, policy[23], 3, func(w *wire) { w.fromUs([]string{w.us.Query()}) }},
		{"we ask, 2", v2, policy[2], 2, func(w *wire) { w.fromUs([]string{w.us.Query()}) }},
		{"they ask, 3", none, policy[3], 3, func(w *wire) { w.fromThem(w.them[0], []string{"?OTRv3?\n<b>bob</b> has requested"}) }},
		{"they ask, 2", v2, policy[2], 2, func(w *wire) { w.fromThem(w.them[0], []string{"?OTRv2?"}) }},
		{"they ask, 2 and 3", v2, policy[23], 3, func(w *wire) { w.fromThem(w.them[0], []string{"?OTRv23?"}) }},
		{"they ask by whitespace, 3", none, policy[23] | libotrtest.SendWhitespaceTag, 3, sayPlain},
		{"they ask by whitespace, 2", v2, policy[2] | libotrtest.SendWhitespaceTag, 2, sayPlain},
		{"their first message", none, libotrtest.Always, 3, sayPlain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWire(t, tc.config)
			w.them[0].SetPolicy(tc.theirs)
			tc.begin(w)
			s := w.them[0].Status()
			if !w.encrypted() || s.Version != tc.version || w.us.Version() != tc.version {
				t.Fatalf("%d, %+v", w.us.State(), s)
			}
			f, _ := w.us.Peer()
			if f.String() != w.them[0].Keys()[0].Fingerprint || s.Fingerprint != testKeys()[0].Fingerprint().String() ||
				w.us.SessionID() != fmt.Sprintf("%x", s.SessionID) {
				t.Errorf("we see %v, %s; they see %+v", f, w.us.SessionID(), s)
			}
			w.talk(someTexts...)
		})
	}
}

func sayPlain(w *wire) {
	lines, _, err := w.them[0].Send("hi")
	if err != nil {
		w.t.Fatal(err)
	}
	w.fromThem(w.them[0], lines)
}

// TestLongTexts has lengths around each multiple of what a fragment holds:
// otr3 by itself loses some of them, and panics on the longest.
func TestLongTexts(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		for _, size := range []int{0, 120, 200, 417} {
			t.Run(fmt.Sprintf("v2 %v, lines of %d", v2, size), func(t *testing.T) {
				w := newWire(t, func(c *Config) { c.V2, c.MaxLine = v2, size })
				w.them[0].SetMaxLine(size)
				if v2 {
					w.them[0].SetPolicy(libotrtest.V2)
				}
				w.start()
				w.talk(someTexts...)
				w.talk(strings.Repeat("60 KB ", 10<<10), strings.Repeat("ü", 50<<10))
				for _, line := range w.lines {
					if size > 0 && len(line) > size && strings.HasPrefix(line, "?OTR:") {
						t.Errorf("a line of %d bytes", len(line))
					}
				}
			})
		}
	}
	w := newWire(t)
	w.start()
	for size := 100; size < 180; size++ { // our own message is always of the same length
		w.us.config.MaxLine = size
		w.talk("hello")
	}
}

func TestSMPWithLibotr(t *testing.T) {
	for _, tc := range []struct {
		name, question, answer string
		v2                     bool
		size                   int
	}{
		{"question", "where?", "there", false, 0},
		{"secret", "", "there", false, 0},
		{"wrong", "where?", "here", false, 0},
		{"version 2", "where?", "there", true, 0},
		{"in fragments", "where?", "there", false, 200},
	} {
		for _, weAsk := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, we ask %v", tc.name, weAsk), func(t *testing.T) {
				w := newWire(t, func(c *Config) { c.V2, c.MaxLine = tc.v2, tc.size })
				p := w.them[0]
				p.SetMaxLine(tc.size)
				if tc.v2 {
					p.SetPolicy(libotrtest.V2)
				}
				w.start()
				for range 2 { // and again
					w.us.events, p.events = nil, nil
					if weAsk {
						w.fromUs(must(t)(ask(w.us, tc.question)))
						lines, _, err := p.Answer(tc.answer)
						w.fromThem(p, must(t)(lines, err))
					} else {
						lines, _, err := askThem(p, tc.question)
						w.fromThem(p, must(t)(lines, err))
						w.fromUs(must(t)(w.us.Answer(tc.answer)))
					}
					want, wantThem := EventSMPSucceeded, []string{"smp-success"}
					if tc.answer == "here" {
						want, wantThem = EventSMPFailed, []string{"smp-failure"}
					}
					if !w.us.has(want) || !slices.ContainsFunc(wantThem, p.has) || !p.has("smp-success") && want == EventSMPSucceeded {
						t.Errorf("our events %v, theirs %v", w.us.events, p.events)
					}
					w.talk("on")
				}
			})
		}
	}
}

func ask(s *side, question string) ([]string, error) {
	if question == "" {
		return s.AskSecret("there")
	}
	return s.Ask(question, "there")
}

func askThem(p *libotrSide, question string) ([]string, []libotrtest.Event, error) {
	if question == "" {
		return p.AskSecret("there")
	}
	return p.Ask(question, "there")
}

func TestSMPAborted(t *testing.T) {
	w := newWire(t)
	p := w.them[0]
	w.start()
	w.fromUs(must(t)(w.us.Ask("where?", "there")))
	w.fromUs(must(t)(w.us.Abort()))
	if !p.has("smp-abort") {
		t.Errorf("their events %v", p.events)
	}
	lines, _, err := p.Ask("who?", "me")
	w.fromThem(p, must(t)(lines, err))
	lines, _, err = p.Abort()
	w.fromThem(p, must(t)(lines, err))
	if !w.us.has(EventSMPAborted) {
		t.Errorf("our events %v", w.us.events)
	}
	if _, err := w.us.Answer("me"); err == nil {
		t.Error("an answer after the abort")
	}
	w.fromUs(must(t)(w.us.Ask("where?", "there")))
	lines, _, err = p.Answer("there")
	w.fromThem(p, must(t)(lines, err))
	if !w.us.has(EventSMPSucceeded) {
		t.Errorf("our events %v", w.us.events)
	}
}

// TestEndsAndRestarts: each side ends, starts again, presses refresh at once
// after an AKE, or comes back as a program that has forgotten all.
func TestEndsAndRestarts(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		config := func(c *Config) { c.V2 = v2 }
		policy := libotrtest.V3
		query := "?OTRv3?"
		if v2 {
			policy, query = libotrtest.V2, "?OTRv2?"
		}
		w := newWire(t, config)
		w.them[0].SetPolicy(policy)
		w.start()
		w.talk("one")
		w.fromUs(w.us.End())
		if w.us.State() != Plaintext || w.them[0].Status().State != libotrtest.Finished {
			t.Errorf("v2 %v: after our end: %d, %+v", v2, w.us.State(), w.them[0].Status())
		}
		w.start()
		w.talk("two")
		lines, _ := w.them[0].End()
		w.fromThem(w.them[0], lines)
		if w.us.State() != Finished || !w.us.has(EventFinished) {
			t.Errorf("v2 %v: after their end: %d", v2, w.us.State())
		}
		if _, err := w.us.Encrypt("three"); err == nil {
			t.Errorf("v2 %v: encrypted to nobody", v2)
		}
		w.start()
		w.talk("three")
		w.fromUs([]string{query}) // refresh
		w.talk("four")
		w.fromThem(w.them[0], []string{query})
		w.talk("five")
		if !w.us.has(EventStillSecure) {
			t.Errorf("v2 %v: events %v", v2, w.us.events)
		}
		w.them = nil // another program, another key
		w.join().SetPolicy(policy)
		w.us.events = nil
		w.fromThem(w.them[0], []string{query})
		w.talk("six")
		if !w.us.has(EventGoneSecure) || w.us.has(EventStillSecure) {
			t.Errorf("v2 %v: another key: %v", v2, w.us.events)
		}
		w.us.Conversation = New(w.us.config) // and we forget
		w.fromUs([]string{query})
		w.talk("seven")
	}
}

// TestLostSession is a message to us when we have forgotten all: the other
// side is told, and can begin anew.
func TestLostSession(t *testing.T) {
	w := newWire(t)
	w.start()
	w.us.Conversation = New(w.us.config)
	lines, _, err := w.them[0].Send("lost")
	w.fromThem(w.them[0], must(t)(lines, err))
	if !w.us.has(EventUnreadable) || !w.them[0].has("msg-general-error") {
		t.Errorf("our events %v, theirs %v", w.us.events, w.them[0].events)
	}
	if !w.encrypted() { // libotr's policy has it begin after an error
		t.Fatal("no new session")
	}
	w.talk("found")
}

// TestSeveralInstances is a buddy at two computers.
func TestSeveralInstances(t *testing.T) {
	for _, weAsk := range []bool{true, false} {
		w := newWire(t)
		two := w.join()
		w.them[0].SetPolicy(libotrtest.V3)
		two.SetPolicy(libotrtest.V3)
		if weAsk {
			w.fromUs([]string{w.us.Query()})
		} else {
			w.fromThem(w.them[0], []string{"?OTRv3?"})
		}
		for i, p := range w.them {
			if s := p.Status(); s.State != libotrtest.Encrypted {
				t.Fatalf("we ask %v: instance %d: %+v, ours %d instances", weAsk, i, s, len(w.us.instances))
			}
		}
		for i, p := range []*libotrSide{w.them[0], two, w.them[0]} {
			w.us.seen, two.seen, w.them[0].seen = nil, nil, nil
			lines, _, err := p.Send("ping")
			w.fromThem(p, must(t)(lines, err))
			f, _ := w.us.Peer()
			if f.String() != p.Keys()[0].Fingerprint || !slices.Equal(w.us.seen, []string{"private: ping"}) {
				t.Errorf("we ask %v, %d: we talk to %v, saw %q", weAsk, i, f, w.us.seen)
			}
			w.fromUs(must(t)(w.us.Encrypt("pong")))
			if n := len(two.seen) + len(w.them[0].seen); n != 1 || !slices.Equal(p.seen, []string{"pong"}) {
				t.Errorf("we ask %v, %d: they saw %q and %q", weAsk, i, w.them[0].seen, two.seen)
			}
		}
		end, _ := two.End()
		w.fromThem(two, end)
		if w.us.State() != Encrypted {
			t.Error("the end of one instance ended the other")
		}
		w.talk("still")
		w.fromUs(w.us.End())
		if s := w.them[0].Status().State; s != libotrtest.Finished {
			t.Errorf("their state %d after our end", s)
		}
	}
}

// TestBothBegin has queries cross on the wire. Two libotr do not get a session
// out of it in version 3.
func TestBothBegin(t *testing.T) {
	for range 12 {
		w := newWire(t)
		w.them[0].SetPolicy(libotrtest.V3)
		w.put(w.us.receive("?OTRv3?"), false, nil)
		w.put(w.them[0].receive("?OTRv3?"), true, w.them[0])
		w.run()
		if !w.encrypted() {
			t.Fatalf("no session: %d, %+v", w.us.State(), w.them[0].Status())
		}
		w.talk("fine")
	}
	for range 12 { // in version 2 libotr may be stuck: once more must help
		w := newWire(t, func(c *Config) { c.V2 = true })
		w.them[0].SetPolicy(libotrtest.V2)
		w.put(w.us.receive("?OTRv2?"), false, nil)
		w.put(w.them[0].receive("?OTRv2?"), true, w.them[0])
		w.run()
		if !w.encrypted() {
			w.start()
		}
		w.talk("fine")
	}
}

// TestBadWires: whatever the wire does, no text is shown that was not sent, and
// once it is well again, so is the conversation.
func TestBadWires(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for seed := range rounds {
		size := []int{0, 120, 200, 417}[seed%4]
		t.Run(fmt.Sprintf("seed %d, lines of %d", seed, size), func(t *testing.T) {
			w := newWire(t, func(c *Config) { c.MaxLine = size })
			p := w.them[0]
			p.SetMaxLine(size)
			w.faults = rand.New(rand.NewSource(int64(seed)))
			sent := map[string]bool{}
			for i := range 12 {
				w.clock.pass(20 * time.Second)
				if i%4 == 0 || w.us.State() != Encrypted {
					w.fromUs([]string{w.us.Query()})
				}
				text := fmt.Sprintf("text %d %s", i, strings.Repeat("x", i*20))
				sent[text], sent["private: "+text], sent["[resent] "+text], sent["private: [resent] "+text] = true, true, true, true
				if lines, err := w.us.Encrypt(text); err == nil {
					w.fromUs(lines)
				}
				if p.Status().State == libotrtest.Encrypted {
					lines, _, err := p.Send(text)
					w.fromThem(p, must(t)(lines, err))
				}
			}
			for _, s := range append(w.us.seen, p.seen...) {
				if !sent[s] {
					t.Errorf("seen, but not sent: %q", s)
				}
			}
			w.faults = nil
			w.start()
			w.talk("well again", "and again")
		})
	}
}

// TestLibotrAttacks are the holes that a peer with a session can reach.
func TestLibotrAttacks(t *testing.T) {
	w := newWire(t)
	w.start()
	p := w.them[0]
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	for kind := uint16(0); kind < 12; kind++ {
		for _, value := range [][]byte{nil, huge, append([]byte("why?\x00"), huge...), bytes.Repeat(huge, 4000)} {
			if kind == 1 {
				continue // the end of the session
			}
			w.us.seen = nil
			lines, _, err := p.SendTLV("text", kind, value)
			w.fromThem(p, must(t)(lines, err))
			if !slices.Equal(w.us.seen, []string{"private: text"}) {
				t.Errorf("TLV %d, %d bytes: seen %q", kind, len(value), w.us.seen)
			}
		}
	}
	w.clock.pass(time.Minute)
	w.talk("on")
	w.fromUs(must(t)(w.us.Ask("where?", "there")))
	lines, _, err := p.Answer("there")
	w.fromThem(p, must(t)(lines, err))
	if !w.us.has(EventSMPSucceeded) {
		t.Errorf("SMP after the attacks: %v", w.us.events)
	}
	// A man in the middle, who makes an error and then has an AKE of its own.
	lines, err = w.us.Encrypt("for one key only")
	must(t)(lines, err)
	w.us.receive("?OTR Error: lost")
	w.them = nil
	w.join()
	w.start()
	if len(w.them[0].seen) > 0 || w.us.has(EventResent) {
		t.Errorf("they saw %q", w.them[0].seen)
	}
}
