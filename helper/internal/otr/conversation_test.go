// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// testKeys are made once: a prime search takes a while.
var testKeys = sync.OnceValue(func() (keys [4]*Key) {
	for i := range keys {
		k, err := GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[i] = k
	}
	return keys
})

// clock is time that a test moves on.
type clock struct{ at time.Time }

func newClock() *clock                { return &clock{time.Unix(1700000000, 0)} }
func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

// side is one user of a wire: a conversation of ours and what it gave.
type side struct {
	*Conversation
	name   string
	answer bool
	seen   []string // "plain: ..." or "private: ..."
	events []Event
}

func (s *side) receive(line string) []string {
	r := s.Receive(line, s.answer)
	switch r.Kind {
	case ReceivedPlain:
		s.seen = append(s.seen, "plain: "+r.Text)
	case ReceivedPrivate:
		s.seen = append(s.seen, "private: "+r.Text)
	case ReceivedNothing:
	}
	s.events = append(s.events, r.Events...)
	return r.Send
}

func (s *side) has(k EventKind) bool {
	return slices.ContainsFunc(s.events, func(e Event) bool { return e.Kind == k })
}

func (s *side) forget() { s.seen, s.events = nil, nil }

// pair is two sides, and a wire that remembers all that it carried.
type pair struct {
	a, b    *side
	carried []string
	clock   *clock
}

func newPair(change ...func(a, b *Config)) *pair {
	p := &pair{clock: newClock()}
	keys := testKeys()
	a := Config{Key: keys[0], Tag: 0x1111, Now: p.clock.now}
	b := Config{Key: keys[1], Tag: 0x2222, Now: p.clock.now}
	for _, f := range change {
		f(&a, &b)
	}
	p.a = &side{Conversation: New(a), name: "a", answer: true}
	p.b = &side{Conversation: New(b), name: "b", answer: true}
	return p
}

// carry brings lines from one side to the other, and the answers back, until
// there are none.
func (p *pair) carry(from *side, lines []string) {
	type item struct {
		from *side
		line string
	}
	var queue []item
	put := func(from *side, lines []string) {
		for _, l := range lines {
			queue = append(queue, item{from, l})
		}
	}
	put(from, lines)
	for n := 0; len(queue) > 0; n++ {
		if n > 5000 {
			panic("the two sides talk without end")
		}
		it := queue[0]
		queue = queue[1:]
		p.carried = append(p.carried, it.line)
		to := p.b
		if it.from == p.b {
			to = p.a
		}
		put(to, to.receive(it.line))
	}
}

func (p *pair) start(t *testing.T) {
	t.Helper()
	p.carry(p.a, []string{p.a.Query()})
	if p.a.State() != Encrypted || p.b.State() != Encrypted {
		t.Fatalf("states %d and %d", p.a.State(), p.b.State())
	}
}

func (p *pair) say(t *testing.T, from *side, text string) {
	t.Helper()
	lines, err := from.Encrypt(text)
	if err != nil {
		t.Fatal(err)
	}
	p.carry(from, lines)
}

func must(t *testing.T) func(lines []string, err error) []string {
	return func(lines []string, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
}

func TestTwoTalk(t *testing.T) {
	p := newPair(func(a, b *Config) { // tags that are negative where an int has 32 bits
		a.MaxLine, a.Tag, b.MaxLine, b.Tag = 417, 0xfffffff0, 200, 0x80000000
	})
	p.start(t)
	if f, ok := p.a.Peer(); !ok || f != testKeys()[1].Fingerprint() {
		t.Errorf("a talks to %v", f)
	}
	if !p.a.has(EventGoneSecure) || !p.b.has(EventGoneSecure) || p.a.SessionID() != p.b.SessionID() || len(p.a.SessionID()) != 16 {
		t.Errorf("%v, %v, %q, %q", p.a.events, p.b.events, p.a.SessionID(), p.b.SessionID())
	}
	long := strings.Repeat("Grüße, ", 1000)
	p.say(t, p.a, "hello")
	p.say(t, p.b, long)
	p.say(t, p.a, "more")
	if !slices.Equal(p.b.seen, []string{"private: hello", "private: more"}) || !slices.Equal(p.a.seen, []string{"private: " + long}) {
		t.Errorf("seen %q and %q", p.a.seen, p.b.seen)
	}
	for _, line := range p.carried {
		if strings.Contains(line, "hello") || len(line) > 417 {
			t.Errorf("on the wire: %q", line)
		}
	}
	p.carry(p.a, p.a.End())
	if p.a.State() != Plaintext || p.b.State() != Finished || !p.b.has(EventFinished) {
		t.Errorf("states %d and %d", p.a.State(), p.b.State())
	}
	if _, err := p.b.Encrypt("late"); err == nil {
		t.Error("encrypted after the end")
	}
	p.start(t)
	p.say(t, p.b, "again")
	if !slices.Contains(p.a.seen, "private: again") {
		t.Errorf("seen %q", p.a.seen)
	}
}

func TestSMP(t *testing.T) {
	for _, tc := range []struct {
		name, question, answer string
		a, b                   EventKind
	}{
		{"question", "where?", "there", EventSMPSucceeded, EventSMPSucceeded},
		{"secret", "", "there", EventSMPSucceeded, EventSMPSucceeded},
		{"wrong", "where?", "here", EventSMPFailed, EventSMPFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPair()
			p.start(t)
			if _, err := p.b.Answer("there"); err == nil {
				t.Error("an answer to nothing")
			}
			if tc.question == "" {
				p.carry(p.a, must(t)(p.a.AskSecret("there")))
			} else {
				p.carry(p.a, must(t)(p.a.Ask(tc.question, "there")))
			}
			p.carry(p.b, must(t)(p.b.Answer(tc.answer)))
			if !p.a.has(tc.a) || !p.b.has(tc.b) {
				t.Errorf("events %v and %v", p.a.events, p.b.events)
			}
		})
	}
}

// TestAtOnce has several conversations at work at a time, each in a goroutine
// of its own: what they share of otr3 must bear it.
func TestAtOnce(t *testing.T) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			p := newPair()
			p.carry(p.a, []string{p.a.Query()})
			for range 3 {
				for _, s := range []*side{p.a, p.b} {
					lines, err := s.Encrypt("hello")
					if err != nil {
						t.Error(err)
						return
					}
					p.carry(s, lines)
				}
			}
			lines, err := p.a.AskSecret("there")
			if err != nil {
				t.Error(err)
			}
			p.carry(p.a, lines)
			if lines, err = p.b.Answer("there"); err != nil {
				t.Error(err)
			}
			p.carry(p.b, lines)
			if len(p.b.seen) != 3 || !p.a.has(EventSMPSucceeded) {
				t.Errorf("seen %q, events %v", p.b.seen, p.a.events)
			}
		}()
	}
	wait.Wait()
}

// moody is a source of randomness that can fail, or panic.
type moody struct{ mood *string }

func (m moody) Read(b []byte) (int, error) {
	switch *m.mood {
	case "fails":
		return 0, errors.New("no randomness")
	case "panics":
		panic("no randomness")
	default:
		return rand.Read(b)
	}
}

// TestFailures: what goes wrong within otr3 ends in nothing being sent.
func TestFailures(t *testing.T) {
	for _, mood := range []string{"fails", "panics"} {
		now := mood
		p := newPair(func(a, _ *Config) { a.Rand = moody{&now} })
		p.carry(p.b, []string{p.b.Query()})
		p.carry(p.a, []string{p.a.Query()})
		if p.a.State() != Plaintext || p.b.State() != Plaintext {
			t.Errorf("%s: states %d and %d", mood, p.a.State(), p.b.State())
		}
		now = ""
		p.clock.pass(akeAge)
		p.start(t)
		p.say(t, p.a, "hello") // which b answers with a heartbeat
		p.say(t, p.a, "more")
		now = mood
		p.say(t, p.b, "answer") // a makes a new DH key of it
		if mood == "panics" && (p.a.State() != Finished || !p.a.has(EventFinished)) {
			t.Errorf("%s: state %d, %v", mood, p.a.State(), p.a.events)
		}
		if _, err := p.a.Ask("where?", "there"); err == nil {
			t.Errorf("%s: asked", mood)
		}
		now = ""
		p.start(t)
		p.say(t, p.a, "again")
		if !slices.Contains(p.b.seen, "private: again") {
			t.Errorf("%s: seen %q", mood, p.b.seen)
		}
	}
}
