// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package gate

import (
	"context"
	"io"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
	"purpleonion.org/purple-onion/helper/internal/tor"
	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

// throughTor is a bench whose gate dials through a real Tor (that has no
// network), asking what the engine would ask.
func throughTor(t *testing.T, r *tortest.Tor) (*bench, *tor.Client) {
	t.Helper()
	changed := make(chan tor.Status, 100)
	c := tor.Start(tor.Settings{Mode: tor.ModeSystem, Socks: r.Socks, Control: r.Control, Getenv: func(string) string { return "" }},
		func(s tor.Status) { changed <- s })
	t.Cleanup(c.Close)
	<-changed
	b := newBench(t, func(conf *Config) {
		conf.Dial = func(ctx context.Context, user, password redact.Secret, host string, port uint16) (Stream, error) {
			s, err := c.Dial(ctx, user, password, host, port)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
		conf.Ask = func(q Request) policy.Decision {
			s := c.Status()
			q.Facts.Tor, q.Facts.RequireProven = s.State, policy.No
			if q.Facts.Isolation == policy.IsolationNotAsked {
				q.Facts.Isolation = s.Isolation
			}
			return policy.Stream(q.Facts)
		}
	})
	b.issue(nil)
	return b, c
}

func TestReasonsOfARealTor(t *testing.T) {
	for name, c := range map[string]struct {
		options tortest.Options
		reason  policy.Reason
	}{
		"starting":      {tortest.Options{}, policy.ReasonTorStarting},
		"no network":    {tortest.Options{NoControl: true}, policy.ReasonServerUnreachable},
		"isolation off": {tortest.Options{SocksFlags: "NoIsolateSOCKSAuth"}, policy.ReasonTorStarting},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := throughTor(t, tortest.Offline(t, c.options))
			if code := b.open(b.connect(), "a.test", 5222); code == 0 {
				t.Error("connected without a network")
			}
			if e := b.until(EventRefused); e.Reason != c.reason {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestKilledTorBehindTheGate(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{NoControl: true})
	b, _ := throughTor(t, r)
	r.Kill()
	if code := b.open(b.connect(), "a.test", 5222); code == 0 {
		t.Error("connected through a dead Tor")
	}
	if e := b.until(EventRefused); e.Reason != policy.ReasonTorDead {
		t.Errorf("%+v", e)
	}
}

// Nothing that the gate tells holds a credential.
func TestEventsHoldNoCredential(t *testing.T) {
	b, _ := throughTor(t, tortest.Offline(t, tortest.Options{NoControl: true}))
	conn := b.connect()
	b.open(conn, "a.test", 5222)
	_, _ = io.ReadAll(conn)
	for {
		select {
		case e := <-b.events:
			for _, secret := range []string{"tu", "tp", "password"} {
				for _, word := range strings.FieldsFunc(e.Detail, func(r rune) bool { return r == ' ' || r == ':' }) {
					if word == secret {
						t.Errorf("%q in %q", secret, e.Detail)
					}
				}
			}
		default:
			return
		}
	}
}
