// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package tor

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

const patience = 60 * time.Second // how long a test waits for what must come

// watched is a client whose statuses can be waited for.
type watched struct {
	*Client
	t        testing.TB
	statuses chan Status
}

func watchTor(t testing.TB, s Settings) *watched {
	t.Helper()
	if s.Getenv == nil {
		s.Getenv = func(string) string { return "" }
	}
	w := &watched{t: t, statuses: make(chan Status, 1000)}
	w.Client = Start(s, func(s Status) { w.statuses <- s })
	t.Cleanup(w.Close)
	return w
}

func (w *watched) until(what string, ok func(Status) bool) Status {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case s := <-w.statuses:
			w.t.Logf("%+v", s)
			if ok(s) {
				return s
			}
		case <-deadline:
			w.t.Fatalf("never %s; last: %+v", what, w.Status())
		}
	}
}

func (w *watched) untilState(want policy.TorState) Status {
	w.t.Helper()
	return w.until(want.String(), func(s Status) bool { return s.State == want })
}

// known is settings for one Tor, its control port named.
func known(r *tortest.Tor) Settings {
	return Settings{Mode: ModeSystem, Socks: r.Socks, Control: r.Control}
}

func TestIsolationAsTheControlPortShowsIt(t *testing.T) {
	for _, c := range []struct {
		name, flags string
		want        policy.Isolation
	}{
		{"default", "", policy.IsolationProven},
		{"off", "NoIsolateSOCKSAuth", policy.IsolationOff},
		// Method 2 alone is offered, so that our own streams would be apart; the
		// configuration says that others' need not be.
		{"no-auth preferred", "PreferSOCKSNoAuth", policy.IsolationOff},
		{"safe socks", "IsolateDestAddr IsolateDestPort", policy.IsolationProven},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := tortest.Offline(t, tortest.Options{SocksFlags: c.flags, Lines: []string{"SafeSocks 1"}})
			s := watchTor(t, known(r)).untilState(policy.TorStarting)
			if s.Isolation != c.want || s.Control != ControlOpen || s.Progress < 0 || s.Version == "" || s.Socks != r.Socks {
				t.Errorf("%+v, want isolation %v", s, c.want)
			}
		})
	}
}

func TestWithoutAControlPort(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{NoControl: true})
	w := watchTor(t, Settings{Mode: ModeSystem, Socks: r.Socks})
	s := w.untilState(policy.TorReady)
	if s.Isolation != policy.IsolationUnknown || s.Control != ControlAbsent || s.Progress != ProgressUnknown || s.Detail == "" {
		t.Errorf("%+v", s)
	}
	user, password := NewCredentials()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := w.Dial(ctx, user, password, "a.test", 5222)
	if reasonOf(err) != policy.ReasonServerUnreachable {
		t.Errorf("Dial through an offline Tor: %v", err)
	}
	short, cancel2 := context.WithTimeout(context.Background(), 300*time.Millisecond) // sooner than Tor gives up
	defer cancel2()
	if _, err = w.Dial(short, user, password, "a.test", 5222); reasonOf(err) != policy.ReasonServerUnreachable {
		t.Errorf("Dial that ran out of time: %v", err)
	}
	r.Kill()
	if _, err = w.Dial(ctx, user, password, "a.test", 5222); reasonOf(err) != policy.ReasonTorDead {
		t.Errorf("Dial through a dead Tor: %v", err)
	}
	w.untilState(policy.TorDead)
}

func reasonOf(err error) policy.Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason()
	}
	return ""
}

func TestKilledStoppedAndBack(t *testing.T) {
	for _, control := range []bool{true, false} {
		t.Run(map[bool]string{true: "control", false: "no control"}[control], func(t *testing.T) {
			t.Parallel()
			r := tortest.Offline(t, tortest.Options{NoControl: !control})
			w := watchTor(t, Settings{Mode: ModeSystem, Socks: r.Socks, Control: r.Control})
			alive := func(s Status) bool { return s.State == policy.TorStarting || s.State == policy.TorReady }
			w.until("alive", alive)
			r.Signal(syscall.SIGSTOP)
			w.untilState(policy.TorDead)
			r.Signal(syscall.SIGCONT)
			w.until("alive after SIGCONT", alive)
			r.Kill()
			w.untilState(policy.TorDead)
			tortest.Offline(t, tortest.Options{NoControl: true, SocksPort: portOf(r.Socks)})
			w.until("alive after a restart", alive)
		})
	}
}

func portOf(text string) uint16 { return netip.MustParseAddrPort(text).Port() }

func TestControlPortOfAnotherTor(t *testing.T) {
	one, other := tortest.Offline(t, tortest.Options{}), tortest.Offline(t, tortest.Options{})
	s := watchTor(t, Settings{Mode: ModeSystem, Socks: one.Socks, Control: other.Control}).untilState(policy.TorNotTor)
	if !strings.Contains(s.Detail, other.Control) {
		t.Errorf("the detail does not name the control port: %q", s.Detail)
	}
}

func TestControlPassword(t *testing.T) {
	// The hash of "foo", made by `tor --hash-password`.
	hash := "HashedControlPassword 16:188B28FB3FE2540860B1A32F2D6EBEF15AC7498938468696A407CE0C5F"
	r := tortest.Offline(t, tortest.Options{NoCookie: true, Lines: []string{hash}})
	s := known(r)
	s.ControlPassword = redact.New("foo")
	if got := watchTor(t, s).untilState(policy.TorStarting); got.Control != ControlOpen {
		t.Errorf("with the password: %+v", got)
	}
	s.ControlPassword = redact.New("wrong")
	if got := watchTor(t, s).untilState(policy.TorReady); got.Control != ControlAbsent || got.Isolation != policy.IsolationUnknown {
		t.Errorf("with a wrong password: %+v", got)
	}
}

func TestGateIsNeverTakenForTor(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{})
	s := known(r)
	s.GatePorts = func() []uint16 { return []uint16{portOf(r.Socks)} }
	if got := watchTor(t, s).untilState(policy.TorNotTor); !strings.Contains(got.Detail, "gate") {
		t.Errorf("%+v", got)
	}
}

func TestAbsent(t *testing.T) {
	s := Settings{Mode: ModeSystem, Socks: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), tortest.FreePort(t)).String()}
	watchTor(t, s).untilState(policy.TorAbsent)
}

func TestStreamEventOfARealConnect(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{})
	cand := candidate{socks: address{"tcp", r.Socks}, controls: []address{{"tcp", r.Control}}}
	p, err := openControl(context.Background(), cand)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := connect(ctx, cand.socks)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	user, password := NewCredentials()
	if err = authenticate(conn, user, password, checkOwner); err != nil {
		t.Fatal(err)
	}
	// The same stream, looked for with a wrong password, must not count as isolated.
	right, wrong := p.streams.expect(user, password, conn), &sighting{user: user, password: user, source: conn.LocalAddr().String(), seen: make(chan struct{})}
	if _, err = request(conn, commandConnect, "a.test", 5222); err == nil {
		t.Fatal("an offline Tor connected")
	}
	if got := right.wait(ctx); got != policy.IsolationProven {
		t.Errorf("isolation %v", got)
	}
	wrong.judge("1", map[string]string{"SOCKS_USERNAME": user.Reveal(), "SOCKS_PASSWORD": password.Reveal(), "ISO_FIELDS": "SOCKS_USERNAME,SOCKS_PASSWORD"})
	if got, _, _ := wrong.state(); got != policy.IsolationOff {
		t.Errorf("with another password: %v", got)
	}
}
