// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

func second() Account {
	b := alice()
	b.Name, b.Handle = "bob@b.test/", 8
	return b
}

// two accounts are online; ride says where Tor has them.
func two(w *world, circuits ...string) {
	w.places = map[uint64][]Place{}
	for i, a := range []Account{alice(), second()} {
		n := w.DecideConnect(a).SignOn
		w.SignOnOnline(n)
		w.StreamConnected(n, Stream{Circuit: "first"})
		if i < len(circuits) {
			w.places[n] = []Place{{Ride: policy.Ride{Circuit: circuits[i], Isolation: policy.IsolationProven}, Known: true, Exit: "EXIT"}}
		}
	}
}

func TestLive(t *testing.T) {
	tests := []struct {
		name, control string
		isolation     policy.Isolation
		circuits      []string
		verdict, own  string
		exit          int
	}{
		{"two circuits", "open", policy.IsolationProven, []string{"5", "7"}, "distinct", CircuitProven, 0},
		{"one circuit", "open", policy.IsolationProven, []string{"5", "5"}, "shared", CircuitProven, 1},
		{"filtered", "filtered", policy.IsolationUnknown, nil, "not-proven", CircuitNotProven, 3},
		{"absent", "absent", policy.IsolationUnknown, nil, "not-proven", CircuitNotProven, 3},
		{"a stream that Tor does not have", "open", policy.IsolationProven, []string{"", "7"}, "not-proven", CircuitOff, 1},
		{"no streams at all", "open", policy.IsolationProven, nil, "not-proven", CircuitOff, 1},
		{"isolation was turned off", "open", policy.IsolationOff, []string{"5", "7"}, "shared", CircuitNotProven, 1},
	}
	for _, tt := range tests {
		w := newWorld(nil)
		w.tor.Control = tt.control
		two(w, tt.circuits...)
		w.tor.Isolation = tt.isolation
		l := w.Live(context.Background())
		if len(l.Accounts) != 2 || len(l.Isolation) != 1 {
			t.Fatalf("%s: %+v", tt.name, l)
		}
		p := l.Isolation[0]
		if p.Verdict != tt.verdict || p.Evidence == "" || l.Accounts[0].OwnCircuit != tt.own || l.ExitCode() != tt.exit {
			t.Errorf("%s: %+v, own %s, exit %d", tt.name, p, l.Accounts[0].OwnCircuit, l.ExitCode())
		}
		if p.A != "prpl-jabber:alice@a.test/" || p.B != "prpl-jabber:bob@b.test/" {
			t.Errorf("%s: %+v", tt.name, p)
		}
	}
}

// A stream whose id was never seen is not proven, and not known to be off.
func TestUnseenStreamIsNotProven(t *testing.T) {
	w := newWorld(nil)
	w.tor.Control = "open"
	two(w, "", "7")
	w.places[1][0].Known = false
	if l := w.Live(context.Background()); l.Accounts[0].OwnCircuit != CircuitNotProven || l.ExitCode() != 3 {
		t.Errorf("%+v", l)
	}
}

// With isolation off nobody comes online: the pair is shared all the same.
func TestIsolationOffIsSharedAndBlocked(t *testing.T) {
	w := newWorld(nil)
	w.tor.Isolation, w.tor.Control, w.tor.Option = policy.IsolationOff, "open", "NoIsolateSOCKSAuth"
	for _, a := range []Account{alice(), second()} {
		if got := w.DecideConnect(a); got.Verdict != policy.Block {
			t.Fatalf("%+v", got)
		}
	}
	l := w.Live(context.Background())
	if len(l.Isolation) != 1 || l.Isolation[0].Verdict != "shared" || !strings.Contains(l.Isolation[0].Evidence, "NoIsolateSOCKSAuth") || l.ExitCode() != 1 {
		t.Errorf("%+v", l)
	}
	if a := l.Accounts[0]; a.State != "blocked" || a.Reason != "tor-isolation-off" || a.Since == "" {
		t.Errorf("%+v", a)
	}
	if len(l.Findings) != 1 || l.Findings[0].Check != "tor-isolation-off" {
		t.Errorf("findings %+v", l.Findings)
	}
}

// Whatever is not known of a control port, it is said in the words of the JSON.
func TestControlWords(t *testing.T) {
	for _, control := range []string{"", "not-asked", "absent", "filtered", "open"} {
		for _, state := range []policy.TorState{policy.TorStarting, policy.TorReady, policy.TorDead} {
			want := control
			if state == policy.TorDead || want == "" || want == "not-asked" {
				want = "absent"
			}
			l := Status{Tor: TorStatus{State: state, Control: control, Isolation: policy.IsolationUnknown}}.Live(nil)
			if l.Tor.Control != want || state != policy.TorDead && l.Findings[0].Message != "Tor's control port is "+want {
				t.Errorf("%v %q: %+v", state, control, l)
			}
		}
	}
}

func TestFewerThanTwoOnline(t *testing.T) {
	w := newWorld(nil)
	w.tor.Control = "open"
	w.recorded = []policy.Account{alice().Account, second().Account}
	n := w.DecideConnect(alice()).SignOn
	w.SignOnOnline(n)
	w.places = map[uint64][]Place{n: {{Ride: policy.Ride{Circuit: "5", Isolation: policy.IsolationProven}, Known: true}}}
	l := w.Live(context.Background())
	if len(l.Accounts) != 2 || len(l.Isolation) != 0 || l.ExitCode() != 0 {
		t.Errorf("%+v", l)
	}
	if b := l.Accounts[1]; b.State != "offline" || b.Since != "" || b.Protection != "tor" {
		t.Errorf("%+v", b)
	}
}

// What an account was blocked for outlives its connection's end, until it
// tries again; released, it is gone.
func TestStanding(t *testing.T) {
	w := newWorld(nil)
	is := func(state State, reason policy.Reason) {
		t.Helper()
		s := w.Status()
		if len(s.Accounts) != 1 || s.Accounts[0].State != state || s.Accounts[0].Reason != reason {
			t.Fatalf("%+v, want %s %s", s.Accounts, state, reason)
		}
	}
	w.recorded = []policy.Account{alice().Account}
	is(Offline, "")
	n := w.DecideConnect(alice()).SignOn
	is(Connecting, "")
	w.SignOnOnline(n)
	is(Online, "")
	w.TorChanged(TorStatus{State: policy.TorDead})
	is(Blocked, policy.ReasonTorDead)
	w.SignOnEnded(n)
	is(Blocked, policy.ReasonTorDead)
	n = w.DecideConnect(alice()).SignOn
	is(Connecting, "")
	w.StreamRefused(n, policy.ReasonServerUnreachable, "")
	w.SignOnEnded(n)
	is(Blocked, policy.ReasonServerUnreachable)
	w.recorded, w.level = nil, policy.LevelFact{Presence: policy.Absent}
	a := alice()
	a.Setting = policy.LevelFact{Presence: policy.Absent}
	w.DecideLevel(a)
	if s := w.Status(); len(s.Accounts) != 0 {
		t.Errorf("%+v", s.Accounts)
	}
	blocked := 0
	for _, n := range w.news {
		if n.Kind == NewsBlocked {
			blocked++
		}
	}
	if blocked != 2 {
		t.Errorf("%d blocks were told of", blocked)
	}
}

// The JSON has every key, no null, and nothing of a person for a sandbox.
func TestLiveJSON(t *testing.T) {
	empty, err := json.Marshal(NewLive(TorStatus{State: policy.TorAbsent}))
	if err != nil || strings.Contains(string(empty), "null") {
		t.Errorf("%s %v", empty, err)
	}
	w := newWorld(nil)
	w.tor.Control, w.tor.Socks = "open", "unix:/home/wren/tor/socks"
	two(w, "55", "77")
	l := w.Live(context.Background())
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("schema tor state version socks control accounts protocol name protection reason circuit exit onion since messages plaintext encrypted finished isolation a b verdict evidence") {
		if !strings.Contains(string(text), `"`+key+`":`) {
			t.Errorf("no key %q in %s", key, text)
		}
	}
	nameless, _ := json.Marshal(l.Nameless())
	for _, word := range []string{"alice", "bob", "55", "77", "EXIT", "wren"} {
		if strings.Contains(string(nameless), word) || !strings.Contains(string(text), word) {
			t.Errorf("%q: %s", word, nameless)
		}
	}
}

// What is kept from leaving is told by its reason, never by its text.
func TestLeaksAreTold(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Config{})
	s.news = nil
	s.DecideWire(s.message(WayIM, "in the clear"))
	want := News{Kind: NewsLeak, Account: s.account.Account, Reason: policy.ReasonNotEncrypted}
	if len(s.news) != 1 || s.news[0] != want {
		t.Errorf("%+v, want %+v", s.news, want)
	}
	if m := s.Status().Accounts[0].Messages; len(m) != 0 {
		t.Errorf("conversations %v", m)
	}
	s.typed("held")
	if m := s.Status().Accounts[0].Messages; m[bob] != policy.StateEncrypted {
		t.Errorf("conversations %v", m)
	}
}
