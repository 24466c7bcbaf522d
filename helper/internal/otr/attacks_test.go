// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coyim/otr3"
)

// This file has a test for each way in which otr3 by itself lets an attacker
// in. The attacker is the wire, who has no key of the two, or a peer with one.

// stranger is somebody with a key of their own on the same wire as a.
func stranger(p *pair, tag uint32) *side {
	return &side{Conversation: New(Config{Key: testKeys()[2], Tag: tag, Now: p.clock.now}), name: "c", answer: true}
}

// meet has c complete an AKE with a.
func meet(t *testing.T, p *pair, c *side, query string) {
	t.Helper()
	q := &pair{a: p.a, b: c, clock: p.clock}
	q.carry(c, []string{query})
	if c.State() != Encrypted {
		t.Fatal("the stranger has no session")
	}
}

// TestNothingGoesToAnotherKey is the server's way to read all of a
// conversation that two people have verified.
func TestNothingGoesToAnotherKey(t *testing.T) {
	for _, tag := range []uint32{0x2222, 0x3333} { // b's own tag, and another
		p := newPair()
		p.start(t)
		for _, text := range []string{"secret 0", "secret 1", "secret 2"} {
			p.say(t, p.a, text)
		}
		p.a.Receive("?OTR Error: anything", true)
		c := stranger(p, tag)
		meet(t, p, c, "?OTRv3?")
		if len(c.seen) > 0 || p.a.has(EventResent) {
			t.Errorf("the stranger saw %q", c.seen)
		}
		if f, _ := p.a.Peer(); !p.a.has(EventGoneSecure) || f != testKeys()[2].Fingerprint() {
			t.Errorf("a talks to %v, and was told %v", f, p.a.events)
		}
		// Nor later, to whomever it is.
		p.clock.pass(time.Second)
		p.carry(p.b, []string{"?OTRv3?"})
		if slices.ContainsFunc(p.b.seen, func(s string) bool { return strings.Contains(s, "resent") }) != p.a.has(EventResent) {
			t.Errorf("b saw %q, a was told %v", p.b.seen, p.a.events)
		}
	}
}

// bare is otr3 by itself.
func bare(key *Key, tag uint32) *otr3.Conversation {
	c := &otr3.Conversation{}
	c.Policies.AllowV3()
	c.SetOurKeys([]otr3.PrivateKey{key.dsa})
	c.InitializeInstanceTag(tag)
	return c
}

// bareTalk carries a line from b, and what comes of it, and is what b reads.
func bareTalk(t *testing.T, a, b *otr3.Conversation, line string) (read []string) {
	t.Helper()
	queue := []otr3.ValidMessage{otr3.ValidMessage(line)}
	for to, from := a, b; len(queue) > 0; to, from = from, to {
		var next []otr3.ValidMessage
		for _, l := range queue {
			plain, out, err := to.Receive(l)
			if err != nil {
				t.Fatal(err)
			}
			if to == b && plain != nil {
				read = append(read, string(plain))
			}
			next = append(next, out...)
		}
		queue = next
	}
	return read
}

// TestBareOtr3 is the control arm: otr3 by itself does what the tests here
// forbid. Where one of these fails, a defence has become needless.
func TestBareOtr3(t *testing.T) {
	keys := testKeys()
	a, b, c := bare(keys[0], 0x1111), bare(keys[1], 0x2222), bare(keys[2], 0x2222)
	bareTalk(t, a, b, "?OTRv3?")
	for _, text := range []string{"secret 0", "secret 1"} {
		if _, err := a.Send(otr3.ValidMessage(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Receive(otr3.ValidMessage("?OTR Error: anything")); err != nil {
		t.Fatal(err)
	}
	_, commit, err := c.Receive(otr3.ValidMessage("?OTRv3?"))
	if err != nil || len(commit) != 1 {
		t.Fatal(commit, err)
	}
	if read := bareTalk(t, a, c, string(commit[0])); !slices.Equal(read, []string{"[resent] secret 0", "[resent] secret 1"}) {
		t.Errorf("the stranger read %q", read)
	}
	panics := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		m := eachMessage(t)[kindData]
		m.from, m.to = 0x2222, 0x1111
		cut := raw(t, m)
		_, _, _ = a.Receive(otr3.ValidMessage(encode(cut[:len(cut)-24])))
		return false
	}
	if !panics() {
		t.Error("no panic on a message that is cut off")
	}
}

// TestResendsTheLastOnce is what is left of resending: the last message, once,
// within a minute, to the same key.
func TestResendsTheLastOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		wait time.Duration
		fail string
		want []string
	}{
		{"an error", 30 * time.Second, "?OTR Error: lost", []string{"private: [resent] last"}},
		{"no error", 30 * time.Second, "", nil},
		{"late", 61 * time.Second, "?OTR Error: lost", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPair()
			p.start(t)
			p.say(t, p.a, "first")
			if _, err := p.a.Encrypt("last"); err != nil { // never arrives
				t.Fatal(err)
			}
			// b has lost all, and its instance is another.
			p.b = &side{Conversation: New(Config{Key: testKeys()[1], Tag: 0x4444, Now: p.clock.now}), answer: true}
			p.clock.pass(tc.wait)
			if tc.fail != "" {
				p.a.Receive(tc.fail, true)
			}
			p.carry(p.b, []string{"?OTRv3?"})
			p.carry(p.b, []string{"?OTRv3?"})
			if !slices.Equal(p.b.seen, tc.want) || p.a.has(EventResent) != (tc.want != nil) {
				t.Errorf("b saw %q, want %q", p.b.seen, tc.want)
			}
		})
	}
}

func TestNextSessionHasNothingOfTheLast(t *testing.T) {
	p := newPair()
	p.start(t)
	p.say(t, p.a, "one")
	p.carry(p.b, p.b.End())
	p.b.forget()
	p.a.Receive("?OTR Error: x", true)
	p.start(t)
	p.say(t, p.a, "two")
	if !slices.Equal(p.b.seen, []string{"private: two"}) {
		t.Errorf("b saw %q", p.b.seen)
	}
}

// lists is how much otr3 keeps of a session.
func lists(s *session) (sent, counters, used int) {
	v := reflect.ValueOf(s.otr).Elem()
	return v.FieldByName("resend").FieldByName("messages").FieldByName("m").Len(), s.in.counters.Len(), s.in.usedKeys.Len()
}

// TestLongSessionDoesNotGrow has one side talk without an answer, then both.
func TestLongSessionDoesNotGrow(t *testing.T) {
	p := newPair()
	p.start(t)
	monologue, dialogue := 200, 30
	if testing.Short() {
		monologue, dialogue = 40, 6
	}
	for range monologue {
		p.say(t, p.a, "no answer yet")
	}
	lines, err := p.b.Encrypt("an answer")
	if err != nil || len(lines[0]) > 2000 {
		t.Errorf("an answer of %d bytes, %v", len(lines[0]), err)
	}
	p.carry(p.b, lines)
	for range dialogue {
		p.say(t, p.a, "and")
		p.say(t, p.b, "so on")
	}
	for _, s := range []*side{p.a, p.b} {
		if sent, counters, used := lists(s.current.session); sent != 0 || counters > 4 || used > 8 {
			t.Errorf("%s keeps %d texts, %d counters, %d keys", s.name, sent, counters, used)
		}
	}
}

// data is a genuine data message from b to a that has not arrived.
func data(t *testing.T, p *pair, text string) message {
	t.Helper()
	m, err := parseMessage(must(t)(p.b.Encrypt(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestForgedDataChangesNothing forges what can be forged without the keys:
// counters, key numbers, the MAC. What is genuine can be read after it.
func TestForgedDataChangesNothing(t *testing.T) {
	p := newPair()
	p.start(t)
	p.say(t, p.b, "first")
	genuine := data(t, p, "second")
	p.a.forget()
	_, counters, _ := lists(p.a.current.session)
	for i := range 20 {
		forged := genuine
		forged.fields = slices.Clone(genuine.fields)
		switch i % 3 {
		case 0:
			forged.fields[4] = binary.BigEndian.AppendUint64(nil, math.MaxUint64)
		case 1:
			forged.fields[1] = binary.BigEndian.AppendUint32(nil, uint32(1000+i))
		case 2:
			forged.fields[2] = binary.BigEndian.AppendUint32(nil, uint32(1000+i))
		}
		p.a.receive(forged.line())
	}
	if !p.a.has(EventUnreadable) || len(p.a.seen) > 0 {
		t.Errorf("events %v, seen %q", p.a.events, p.a.seen)
	}
	if _, after, _ := lists(p.a.current.session); after != counters {
		t.Errorf("%d counters, before %d", after, counters)
	}
	p.carry(p.b, []string{genuine.line()})
	if !slices.Equal(p.a.seen, []string{"private: second"}) {
		t.Errorf("seen %q", p.a.seen)
	}
	p.a.forget()
	p.a.receive(genuine.line())
	if len(p.a.seen) > 0 {
		t.Errorf("a replay was read: %q", p.a.seen)
	}
}

// TestForgedDataIsBounded counts how many forgeries cost a power.
func TestForgedDataIsBounded(t *testing.T) {
	p := newPair()
	p.start(t)
	forged := data(t, p, "x")
	forged.fields[6] = make([]byte, 20)
	var tried int
	s := p.a.current.session
	for range 500 {
		before := p.a.badLimit.used
		p.a.Receive(forged.line(), true)
		tried += p.a.badLimit.used - before
	}
	if tried > 60 || p.a.State() != Encrypted || p.a.current.session != s {
		t.Errorf("%d of 500 were tried, state %d", tried, p.a.State())
	}
	p.clock.pass(time.Minute)
	p.say(t, p.b, "later")
	if !slices.Contains(p.a.seen, "private: later") {
		t.Errorf("seen %q", p.a.seen)
	}
}

// eachMessage is one genuine message of each kind, to a, and what a needs to
// have heard before it.
func eachMessage(t *testing.T) map[kind]message {
	t.Helper()
	all := map[kind]message{}
	p := newPair(func(a, b *Config) { a.V2, b.V2 = true, true })
	p.start(t)
	p.carry(p.b, []string{"?OTRv3?"})
	p.say(t, p.a, "text")
	for _, line := range p.carried {
		if m, err := parseMessage(line); err == nil {
			all[m.kind] = m
		}
	}
	if len(all) != 5 {
		t.Fatalf("%d kinds of messages", len(all))
	}
	return all
}

// raw is m decoded, and encode puts such bytes on a line.
func raw(t *testing.T, m message) []byte {
	t.Helper()
	line := m.line()
	b, err := base64.StdEncoding.DecodeString(line[len(messagePrefix) : len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode(b []byte) string {
	return messagePrefix + base64.StdEncoding.EncodeToString(b) + "."
}

// TestBrokenMessages cuts every message at every byte, and puts lengths in it
// that are negative where an int has 32 bits. otr3 panics on many of them.
func TestBrokenMessages(t *testing.T) {
	for kind, m := range eachMessage(t) {
		whole := raw(t, m)
		if got, err := parseMessage(encode(whole)); err != nil || got.line() != m.line() {
			t.Fatalf("%#x: %v", kind, err)
		}
		for n := range whole {
			if _, err := parseMessage(encode(whole[:n])); err == nil {
				t.Errorf("%#x cut to %d of %d bytes was taken", kind, n, len(whole))
			}
		}
		if _, err := parseMessage(encode(append(slices.Clone(whole), 0))); err == nil {
			t.Errorf("%#x with a byte more was taken", kind)
		}
		for at := 11; at+4 <= len(whole); at++ {
			for _, length := range []uint32{0x80000000, 0xffffffff, 0x7fffffff} {
				b := slices.Clone(whole)
				binary.BigEndian.PutUint32(b[at:], length)
				if got, err := parseMessage(encode(b)); err == nil && got.line() != encode(b) {
					t.Errorf("%#x with a length of %#x at %d encodes to something else", kind, length, at)
				}
			}
		}
	}
}

// TestBrokenMessagesInSession gives them to conversations in each state.
func TestBrokenMessagesInSession(t *testing.T) {
	messages := eachMessage(t)
	p := newPair()
	p.start(t)
	for _, m := range messages {
		whole := raw(t, m)
		for n := 0; n < len(whole); n += 1 + len(whole)/40 {
			line := encode(whole[:n])
			p.a.receive(line)
			New(p.a.config).Receive(line, true)
		}
	}
	p.clock.pass(time.Minute)
	p.say(t, p.b, "still here")
	if !slices.Contains(p.a.seen, "private: still here") {
		t.Errorf("seen %q", p.a.seen)
	}
}

// TestGiantSignature has the size that takes half a minute to verify, and
// numbers that are not in the group.
func TestTooLarge(t *testing.T) {
	all := eachMessage(t)
	change := func(k kind, field int, value []byte) string {
		m := all[k]
		m.fields = slices.Clone(m.fields)
		m.fields[field] = value
		return m.line()
	}
	p, _ := hex.DecodeString(maxElement.Text(16))
	over := slices.Clone(p)
	over[len(over)-1]++
	for name, line := range map[string]string{
		"giant key in a reveal":    change(kindReveal, 1, make([]byte, maxSignature+1)),
		"giant key in a signature": change(kindSig, 0, make([]byte, maxSignature+1)),
		"commit":                   change(kindCommit, 0, bytes.Repeat([]byte{1}, 4+groupSize+1)),
		"no DH value":              change(kindKey, 0, nil),
		"DH value 1":               change(kindKey, 0, []byte{1}),
		"DH value p-1":             change(kindKey, 0, over),
		"leading zero":             change(kindKey, 0, append([]byte{0}, p[1:]...)),
		"next DH value 1":          change(kindData, 3, []byte{1}),
		"MAC keys":                 change(kindData, 7, make([]byte, 21)),
		"counter 0":                change(kindData, 4, make([]byte, 8)),
		"version 1":                encode(append([]byte{0, 1}, raw(t, all[kindData])[2:]...)),
		"version 4":                encode(append([]byte{0, 4}, raw(t, all[kindData])[2:]...)),
		"from tag 0xff":            encode(append([]byte{0, 3, 3, 0, 0, 0, 0xff}, raw(t, all[kindData])[7:]...)),
		"to tag 0":                 encode(append(append(raw(t, all[kindData])[:7:7], 0, 0, 0, 0), raw(t, all[kindData])[11:]...)),
	} {
		if _, err := parseMessage(line); err == nil {
			t.Errorf("%s was taken", name)
		}
		r := New(Config{Key: testKeys()[0], Tag: 0x1111}).Receive(line, true)
		if len(r.Send) > 0 || r.Kind != ReceivedNothing {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := parseMessage(change(kindKey, 0, p)); err != nil {
		t.Errorf("DH value p-2: %v", err)
	}
}

// withTLVs is a message from b, who keeps to no rule, to a.
func withTLVs(t *testing.T, p *pair, tlvs []byte) string {
	t.Helper()
	s := p.b.current.session
	out, err := s.run(func() ([]otr3.ValidMessage, error) { return s.otr.Send(append([]byte("text\x00"), tlvs...)) })
	if err != nil {
		t.Fatal(err)
	}
	return out[0].line()
}

func tlvBytes(kind uint16, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// TestSMPCounts has TLVs that say they hold 2^32-1 numbers: otr3 would make
// room for them, and the process would be at an end.
func TestSMPCounts(t *testing.T) {
	for kind := uint16(2); kind <= 8; kind++ {
		for _, count := range []uint32{math.MaxUint32, 1 << 30, 0, 12} {
			p := newPair()
			p.start(t)
			value := binary.BigEndian.AppendUint32(nil, count)
			if kind == tlvQuestion {
				value = append([]byte("why?\x00"), value...)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			p.carry(p.b, []string{withTLVs(t, p, tlvBytes(kind, value))})
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("kind %d, count %d: %d bytes were taken", kind, count, got)
			}
			if !slices.Equal(p.a.seen, []string{"private: text"}) || p.a.State() != Encrypted {
				t.Errorf("kind %d, count %d: seen %q", kind, count, p.a.seen)
			}
			if _, err := p.a.Answer("x"); err == nil {
				t.Errorf("kind %d, count %d: asked a question", kind, count)
			}
			p.say(t, p.a, "on")
		}
	}
}

// TestSMPFlood is a message with as many TLVs as there is room for.
func TestSMPFlood(t *testing.T) {
	one := binary.BigEndian.AppendUint32(nil, 6)
	for range 6 {
		one = append(one, 0, 0, 0, 192)
		one = append(one, bytes.Repeat([]byte{0x55}, 192)...)
	}
	for name, tlvs := range map[string][]byte{
		"aborts":  bytes.Repeat(tlvBytes(tlvAbort, nil), 50000),
		"broken":  bytes.Repeat(tlvBytes(tlvSMP1, nil), 50000),
		"numbers": bytes.Repeat(tlvBytes(tlvSMP1, one), 300),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			p.start(t)
			p.a.forget()
			out := p.a.receive(withTLVs(t, p, tlvs))
			if len(p.a.events) > maxSMPEvents || len(strings.Join(out, "")) > 4096 || p.a.smpLimit.used > 20 {
				t.Errorf("%d events, %d bytes to send, %d steps", len(p.a.events), len(strings.Join(out, "")), p.a.smpLimit.used)
			}
			if !slices.Equal(p.a.seen, []string{"private: text"}) {
				t.Errorf("seen %q", p.a.seen)
			}
		})
	}
}

// TestNoTextBecomesTLVs: behind a zero byte a text would be read as orders.
func TestNoTextBecomesTLVs(t *testing.T) {
	p := newPair()
	p.start(t)
	for _, text := range []string{"", "\x00", "bye\x00\x00\x01\x00\x00"} {
		if lines, err := p.a.Encrypt(text); err == nil {
			t.Errorf("%q: %q", text, lines)
		}
	}
	if _, err := p.a.Ask("wh\x00y", "x"); err == nil {
		t.Error("a question with a zero byte")
	}
	if _, err := p.a.Ask(strings.Repeat("why ", 20000), "x"); err == nil {
		t.Error("a question longer than a TLV")
	}
	if _, err := p.a.Encrypt(strings.Repeat("x", maxLine)); err == nil {
		t.Error("a text longer than a line")
	}
	p.say(t, p.a, "fine")
}

// TestForgedLinesBlockNothing: tags, versions and fragments that anybody can
// make up, before and after a session.
func TestForgedLinesBlockNothing(t *testing.T) {
	all := eachMessage(t)
	commit2 := encode(append([]byte{0, 2, byte(kindCommit)}, raw(t, all[kindCommit])[11:]...))
	key2 := encode(append([]byte{0, 2, byte(kindKey)}, raw(t, all[kindKey])[11:]...))
	var forged []string
	for tag := range uint32(40) {
		m := all[kindCommit]
		m.from, m.to = 0x9000+tag, 0
		forged = append(forged, m.line(), fragment{3, 0x9000 + tag, 0x1111, 1, 2, "?OTR:AAMC"}.line())
	}
	forged = append(forged, commit2, key2, "?OTRv2?", "?OTR?", "?OTRv4?", "?OTR,1,2,x,", "?OTR|0|0,1,2,x,", "?OTR Error: no", "?OTR:AAED.", "?OTR:",
		"?OTR:AAMC.", "?OTRsomething", "?OTR|ffffffff|00001111,1,1,?OTR:AAMD.,")
	for _, v2 := range []bool{false, true} {
		p := newPair(func(a, _ *Config) { a.V2 = v2 })
		for _, line := range forged {
			if sent := p.a.receive(line); !v2 && slices.ContainsFunc(sent, func(s string) bool { return strings.HasPrefix(s, "?OTR:AAI") }) {
				t.Errorf("%q is answered in version 2", line)
			}
		}
		if n := len(p.a.instances); n > maxInstances {
			t.Errorf("%d instances", n)
		}
		p.clock.pass(time.Minute)
		p.start(t)
		for _, line := range forged {
			p.a.receive(line)
		}
		p.say(t, p.a, "ping")
		p.say(t, p.b, "pong")
		if !slices.Contains(p.b.seen, "private: ping") || !slices.Contains(p.a.seen, "private: pong") {
			t.Errorf("seen %q and %q", p.a.seen, p.b.seen)
		}
	}
}

// TestVersions: 1 never, 2 where it is set, 3 where it is offered.
func TestVersions(t *testing.T) {
	for _, tc := range []struct {
		query  string
		v2     bool
		answer string // how an answering commit begins
	}{
		{"?OTR?", true, ""}, {"?OTRv?", true, ""}, {"?OTRv1?", true, ""}, {"?OTRv4?", true, ""},
		{"?OTRv2?", false, ""}, {"?OTR?v2?", false, ""},
		{"?OTRv2?", true, "?OTR:AAIC"}, {"?OTR?v2?", true, "?OTR:AAIC"},
		{"?OTRv3?", false, "?OTR:AAMC"}, {"?OTRv23?", true, "?OTR:AAMC"}, {"?OTR?v23?", true, "?OTR:AAMC"},
		{"?OTRv2? I have 3 cats", true, "?OTR:AAIC"},
		{`<FONT COLOR="#000000">?OTRv3?</FONT>`, false, "?OTR:AAMC"},
		{"hello" + tagBase + tagV2 + tagV3, true, "?OTR:AAMC"},
		{"hello" + tagBase + tagV2, true, "?OTR:AAIC"},
		{"hello" + tagBase + tagV2, false, ""},
		{"hello" + tagBase + "        " + tagV3 + " there", false, "?OTR:AAMC"},
		{"say ?OTRv3? to them", true, ""},
	} {
		c := New(Config{Key: testKeys()[0], Tag: 0x1111, V2: tc.v2})
		r := c.Receive(tc.query, true)
		if tc.answer == "" && len(r.Send) > 0 || tc.answer != "" && (len(r.Send) != 1 || !strings.HasPrefix(r.Send[0], tc.answer)) {
			t.Errorf("%q: %q", tc.query, r.Send)
		}
		if text := strings.NewReplacer(tagBase, "", tagV2, "", tagV3, "", "        ", "").Replace(tc.query); strings.HasPrefix(text, "hello") && r.Text != text {
			t.Errorf("%q shows %q", tc.query, r.Text)
		}
		if s := New(c.config).Receive(tc.query, false); len(s.Send) > 0 || tc.answer != "" && !slices.Contains(s.Events, Event{Kind: EventStrangerAsked}) {
			t.Errorf("%q of a stranger: %+v", tc.query, s)
		}
	}
}

// TestStrangersAreNotAnswered: not by one line, whatever they send.
func TestStrangersAreNotAnswered(t *testing.T) {
	p := newPair()
	p.a.answer = false
	p.carry(p.b, []string{"?OTRv3?", "hello" + tagBase + tagV3})
	for _, m := range eachMessage(t) {
		m.to = 0x1111
		p.carry(p.b, []string{m.line(), fragment{3, 0x2222, 0x1111, 1, 2, "?OTR:AAMC"}.line()})
	}
	if p.b.has(EventGoneSecure) || p.b.has(EventErrorReceived) || len(p.carried) != 12 || !p.a.has(EventStrangerAsked) || len(p.a.joiner.partials) > 0 || len(p.a.instances) > 0 {
		t.Errorf("%d lines, %v", len(p.carried), p.a.events)
	}
	if !slices.Equal(p.a.seen, []string{"plain: hello"}) {
		t.Errorf("seen %q", p.a.seen)
	}
	p.a.answer = true // accepted
	p.start(t)
}

// TestReflection is the wire sending us our own messages.
func TestReflection(t *testing.T) {
	for _, retag := range []bool{false, true} {
		a := New(Config{Key: testKeys()[0], Tag: 0x1111})
		queue := a.Receive("?OTRv3?", true).Send
		for n := 0; len(queue) > 0 && n < 100; n++ {
			line := queue[0]
			queue = queue[1:]
			if m, err := parseMessage(line); err == nil && retag {
				m.from, m.to = 0x2222, 0x1111
				line = m.line()
			}
			queue = append(queue, a.Receive(line, true).Send...)
		}
		if a.State() != Plaintext {
			t.Errorf("retag %v: a session with ourselves", retag)
		}
	}
	c := New(Config{Key: testKeys()[0], Tag: 0x1111})
	commit := c.Receive("?OTRv3?", true).Send[0]
	if r := c.Receive(commit, true); len(r.Send) > 0 || !slices.Contains(r.Events, Event{Kind: EventMalformed}) {
		t.Errorf("our own commit: %+v", r)
	}
	p := newPair(func(a, b *Config) { b.Key = a.Key })
	p.carry(p.a, []string{p.a.Query()})
	if p.a.State() != Plaintext || p.b.State() != Plaintext {
		t.Error("a session with our own key")
	}
}

// TestRestarts: a peer that has forgotten all, with its old tag and with a new
// one, at once after an AKE; and both sides that begin at the same time.
func TestRestarts(t *testing.T) {
	for _, tag := range []uint32{0x2222, 0x5555} {
		for _, begin := range []string{"a", "b"} {
			p := newPair()
			p.start(t)
			p.b = &side{Conversation: New(Config{Key: testKeys()[1], Tag: tag, Now: p.clock.now}), name: "b", answer: true}
			if begin == "a" {
				p.carry(p.a, []string{p.a.Query()})
			} else {
				p.carry(p.b, []string{p.b.Query()})
			}
			p.say(t, p.a, "ping")
			p.say(t, p.b, "pong")
			if !slices.Contains(p.b.seen, "private: ping") || !slices.Contains(p.a.seen, "private: pong") || !p.a.has(EventStillSecure) {
				t.Errorf("tag %#x, %s begins: seen %q and %q, %v", tag, begin, p.a.seen, p.b.seen, p.a.events)
			}
		}
	}
	for _, v2 := range []bool{false, true} {
		for range 8 {
			p := newPair(func(a, b *Config) { a.V2, b.V2 = v2, v2 })
			query := "?OTRv3?"
			if v2 {
				query = "?OTRv2?"
			}
			fromA, fromB := p.a.receive(query), p.b.receive(query) // both commit
			next := p.b.receive(fromA[0])
			p.carry(p.b, fromB)
			p.carry(p.b, next)
			if p.a.State() != Encrypted || p.b.State() != Encrypted {
				t.Fatalf("v2 %v: both began: %d and %d", v2, p.a.State(), p.b.State())
			}
			if p.a.pending != nil || p.b.pending != nil {
				t.Errorf("v2 %v: a commit is left over", v2)
			}
			p.say(t, p.a, "ping")
			p.say(t, p.b, "pong")
			if !slices.Contains(p.b.seen, "private: ping") || !slices.Contains(p.a.seen, "private: pong") {
				t.Errorf("v2 %v: seen %q and %q", v2, p.a.seen, p.b.seen)
			}
		}
	}
}

// TestLostOnTheWay loses each message of an AKE in turn; either side asks
// again at once.
func TestLostOnTheWay(t *testing.T) {
	for lost := range 5 { // the query, commit, key, reveal, signature
		for _, again := range []string{"a", "b"} {
			p := newPair()
			from, line := p.a, "?OTRv3?"
			for range lost {
				to := p.b
				if from == p.b {
					to = p.a
				}
				out := to.receive(line)
				if len(out) != 1 {
					t.Fatalf("%q is answered by %q", line, out)
				}
				from, line = to, out[0]
			}
			asks := map[string]*side{"a": p.a, "b": p.b}[again]
			p.carry(asks, []string{asks.Query()})
			if p.a.State() != Encrypted || p.b.State() != Encrypted || p.a.SessionID() != p.b.SessionID() {
				t.Errorf("message %d lost, %s asks again: states %d and %d", lost, again, p.a.State(), p.b.State())
				continue
			}
			p.say(t, p.a, "ping")
			p.say(t, p.b, "pong")
			if !slices.Contains(p.b.seen, "private: ping") || !slices.Contains(p.a.seen, "private: pong") {
				t.Errorf("message %d lost, %s asks again: seen %q and %q", lost, again, p.a.seen, p.b.seen)
			}
		}
	}
}

// TestCurrentIsKept: the instance that is talked to is not among those that
// are forgotten, however many there are.
func TestCurrentIsKept(t *testing.T) {
	p := newPair()
	p.start(t)
	current := p.a.current
	for tag := range uint32(3 * maxInstances) {
		p.clock.pass(time.Second)
		p.a.instance(0x9000 + tag).session = current.session
	}
	if p.a.instances[0x2222] != current || len(p.a.instances) != maxInstances {
		t.Errorf("%d instances", len(p.a.instances))
	}
}

// TestFloods: many lines a minute that each would cost a power.
func TestFloods(t *testing.T) {
	all := eachMessage(t)
	c := New(Config{Key: testKeys()[0], Tag: 0x1111, Now: newClock().now})
	sent := 0
	for i := range 3000 {
		m := all[kindCommit]
		m.from, m.to = 0x9000+uint32(i), 0
		sent += len(c.Receive(m.line(), true).Send) + len(c.Receive("?OTRv3?", true).Send)
	}
	if sent > 60 || len(c.instances) > maxInstances {
		t.Errorf("%d lines to send, %d instances", sent, len(c.instances))
	}
	p := newPair()
	p.start(t)
	m := data(t, p, "x")
	m.from = 0x7777
	sent = 0
	for range 1000 {
		sent += len(p.a.receive("?OTR Error: x")) + len(p.a.receive(m.line()))
	}
	if sent > 1 {
		t.Errorf("%d answers to errors", sent)
	}
}

// TestQuiet runs this test's binary again with a conversation in it, and looks
// at what comes out of its descriptors 1 and 2.
func TestQuiet(t *testing.T) {
	switch os.Getenv("OTR_TEST_QUIET") {
	case "otr3 by itself":
		bareTalk(t, bare(testKeys()[0], 0x1111), bare(testKeys()[1], 0x2222), "?OTRv3?")
		return
	case "ours":
		p := newPair()
		p.start(t)
		p.say(t, p.a, "hello")
		p.carry(p.a, must(t)(p.a.Ask("where?", "there")))
		p.carry(p.b, must(t)(p.b.Answer("there")))
		p.carry(p.b, p.b.End())
		return
	}
	notifiedLockFailure.Do(func() { t.Error("otr3 would say that it cannot lock memory") })
	for what, noisy := range map[string]bool{"ours": false, "otr3 by itself": true} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestQuiet$")
		cmd.Env = append(os.Environ(), "OTR_TEST_QUIET="+what)
		out, err := cmd.CombinedOutput()
		if err != nil || noisy != bytes.Contains(out, []byte("Unsupported wipe")) || !noisy && len(out) > 0 {
			t.Errorf("%s: %v; it printed %q", what, err, out)
		}
	}
}

// TestAnotherOtr3 is what a change in otr3 would do: no conversation at all.
func TestAnotherOtr3(t *testing.T) {
	was := insideErr
	defer func() { insideErr = was }()
	if was != nil {
		t.Fatal(was)
	}
	insideErr = fmt.Errorf("no such field")
	p := newPair()
	if q := p.a.Query(); q != "" || len(p.a.receive("?OTRv3?")) > 0 {
		t.Errorf("query %q", q)
	}
	insideErr = was
	for _, c := range []Config{{}, {Key: testKeys()[0]}, {Key: testKeys()[0], Tag: 0xff}, {Tag: 0x1111}} {
		c := New(c)
		if r := c.Receive("?OTRv3?", true); c.Query() != "" || len(r.Send) > 0 {
			t.Errorf("without key or tag: %+v", r)
		}
	}
}
