// SPDX-License-Identifier: GPL-3.0-or-later

//go:build lab

// Against the Tor network of scripts/lab: run inside a client's namespace with
// what `scripts/lab env` and `scripts/lab client env NAME` print, and
// SSL_CERT_FILE naming the lab's authority.

package tor

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// creds are fresh credentials, user names and passwords in turn.
var creds = func() (list []redact.Secret) {
	for range 4 {
		u, p := NewCredentials()
		list = append(list, u, p)
	}
	return list
}()

func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: this test runs in the lab", name)
	}
	return v
}

func labTor(t *testing.T) *watched {
	t.Helper()
	w := watchTor(t, Settings{Mode: ModeSystem, Socks: need(t, "CLIENT_SOCKS"), Control: need(t, "CLIENT_CONTROL")})
	s := w.untilState(policy.TorReady)
	if s.Isolation != policy.IsolationProven || s.Progress != 100 {
		t.Fatalf("%+v", s)
	}
	return w
}

// Each sign-on rides its own circuit, and each stream knows which; the control
// arm is a second stream of one sign-on, which shares.
func TestLabCircuits(t *testing.T) {
	w := labTor(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	open := func(host string, user, password int) Circuit {
		t.Helper()
		s, err := w.Dial(ctx, creds[user], creds[password], host, 5222)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		c, ok := s.Circuit()
		if !ok || s.Isolation() != policy.IsolationProven {
			t.Fatalf("circuit %+v, isolation %v", c, s.Isolation())
		}
		return c
	}
	one, again, other := open("a.test", 0, 1), open("a.test", 0, 1), open("a.test", 2, 3)
	if key(one) != key(again) {
		t.Errorf("one sign-on, two circuits: %+v, %+v", one, again)
	}
	if key(one) == key(other) {
		t.Errorf("two sign-ons, one circuit: %+v", one)
	}
	if _, ok := one.Exit(); !ok || len(one.Path) < 3 || one.Onion != "" {
		t.Errorf("no exit: %+v", one)
	}
	if onion := os.Getenv("LAB_ONION"); onion != "" {
		c := open(onion, 4, 5)
		if c.Onion != strings.TrimSuffix(onion, ".onion") {
			t.Errorf("not the onion service's circuit: %+v", c)
		}
	}
	s, err := w.Dial(ctx, creds[0], creds[1], "no-such-host.test", 5222)
	if reasonOf(err) != policy.ReasonServerUnreachable {
		t.Errorf("%v %v", s, err)
	}
}

func key(c Circuit) string {
	if c.ConfluxID != "" {
		return "conflux " + c.ConfluxID
	}
	return c.ID
}

func TestLabSRV(t *testing.T) {
	w := labTor(t)
	ctx := context.Background()
	resolver := need(t, "LAB_SRV_RESOLVER")
	need(t, "SSL_CERT_FILE")
	list, err := w.LookupSRV(ctx, creds[6], creds[7], resolver, "_xmpp-client._tcp", "a.test")
	if err != nil || len(list) == 0 || list[0].Port == 0 {
		t.Errorf("a.test: %v %v", list, err)
	}
	if list, err = w.LookupSRV(ctx, creds[6], creds[7], resolver, "_nothing._tcp", "a.test"); !errors.Is(err, ErrNoRecords) {
		t.Errorf("no such service: %v %v", list, err)
	}
	where, _, _ := strings.Cut(resolver, "#")
	if list, err = w.LookupSRV(ctx, creds[6], creds[7], where+"#wrong.test", "_xmpp-client._tcp", "a.test"); err == nil {
		t.Errorf("a certificate of another name is taken: %v", list)
	}
}
