// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package libotrtest

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	alice = Account{"alice@a.test/", "prpl-jabber"}
	bob   = Account{"bob@b.test/", "prpl-jabber"}
)

// wire carries lines between two peers until there are no more, and returns
// what each user saw and was told.
type wire struct {
	a, b             *Peer
	seenA, seenB     []string
	eventsA, eventsB []Event
}

func (w *wire) fromA(lines []string) { w.carry(lines, true) }
func (w *wire) fromB(lines []string) { w.carry(lines, false) }

func (w *wire) carry(lines []string, fromA bool) {
	for _, line := range lines {
		to, seen, events := w.b, &w.seenB, &w.eventsB
		if !fromA {
			to, seen, events = w.a, &w.seenA, &w.eventsA
		}
		r := to.Receive(line)
		if r.Shown {
			*seen = append(*seen, r.Text)
		}
		*events = append(*events, r.Events...)
		w.carry(r.Lines, !fromA)
	}
}

func talk(t *testing.T) *wire {
	t.Helper()
	w := &wire{a: New(t, alice, bob.Name), b: New(t, bob, alice.Name)}
	w.fromA([]string{"?OTRv3?"})
	if w.a.Status().State != Encrypted || w.b.Status().State != Encrypted {
		t.Fatalf("not encrypted: %+v, %+v", w.a.Status(), w.b.Status())
	}
	return w
}

func must(t *testing.T, lines []string, _ []Event, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestTwoPeersTalk(t *testing.T) {
	w := talk(t)
	if s := w.a.Status(); s.Version != 3 || s.Fingerprint != w.b.Keys()[0].Fingerprint || s.Instance != w.b.Tags()[0].Tag ||
		!bytes.Equal(s.SessionID, w.b.Status().SessionID) || len(s.SessionID) != 8 {
		t.Errorf("status %+v; keys %q, tags %v", s, w.b.Keys()[0].Fingerprint, w.b.Tags())
	}
	if !has(w.eventsA, "gone-secure") || !has(w.eventsB, "new-fingerprint") {
		t.Errorf("events %v and %v", w.eventsA, w.eventsB)
	}
	lines, events, err := w.a.Send("grüße")
	w.fromA(must(t, lines, events, err))
	w.b.SetMaxLine(200)
	text := strings.Repeat("long ", 200)
	lines, events, err = w.b.Send(text)
	if err != nil || len(lines) < 5 || len(lines[0]) > 200 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	w.fromB(must(t, lines, events, err))
	if !slices.Equal(w.seenB, []string{"grüße"}) || !slices.Equal(w.seenA, []string{text}) {
		t.Errorf("seen %q and %q", w.seenA, w.seenB)
	}
	key, lines, err := w.a.Symkey(7)
	w.eventsB = nil
	w.fromA(must(t, lines, nil, err))
	if !slices.Contains(w.eventsB, Event{"symkey", string(key), 7}) {
		t.Errorf("events %q", w.eventsB)
	}
	end, _ := w.a.End()
	w.fromA(end)
	if a, b := w.a.Status().State, w.b.Status().State; a != Plaintext || b != Finished {
		t.Errorf("states %d and %d after the end", a, b)
	}
}

func TestSMP(t *testing.T) {
	for _, tc := range []struct {
		name, question, answer, ask, end string
	}{
		{"question", "where?", "there", "smp-ask-for-answer", "smp-success"},
		{"secret", "", "there", "smp-ask-for-secret", "smp-success"},
		{"wrong", "where?", "here", "smp-ask-for-answer", "smp-failure"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := talk(t)
			ask := func() ([]string, []Event, error) { return w.a.Ask(tc.question, "there") }
			if tc.question == "" {
				ask = func() ([]string, []Event, error) { return w.a.AskSecret("there") }
			}
			lines, events, err := ask()
			w.fromA(must(t, lines, events, err))
			if !slices.ContainsFunc(w.eventsB, func(e Event) bool { return e.Kind == tc.ask && e.Text == tc.question }) {
				t.Errorf("events %v", w.eventsB)
			}
			lines, events, err = w.b.Answer(tc.answer)
			w.fromB(must(t, lines, events, err))
			if !has(w.eventsA, tc.end) || !has(w.eventsB, tc.end) {
				t.Errorf("events %v and %v", w.eventsA, w.eventsB)
			}
		})
	}
	w := talk(t)
	lines, events, err := w.a.Ask("where?", "there")
	w.fromA(must(t, lines, events, err))
	lines, events, err = w.b.Abort()
	w.fromB(must(t, lines, events, err))
	if !has(w.eventsA, "smp-abort") {
		t.Errorf("events %v", w.eventsA)
	}
}

func TestTLVAndPolicies(t *testing.T) {
	w := talk(t)
	lines, events, err := w.a.SendTLV("hello", 99, []byte{0, 1})
	w.fromA(must(t, lines, events, err))
	if !slices.Contains(w.eventsB, Event{"tlv", "\x00\x01", 99}) || w.seenB[0] != "hello" {
		t.Errorf("events %q, seen %q", w.eventsB, w.seenB)
	}
	p := New(t, alice, bob.Name)
	for _, tc := range []struct {
		policy Policy
		text   string
		want   func(string) bool
	}{
		{Manual, "text", func(line string) bool { return line == "text" }},
		{Opportunistic, "text", func(line string) bool { return strings.HasPrefix(line, "text \t  \t") }},
		{Always, "text", func(line string) bool { return strings.HasPrefix(line, "?OTRv23?") }},
	} {
		p.SetPolicy(tc.policy)
		if lines, _, err := p.Send(tc.text); err != nil || len(lines) != 1 || !tc.want(lines[0]) {
			t.Errorf("policy %#x: %q, %v", tc.policy, lines, err)
		}
	}
}

// TestInstances is one account at two computers, and a buddy who speaks with
// each.
func TestInstances(t *testing.T) {
	a := New(t, alice, bob.Name)
	one, two := New(t, bob, alice.Name), New(t, bob, alice.Name)
	w := &wire{a: a, b: one}
	w.fromA([]string{"?OTRv3?"})
	first := a.Status()
	w.b = two
	w.fromA([]string{"?OTRv3?"})
	a.SetInstance(two.Tags()[0].Tag)
	if s := a.Status(); s.Instance == first.Instance || s.State != Encrypted {
		t.Errorf("the second instance: %+v", s)
	}
	lines, _, err := a.Send("for two")
	w.fromA(must(t, lines, nil, err))
	w.b = one
	w.fromA(lines)
	if !slices.Equal(w.seenB, []string{"for two"}) || !has(w.eventsB, "msg-for-other-instance") {
		t.Errorf("seen %q, events %v", w.seenB, w.eventsB)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	keys, prints, tags := filepath.Join(dir, "k"), filepath.Join(dir, "f"), filepath.Join(dir, "t")
	w := talk(t)
	w.a.Trust("verified")
	for _, err := range []error{w.a.GenerateKey(bob, keys), w.a.GenerateTag(bob, ""), w.a.WriteTags(tags), w.a.WriteFingerprints(prints)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := New(t, alice, bob.Name)
	for _, err := range []error{p.ReadKeys(keys), p.ReadTags(tags), p.ReadFingerprints(prints)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Keys(); !slices.Equal(got, w.a.Keys()) || len(got) != 2 || len(got[0].Numbers[0]) < 256 || got[0].Numbers[4] == "" {
		t.Errorf("keys of %d accounts, %d", len(got), len(w.a.Keys()))
	}
	if got := p.Tags(); len(got) != 2 || !slices.Contains(got, w.a.Tags()[0]) {
		t.Errorf("tags %v, want %v", got, w.a.Tags())
	}
	if got := p.Fingerprints(); !slices.Equal(got, []Known{{alice, bob.Name, w.b.Keys()[0].Fingerprint, "verified"}}) {
		t.Errorf("fingerprints %v", got)
	}
	if err := p.ReadKeys(prints); err == nil {
		t.Error("fingerprints were read as keys")
	}
}
