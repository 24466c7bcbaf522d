// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// A grant with a delay dials nothing until it has passed; who hangs up
// meanwhile ends it, and the next connection of the sign-on does not wait.
func TestDelayBeforeTheFirstDial(t *testing.T) {
	b := newBench(t, nil)
	b.issue(func(g *Grant) { g.Delay = time.Hour })
	conn := b.connect()
	for _, m := range [][]byte{greeting(), login("user", "password"), connectTo("a.test", 5222)} {
		_, _ = conn.Write(m)
	}
	_, _ = io.ReadFull(conn, make([]byte, 4))
	_ = conn.Close()
	b.until(EventRefused)
	if d := b.dials(); len(d) != 0 {
		t.Errorf("dialled %v", d)
	}
	if code := b.open(b.connect(), "a.test", 5222); code != 0 {
		t.Errorf("reply %d", code)
	}
}

func TestDelayPasses(t *testing.T) {
	const delay = 300 * time.Millisecond
	b := newBench(t, nil)
	b.issue(func(g *Grant) { g.Delay = delay })
	begun := time.Now()
	if code := b.open(b.connect(), "a.test", 5222); code != 0 || time.Since(begun) < delay {
		t.Errorf("reply %d after %v", code, time.Since(begun))
	}
}

// leaving opens a connection that leaves after a while, and says its last
// words. The other end is the server's.
func (b *bench) leaving(delay time.Duration) net.Conn {
	b.t.Helper()
	b.issue(nil)
	conn := b.connect()
	if code := b.open(conn, "a.test", 5222); code != 0 {
		b.t.Fatalf("reply %d", code)
	}
	server, err := b.server.Accept()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = server.Close() })
	_ = server.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write([]byte("before"))
	if _, err := io.ReadFull(server, make([]byte, 6)); err != nil {
		b.t.Fatal(err)
	}
	b.Leave(1, delay)
	_, _ = conn.Write([]byte("last words"))
	_ = conn.Close()
	b.Revoke(1, "")
	return server
}

// The server hears last words and end after the delay, and may talk meanwhile.
func TestLeave(t *testing.T) {
	const delay = 500 * time.Millisecond
	b := newBench(t, nil)
	begun := time.Now()
	server := b.leaving(delay)
	if _, err := server.Write(bytes.Repeat([]byte("to nobody "), 1000)); err != nil {
		t.Errorf("the server cannot talk: %v", err)
	}
	got, err := io.ReadAll(server)
	if string(got) != "last words" || err != nil || time.Since(begun) < delay {
		t.Errorf("%q %v after %v", got, err, time.Since(begun))
	}
	for end := time.Now().Add(patience); b.count() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a connection is left")
		}
	}
}

// What ends a connection that leaves, and would leave for an hour.
func TestLeaveEnds(t *testing.T) {
	for name, end := range map[string]func(*bench){
		"the account signs on again": func(b *bench) {
			b.issue(func(g *Grant) {
				g.SignOn, g.User, g.TorUser = 2, redact.New("user2"), redact.New("tu2")
			})
		},
		"a reason":       func(b *bench) { b.Revoke(1, policy.ReasonTorDead) },
		"all are closed": func(b *bench) { b.CloseAll(policy.ReasonTorDead) },
	} {
		b := newBench(t, nil)
		server := b.leaving(time.Hour)
		end(b)
		if got, err := io.ReadAll(server); len(got) > 0 || err != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

// Last words without a delay, and those that wait when the gate closes, reach
// the server: an OTR conversation's end is among them.
func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		delay time.Duration
		end   func(*bench)
	}{
		"without a delay":             {0, func(*bench) {}},
		"without a delay, and closed": {0, func(b *bench) { b.Close() }},
		"the gate closes":             {time.Hour, func(b *bench) { b.Close() }},
	} {
		for range 50 {
			b := newBench(t, nil)
			server := b.leaving(c.delay)
			c.end(b)
			if got, err := io.ReadAll(server); string(got) != "last words" || err != nil {
				t.Fatalf("%s: %q %v", name, got, err)
			}
		}
	}
}

// A client that leaves and does not close does not keep the gate open, and one
// that does not leave is not let go on meanwhile.
func TestCloseDoesNotWaitForever(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	b.issue(func(g *Grant) {
		g.SignOn, g.User, g.TorUser, g.Account.Name = 2, redact.New("user2"), redact.New("tu2"), "other@a.test/"
	})
	conn, other := b.connect(), b.connect()
	if code := b.open(conn, "a.test", 5222); code != 0 {
		t.Fatalf("reply %d", code)
	}
	if code := b.openAs(other, "user2", "a.test", 5222); code != 0 {
		t.Fatalf("reply %d", code)
	}
	b.Leave(1, time.Hour)
	ended := make(chan time.Time, 1)
	go func() { _, _ = io.ReadAll(other); ended <- time.Now() }()
	b.Close()
	closed := time.Now()
	if _, err := io.ReadAll(conn); isTimeout(err) {
		t.Error("a connection outlived the gate")
	}
	if end := <-ended; !end.Before(closed) {
		t.Error("a connection that does not leave went on until the end")
	}
}

// Without leave to stay, Revoke ends a connection at once.
func TestLeaveControl(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	if code := b.open(b.connect(), "a.test", 5222); code != 0 {
		t.Fatalf("reply %d", code)
	}
	server, err := b.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = server.SetDeadline(time.Now().Add(patience))
	b.Revoke(1, "")
	if got, err := io.ReadAll(server); len(got) > 0 || err != nil {
		t.Errorf("%q %v", got, err)
	}
}
