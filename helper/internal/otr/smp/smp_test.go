// SPDX-License-Identifier: GPL-3.0-or-later

package smp

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	"testing"
	"testing/iotest"
)

var ssid = [8]byte{1, 2, 3}

func two() (a, b *Party) {
	return New(rand.Reader, [20]byte{1}, [20]byte{2}, ssid), New(rand.Reader, [20]byte{2}, [20]byte{1}, ssid)
}

// run carries messages until there are none. It returns what each was told, and
// all that was carried.
func run(t *testing.T, a, b *Party, out []Message, answer string) (toldA, toldB Result, carried []Message) {
	t.Helper()
	from, to, told := a, b, &toldB
	for len(out) > 0 {
		var back []Message
		for _, m := range out {
			carried = append(carried, m)
			reply, result, _ := to.Receive(m)
			if reply != nil {
				back = append(back, *reply)
			}
			if result == Asked {
				reply, err := to.Answer(answer)
				if err != nil {
					t.Fatal(err)
				}
				back = append(back, reply)
			} else if result != Nothing {
				*told = result
			}
		}
		from, to, out = to, from, back
		if told = &toldA; to == b {
			told = &toldB
		}
	}
	return toldA, toldB, carried
}

func start(t *testing.T, p *Party, question, secret string) []Message {
	t.Helper()
	out, err := p.Start(question, secret)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOutcomes(t *testing.T) {
	a, b := two()
	for _, tc := range []struct {
		question, x, y string
		want           Result
	}{
		{"", "same", "same", Succeeded},
		{"which?", "same", "same", Succeeded},
		{"which?", "same", "Same", Failed},
		{"", "same", "", Failed},
		{"", "same", "same\x00", Failed},
	} {
		toldA, toldB, _ := run(t, a, b, start(t, a, tc.question, tc.x), tc.y)
		if toldA != tc.want || toldB != tc.want {
			t.Errorf("%q and %q: %d and %d, want %d", tc.x, tc.y, toldA, toldB, tc.want)
		}
		a, b = b, a
	}
}

// The same secret in another session, or with another key in between, is not
// the same.
func TestBoundToSessionAndKeys(t *testing.T) {
	for name, other := range map[string]*Party{
		"ssid":                       New(rand.Reader, [20]byte{2}, [20]byte{1}, [8]byte{9}),
		"initiator's key":            New(rand.Reader, [20]byte{2}, [20]byte{3}, ssid),
		"responder's key":            New(rand.Reader, [20]byte{3}, [20]byte{1}, ssid),
		"initiator's own, sent back": New(rand.Reader, [20]byte{1}, [20]byte{2}, ssid),
	} {
		a, _ := two()
		if toldA, toldB, _ := run(t, a, other, start(t, a, "", "secret"), "secret"); toldA != Failed || toldB != Failed {
			t.Errorf("another %s: %d and %d", name, toldA, toldB)
		}
	}
}

func TestQuestion(t *testing.T) {
	a, b := two()
	out := start(t, a, "which door?", "blue")
	if _, result, question := b.Receive(out[0]); result != Asked || question != "which door?" {
		t.Errorf("%d, %q", result, question)
	}
	if _, result, question := b.Receive(start(t, a, "no, which window?", "blue")[1]); result != Asked || question != "no, which window?" {
		t.Errorf("asked again: %d, %q", result, question)
	}
	if _, result, _ := b.Receive(Message{Kind: kindAbort}); result != Aborted {
		t.Errorf("given up: %d", result)
	}
	if _, result, _ := b.Receive(Message{Kind: kindAbort}); result != Nothing {
		t.Errorf("nothing to give up: %d", result)
	}
	if _, err := b.Answer("blue"); !errors.Is(err, errNotAsked) {
		t.Errorf("answered without a question: %v", err)
	}
	if _, err := a.Start("which?", ""); !errors.Is(err, errSecret) {
		t.Errorf("asked without a secret: %v", err)
	}
}

// Each byte of each message counts: changed, it is not taken, and the next run
// goes well.
func TestChangedMessages(t *testing.T) {
	a, b := two()
	_, _, carried := run(t, a, b, start(t, a, "", "secret"), "secret")
	if len(carried) != 4 {
		t.Fatalf("%d messages", len(carried))
	}
	for which := range carried {
		for i := 0; i < len(carried[which].Value); i += 1 + len(carried[which].Value)/23 {
			a, b := two()
			told := Nothing
			next, from, to := &start(t, a, "", "secret")[0], a, b
			for n := 0; next != nil && told == Nothing; n++ {
				m := *next
				if n == which {
					m.Value = bytes.Clone(m.Value)
					m.Value[i] ^= 1
				}
				var result Result
				next, result, _ = to.Receive(m)
				switch {
				case n == which:
					told = result
				case result == Asked:
					reply, err := to.Answer("secret")
					if err != nil {
						t.Fatal(err)
					}
					next = &reply
				}
				from, to = to, from
			}
			if told != Aborted {
				t.Errorf("message %d with byte %d changed: %d", which+1, i, told)
			}
		}
	}
}

// What a hostile peer may send is answered by giving up, once each: numbers out
// of the group, responses out of range, replays, and messages out of turn.
func TestHostile(t *testing.T) {
	a, b := two()
	_, _, carried := run(t, a, b, start(t, a, "", "secret"), "secret")
	p := otr().bigP
	at := func(d int64) []byte { return new(big.Int).Add(p, big.NewInt(d)).Bytes() }
	bad := map[byte][][]byte{
		'e': {nil, {1}, at(-1), at(0), at(1), bytes.Repeat([]byte{0xff}, 300)},
		'c': {bytes.Repeat([]byte{0xff}, 33)},
		'd': {nil, new(big.Int).Rsh(p, 1).Bytes(), at(0), bytes.Repeat([]byte{0xff}, 300)},
	}
	for i, kinds := range []string{"ecdecd", "ecdecdeecdd", "eecddecd", "ecd"} {
		good, ok := parse(carried[i].Value, kinds)
		if !ok {
			t.Fatalf("message %d does not parse", i+1)
		}
		for n, kind := range []byte(kinds) {
			for _, value := range bad[kind] {
				numbersOf := append([][]byte{}, good...)
				numbersOf[n] = value
				if _, ok := parse(numbers(0, numbersOf...).Value, kinds); ok {
					t.Errorf("message %d, number %d may be %x", i+1, n, value)
				}
			}
		}
		for cut := range carried[i].Value {
			if _, ok := parse(carried[i].Value[:cut], kinds); ok {
				t.Errorf("message %d may end after %d bytes", i+1, cut)
			}
		}
		if _, ok := parse(append(bytes.Clone(carried[i].Value), 0), kinds); ok {
			t.Errorf("message %d may go on", i+1)
		}
		if _, ok := parse(append([]byte{0xff, 0xff, 0xff, 0xff}, carried[i].Value[4:]...), kinds); ok {
			t.Errorf("message %d may have 2^32-1 numbers", i+1)
		}
	}
	for _, m := range append(carried[1:], Message{Kind: kind1}, Message{Kind: kind1Q, Value: []byte("no end")}, Message{Kind: 99}) {
		out, result, _ := b.Receive(m)
		if out == nil || out.Kind != kindAbort || result != Aborted {
			t.Errorf("message %d out of turn: %v, %d", m.Kind, out, result)
		}
	}
	if toldA, toldB, _ := run(t, a, b, start(t, a, "", "secret"), "secret"); toldA != Succeeded || toldB != Succeeded {
		t.Errorf("afterwards: %d, %d", toldA, toldB)
	}
}

// A peer that sends our own coordinates back knows nothing of the secret.
func TestReflected(t *testing.T) {
	a, _ := two()
	k := newCoordinates(5, []byte{3}, []byte{5}, []byte{7}, []byte{9}, []byte{11}, []byte{13})
	if a.compare(k, k) {
		t.Error("the same P and Q on both sides")
	}
}

func TestNoRandomness(t *testing.T) {
	broken := errors.New("no randomness")
	p := New(iotest.ErrReader(broken), [20]byte{}, [20]byte{}, ssid)
	if _, err := p.Start("", "secret"); !errors.Is(err, broken) {
		t.Error(err)
	}
	a, b := two()
	b.Receive(start(t, a, "", "secret")[0])
	b.random = io.LimitReader(rand.Reader, 6*size)
	if m, err := b.Answer("secret"); err == nil {
		t.Errorf("answered %v", m)
	}
}

func FuzzReceive(f *testing.F) {
	a, b := two()
	out, err := a.Start("q", "secret")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(kind1Q), out[0].Value)
	f.Add(uint16(kind2), []byte{0, 0, 0, 11})
	f.Add(uint16(kindAbort), []byte(nil))
	f.Fuzz(func(t *testing.T, kind uint16, value []byte) {
		for _, p := range []*Party{a, b} {
			if _, result, _ := p.Receive(Message{kind, value}); result == Succeeded || result == Failed {
				t.Fatalf("message %d, %x: %d", kind, value, result)
			}
		}
	})
}

func BenchmarkSMP(b *testing.B) {
	for b.Loop() {
		x, y := two()
		out, err := x.Start("", "secret")
		if err != nil {
			b.Fatal(err)
		}
		y.Receive(out[0])
		m, err := y.Answer("secret")
		if err != nil {
			b.Fatal(err)
		}
		m3, _, _ := x.Receive(m)
		m4, _, _ := y.Receive(*m3)
		if _, result, _ := x.Receive(*m4); result != Succeeded {
			b.Fatal(result)
		}
	}
}
