// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

const (
	patience = 30 * time.Second
	anOnion  = "jukrlvyhgguiedqswc5lehrag2fjunfktouuhi4wozxhb6heyzvshuyd.onion"
)

// plainStream is a loopback connection in the place of one through Tor.
type plainStream struct {
	*net.TCPConn
	isolation policy.Isolation
}

func (s plainStream) Isolation() policy.Isolation { return s.isolation }
func (plainStream) CircuitID() string             { return "7" }
func (s plainStream) NetConn() net.Conn           { return s.TCPConn }

type reasonError struct{ code policy.Reason }

func (e reasonError) Error() string         { return string(e.code) }
func (e reasonError) Reason() policy.Reason { return e.code }

// bench is a gate, a server behind it, and what was dialled and told.
type bench struct {
	*Gate
	t      testing.TB
	server net.Listener
	events chan Event

	mu        sync.Mutex
	dialled   []string
	fail      map[string]error // by host
	isolation policy.Isolation
	proxy     string // a SOCKS proxy before the server; empty: none
	decide    func(Request) policy.Decision
}

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, server: server, events: make(chan Event, 10000), fail: map[string]error{}, isolation: policy.IsolationProven}
	c := Config{Dial: b.dial, Notify: func(e Event) { b.events <- e },
		Ask: func(r Request) policy.Decision {
			b.mu.Lock()
			decide := b.decide
			b.mu.Unlock()
			if decide != nil {
				return decide(r)
			}
			r.Facts.Tor, r.Facts.RequireProven = policy.TorReady, policy.No
			if r.Facts.Isolation == policy.IsolationNotAsked {
				r.Facts.Isolation = policy.IsolationProven
			}
			return policy.Stream(r.Facts)
		}}
	c.Limits.Linger = 200 * time.Millisecond
	if change != nil {
		change(&c)
	}
	if b.Gate, err = Listen(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Gate.Close(); _ = server.Close() })
	return b
}

func (b *bench) dial(ctx context.Context, user, password redact.Secret, host string, port uint16) (Stream, error) {
	b.mu.Lock()
	b.dialled = append(b.dialled, fmt.Sprintf("%s/%s %s:%d", user.Reveal(), password.Reveal(), host, port))
	err, iso := b.fail[host], b.isolation
	b.mu.Unlock()
	if errors.Is(err, context.DeadlineExceeded) { // a mark for: no answer
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	conn, err := b.reach(ctx)
	if err != nil {
		return nil, err
	}
	return plainStream{conn, iso}, nil
}

// reach connects to the server, through a SOCKS proxy where there is one.
func (b *bench) reach(ctx context.Context) (*net.TCPConn, error) {
	b.mu.Lock()
	to := b.proxy
	b.mu.Unlock()
	if to == "" {
		to = b.server.Addr().String()
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.TCPConn)
	if b.proxy == "" {
		return conn, nil
	}
	port := b.server.Addr().(*net.TCPAddr).Port
	for _, m := range []struct {
		send []byte
		want int
	}{{[]byte{5, 1, 2}, 2}, {login("tu", "tp"), 2}, {connectTo("127.0.0.1", uint16(port)), 10}} {
		_, _ = conn.Write(m.send)
		if _, err = io.ReadFull(conn, make([]byte, m.want)); err != nil {
			return nil, err
		}
	}
	return conn, nil
}

func (b *bench) dials() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.dialled...)
}

func (b *bench) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *bench) issue(change func(*Grant)) Grant {
	b.t.Helper()
	g := Grant{Account: policy.Account{Protocol: "prpl-jabber", Name: "alice@a.test/"}, SignOn: 1,
		User: redact.New("user"), Password: redact.New("password"), TorUser: redact.New("tu"), TorPassword: redact.New("tp"),
		Domain: "a.test", Port: 5222}
	if change != nil {
		change(&g)
	}
	if err := b.Issue(g); err != nil {
		b.t.Fatal(err)
	}
	return g
}

func (b *bench) connect() *net.TCPConn {
	b.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.Port()))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

func greeting() []byte { return []byte{5, 3, 0, 3, 2} } // as libpurple does

func login(user, password string) []byte {
	b := append([]byte{1, byte(len(user))}, user...)
	return append(append(b, byte(len(password))), password...)
}

func connectTo(host string, port uint16) []byte {
	b := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	return append(b, byte(port>>8), byte(port))
}

// open runs the whole handshake and gives the reply code.
func (b *bench) open(conn net.Conn, host string, port uint16) byte {
	b.t.Helper()
	return b.openAs(conn, "user", host, port)
}

func (b *bench) openAs(conn net.Conn, user, host string, port uint16) byte {
	b.t.Helper()
	steps := []struct {
		send []byte
		want int
	}{{greeting(), 2}, {login(user, "password"), 2}, {connectTo(host, port), 10}}
	var answer [10]byte
	for _, s := range steps {
		if _, err := conn.Write(s.send); err != nil {
			b.t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, answer[:s.want]); err != nil {
			b.t.Fatal(err)
		}
	}
	return answer[1]
}

func (b *bench) until(kind EventKind) Event {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-b.events:
			if e.Kind == kind {
				return e
			}
		case <-deadline:
			b.t.Fatalf("never event %d", kind)
		}
	}
}

func TestEveryRefusal(t *testing.T) {
	request := func(b ...byte) []byte { return b }
	ok := append(greeting(), login("user", "password")...)
	with := func(more ...byte) []byte { return append(append([]byte{}, ok...), more...) }
	host := func(h string, port uint16) []byte { return with(connectTo(h, port)...) }
	in := []byte{5, 2, 1, 0} // method 2 taken, login taken
	reply := func(code byte) []byte { return append(append([]byte{}, in...), reply(code)...) }
	for _, c := range []struct {
		name string
		send []byte
		want []byte // all that comes back
		told policy.Reason
	}{
		{"no-auth alone", request(5, 1, 0), []byte{5, 0xFF}, policy.ReasonBadCredentials},
		{"GSSAPI and CHAP", request(5, 2, 1, 3), []byte{5, 0xFF}, policy.ReasonBadCredentials},
		{"no methods", request(5, 0), nil, ""},
		{"SOCKS4", request(4, 1, 0, 80, 1, 2, 3, 4, 0), nil, ""},
		{"HTTP", []byte("CONNECT a.test:5222 HTTP/1.1\r\n\r\n"), nil, ""},
		{"wrong user", append(greeting(), login("usex", "password")...), []byte{5, 2, 1, 1}, policy.ReasonBadCredentials},
		{"wrong password", append(greeting(), login("user", "passworx")...), []byte{5, 2, 1, 1}, policy.ReasonBadCredentials},
		{"another's password", append(greeting(), login("user", "password2")...), []byte{5, 2, 1, 1}, policy.ReasonBadCredentials},
		{"empty user", append(greeting(), login("", "password")...), []byte{5, 2}, ""},
		{"empty password", append(greeting(), login("user", "")...), []byte{5, 2}, ""},
		{"login version", append(greeting(), 2, 4, 'u', 's', 'e', 'r', 1, 'p'), []byte{5, 2}, ""},
		{"BIND", with(5, 2, 0, 3, 6, 'a', '.', 't', 'e', 's', 't', 20, 102), reply(7), policy.ReasonNotThisServer},
		{"UDP ASSOCIATE", with(5, 3, 0, 3, 6, 'a', '.', 't', 'e', 's', 't', 20, 102), reply(7), policy.ReasonNotThisServer},
		{"RESOLVE", with(5, 0xF0, 0, 3, 6, 'a', '.', 't', 'e', 's', 't', 20, 102), reply(7), policy.ReasonNotThisServer},
		{"IPv4 address", with(5, 1, 0, 1, 192, 0, 2, 1, 20, 102), reply(8), policy.ReasonNotThisServer},
		{"IPv6 address", append(with(5, 1, 0, 4), make([]byte, 18)...), reply(8), policy.ReasonNotThisServer},
		{"unknown address type", with(5, 1, 0, 9, 1, 2), reply(8), policy.ReasonNotThisServer},
		{"request version", with(4, 1, 0, 3, 1, 'a', 0, 80), in, ""},
		{"other server", host("b.test", 5222), reply(2), policy.ReasonNotThisServer},
		{"a server under it", host("x.a.test", 5222), reply(2), policy.ReasonNotThisServer},
		{"a server over it", host("test", 5222), reply(2), policy.ReasonNotThisServer},
		{"with a NUL", host("a.test\x00.b.test", 5222), reply(2), policy.ReasonNotThisServer},
		{"other port", host("a.test", 443), reply(2), policy.ReasonNotThisServer},
		{"port 0", host("a.test", 0), reply(2), policy.ReasonNotThisServer},
		{"empty host", host("", 5222), in, ""},
		{"oversize host", host(strings.Repeat("a", 255), 5222), reply(2), policy.ReasonNotThisServer},
		{"truncated greeting", request(5, 3, 0), nil, ""},
		{"truncated login", append(greeting(), 1, 4, 'u'), []byte{5, 2}, ""},
		{"truncated request", with(5, 1, 0, 3, 6, 'a', '.'), in, ""},
		{"nothing", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.issue(nil)
			b.issue(func(g *Grant) {
				g.SignOn, g.User, g.Password, g.TorUser = 2, redact.New("user2"), redact.New("password2"), redact.New("tu2")
			})
			conn := b.connect()
			if _, err := conn.Write(c.send); err != nil {
				t.Fatal(err)
			}
			_ = conn.CloseWrite()
			got, _ := io.ReadAll(conn) // a reset after the answer is an end too
			if !bytes.Equal(got, c.want) {
				t.Errorf("got % x, want % x", got, c.want)
			}
			if d := b.dials(); len(d) > 0 {
				t.Errorf("dialled %v", d)
			}
			if c.told != "" {
				if e := b.until(EventRefused); e.Reason != c.told || c.told != policy.ReasonBadCredentials && e.SignOn != 1 {
					t.Errorf("told %+v", e)
				}
			}
		})
	}
}

func TestConnectsAndSplicesWithHalfClose(t *testing.T) {
	for _, host := range []string{"a.test", "A.Test", "a.test."} {
		b := newBench(t, nil)
		b.issue(nil)
		conn := b.connect()
		if code := b.open(conn, host, 5222); code != 0 {
			t.Fatalf("reply %d", code)
		}
		e := b.until(EventConnected)
		if e.Way != WayDomain || e.Isolation != policy.IsolationProven || e.Circuit != "7" || e.SignOn != 1 {
			t.Errorf("%+v", e)
		}
		if d := b.dials(); len(d) != 1 || d[0] != "tu/tp a.test:5222" {
			t.Errorf("dialled %v", d)
		}
		server, err := b.server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("purple onion "), 100000)
		go func() { _, _ = conn.Write(sent); _ = conn.CloseWrite() }()
		got, err := io.ReadAll(server) // ends by the client's half-close
		if err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
		}
		_, _ = server.Write([]byte("the other way still works"))
		_ = server.Close()
		if got, err = io.ReadAll(conn); err != nil || string(got) != "the other way still works" {
			t.Fatalf("%q %v", got, err)
		}
		if e := b.until(EventClosed); e.Reason != "" {
			t.Errorf("closed with %q", e.Reason)
		}
	}
}

func TestWays(t *testing.T) {
	down := errors.New("no answer")
	for _, c := range []struct {
		name    string
		change  func(*Grant)
		asked   string
		fail    map[string]error
		targets []Target
		srvErr  error
		want    []string // hosts dialled
		way     Way      // of the stream; empty: refused
		reason  policy.Reason
	}{
		{name: "domain", want: []string{"a.test:5222"}, way: WayDomain},
		{name: "onion", change: func(g *Grant) { g.Onion = anOnion }, want: []string{anOnion + ":5222"}, way: WayOnion},
		{name: "onion down", change: func(g *Grant) { g.Onion = anOnion }, fail: map[string]error{anOnion: down},
			want: []string{anOnion + ":5222", "a.test:5222"}, way: WayDomain},
		{name: "onion silent", change: func(g *Grant) { g.Onion = anOnion }, fail: map[string]error{anOnion: context.DeadlineExceeded},
			want: []string{anOnion + ":5222", "a.test:5222"}, way: WayDomain},
		{name: "onion only", change: func(g *Grant) { g.Onion, g.OnionOnly, g.SRV = anOnion, true, true }, fail: map[string]error{anOnion: down},
			want: []string{anOnion + ":5222"}, reason: policy.ReasonServerUnreachable},
		{name: "tor died at the onion", change: func(g *Grant) { g.Onion = anOnion }, fail: map[string]error{anOnion: reasonError{policy.ReasonTorDead}},
			want: []string{anOnion + ":5222"}, reason: policy.ReasonTorDead},
		{name: "srv", change: func(g *Grant) { g.SRV = true }, targets: []Target{{"x.test", 5269}, {"y.test", 443}}, fail: map[string]error{"x.test": down},
			want: []string{"x.test:5269", "y.test:443"}, way: WaySRV},
		{name: "srv all down", change: func(g *Grant) { g.SRV = true }, targets: []Target{{"x.test", 5269}}, fail: map[string]error{"x.test": down},
			want: []string{"x.test:5269"}, reason: policy.ReasonServerUnreachable},
		{name: "srv says no", change: func(g *Grant) { g.SRV = true }, srvErr: reasonError{policy.ReasonNoSuchService}, reason: policy.ReasonNoSuchService},
		{name: "srv silent", change: func(g *Grant) { g.SRV = true }, srvErr: down, want: []string{"a.test:5222"}, way: WayDomain},
		{name: "srv none", change: func(g *Grant) { g.SRV = true }, want: []string{"a.test:5222"}, way: WayDomain},
		{name: "srv not allowed", targets: []Target{{"x.test", 1}}, want: []string{"a.test:5222"}, way: WayDomain},
		{name: "connect server", change: func(g *Grant) { g.ConnectServer, g.Onion, g.SRV = "c.test", anOnion, true }, asked: "c.test",
			targets: []Target{{"x.test", 1}}, want: []string{"c.test:5222"}, way: WayServer},
		{name: "connect server, onion only", change: func(g *Grant) { g.ConnectServer, g.Onion, g.OnionOnly = "c.test", anOnion, true }, asked: "c.test",
			reason: policy.ReasonServerUnreachable},
		{name: "IPv4 literal", change: func(g *Grant) { g.Domain = "192.0.2.7" }, asked: "192.0.2.7", want: []string{"192.0.2.7:5222"}, way: WayDomain},
		{name: "IPv6 literal", change: func(g *Grant) { g.Domain = "2001:db8::7" }, asked: "2001:DB8:0::7", want: []string{"2001:db8::7:5222"}, way: WayDomain},
		{name: "onion domain", change: func(g *Grant) { g.Domain, g.SRV = anOnion, true }, asked: anOnion, targets: []Target{{"x.test", 1}},
			want: []string{anOnion + ":5222"}, way: WayOnion},
		{name: "isolation off", fail: map[string]error{"a.test": reasonError{policy.ReasonIsolationOff}}, want: []string{"a.test:5222"}, reason: policy.ReasonIsolationOff},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(conf *Config) {
				conf.Limits.Onion = 50 * time.Millisecond
				conf.Resolve = func(_ context.Context, user, password redact.Secret, domain string) ([]Target, error) {
					if user.Reveal() != "tu" || password.Reveal() != "tp" || domain != "a.test" {
						t.Errorf("resolved %s for %s", domain, user.Reveal())
					}
					return c.targets, c.srvErr
				}
			})
			b.set(func() { b.fail = c.fail })
			b.issue(c.change)
			asked := c.asked
			if asked == "" {
				asked = "a.test"
			}
			code := b.open(b.connect(), asked, 5222)
			if c.way != "" {
				if e := b.until(EventConnected); e.Way != c.way || code != 0 {
					t.Errorf("way %q, reply %d", e.Way, code)
				}
			} else if e := b.until(EventRefused); e.Reason != c.reason || code == 0 {
				t.Errorf("reason %q, reply %d", e.Reason, code)
			}
			want := ""
			for _, w := range c.want {
				want += "tu/tp " + w + "\n"
			}
			if got := strings.Join(append(b.dials(), ""), "\n"); got != want {
				t.Errorf("dialled %s want %s", got, want)
			}
		})
	}
}

func TestZeroConfigRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"nobody to ask":   func(c *Config) { c.Ask = nil },
		"nothing to dial": func(c *Config) { c.Dial = nil },
		"zero decision":   func(c *Config) { c.Ask = func(Request) policy.Decision { return policy.Decision{} } },
		"nil stream": func(c *Config) {
			c.Dial = func(context.Context, redact.Secret, redact.Secret, string, uint16) (Stream, error) { return nil, nil }
		},
		"panicking ask": func(c *Config) { c.Ask = func(Request) policy.Decision { panic("ask") } },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, change)
			b.issue(nil)
			conn := b.connect()
			for _, m := range [][]byte{greeting(), login("user", "password"), connectTo("a.test", 5222)} {
				_, _ = conn.Write(m)
			}
			got, _ := io.ReadAll(conn)
			if len(got) > 4 && got[5] == 0 || len(b.dials()) > 0 {
				t.Errorf("let through: % x, %v", got, b.dials())
			}
		})
	}
}

func TestStreamIsolationOffBlocksAfterTheDial(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	b.set(func() { b.isolation = policy.IsolationOff })
	if code := b.open(b.connect(), "a.test", 5222); code != replyNotAllowed {
		t.Errorf("reply %d", code)
	}
	if e := b.until(EventRefused); e.Reason != policy.ReasonIsolationOff {
		t.Errorf("%+v", e)
	}
}

// The reason's event comes while the local connection still stands, and Tor's
// side is closed by then.
func TestReasonBeforeClose(t *testing.T) {
	for name, stop := range map[string]func(*bench){
		"revoke":    func(b *bench) { b.Revoke(1, policy.ReasonEditedInSession) },
		"close all": func(b *bench) { b.CloseAll(policy.ReasonTorDead) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Limits.Linger = patience })
			b.issue(nil)
			conn := b.connect()
			b.open(conn, "a.test", 5222)
			server, err := b.server.Accept()
			if err != nil {
				t.Fatal(err)
			}
			stop(b)
			e := b.until(EventClosed)
			if want := map[string]policy.Reason{"revoke": policy.ReasonEditedInSession, "close all": policy.ReasonTorDead}[name]; e.Reason != want {
				t.Errorf("reason %q", e.Reason)
			}
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if _, err = conn.Read(make([]byte, 1)); err == nil || !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
				t.Errorf("the local connection was closed before the client did: %v", err)
			}
			_, _ = conn.Write([]byte("late words"))
			_ = server.SetDeadline(time.Now().Add(patience))
			if got, _ := io.ReadAll(server); len(got) > 0 {
				t.Errorf("%q reached the server after the end", got)
			}
			_ = conn.Close()
		})
	}
}

// So it is where nothing was dialled: libpurple's own "Unable to connect"
// follows SOCKS' refusal at once, and must not come before our reason.
func TestReasonBeforeRefusal(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Limits.Linger = patience })
	b.issue(nil)
	conn := b.connect()
	_, _ = conn.Write(append(append(greeting(), login("user", "password")...), connectTo("b.test", 5222)...))
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	b.until(EventRefused)
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("%d bytes, %v: refused before there was time to show the reason", n, err)
	}
	_ = conn.Close()
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Where the stream ends because Tor is gone, the reason comes first.
func TestEndOfStreamAsksAgain(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	conn := b.connect()
	b.open(conn, "a.test", 5222)
	server, err := b.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b.set(func() {
		b.decide = func(Request) policy.Decision { return policy.Decision{Reason: policy.ReasonTorDead} }
	})
	_ = server.Close()
	if e := b.until(EventClosed); e.Reason != policy.ReasonTorDead {
		t.Errorf("%+v", e)
	}
}

func TestClientThatHangsUpEndsTheDial(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	b.set(func() { b.fail["a.test"] = context.DeadlineExceeded })
	conn := b.connect()
	for _, m := range [][]byte{greeting(), login("user", "password"), connectTo("a.test", 5222)} {
		_, _ = conn.Write(m)
	}
	b.until(EventConnecting)
	_ = conn.Close()
	b.until(EventRefused) // long before Limits.Dial, or patience runs out
}

func TestStreamsOfASignOn(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	if code := b.open(b.connect(), "a.test", 5222); code != 0 {
		t.Fatalf("reply %d", code)
	}
	if got := b.Streams(1); len(got) != 1 || got[0].CircuitID() != "7" {
		t.Errorf("streams %v", got)
	}
	if got := b.Streams(2); len(got) != 0 {
		t.Errorf("another's streams %v", got)
	}
	b.Revoke(1, "")
	if got := b.Streams(1); len(got) != 0 {
		t.Errorf("streams of a sign-on that is over: %v", got)
	}
}

func TestRevokedCredentialsAreUnknown(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	b.Revoke(1, "")
	conn := b.connect()
	_, _ = conn.Write(append(greeting(), login("user", "password")...))
	if got, _ := io.ReadAll(conn); !bytes.Equal(got, []byte{5, 2, 1, 1}) {
		t.Errorf("% x", got)
	}
}

func TestIssueRefuses(t *testing.T) {
	b := newBench(t, nil)
	good := b.issue(nil)
	for name, change := range map[string]func(*Grant){
		"the same sign-on":           func(g *Grant) { g.User, g.TorUser = redact.New("x"), redact.New("y") },
		"the same user":              func(g *Grant) { g.SignOn, g.TorUser = 2, redact.New("y") },
		"the same isolation user":    func(g *Grant) { g.SignOn, g.User = 2, redact.New("x") },
		"no password":                func(g *Grant) { g.Password = redact.New("") },
		"no isolation credentials":   func(g *Grant) { g.TorUser = redact.Secret{} },
		"no domain":                  func(g *Grant) { g.Domain = "" },
		"no port":                    func(g *Grant) { g.Port = 0 },
		"a bad onion address":        func(g *Grant) { g.Onion = "x" + anOnion[1:] },
		"onion only without address": func(g *Grant) { g.OnionOnly = true },
	} {
		g := good
		g.SignOn, g.User, g.TorUser = 9, redact.New("u9"), redact.New("t9")
		if name == "the same sign-on" || name == "the same user" || name == "the same isolation user" {
			g = good
		}
		change(&g)
		if err := b.Issue(g); err == nil {
			t.Errorf("%s: issued", name)
		} else if strings.Contains(err.Error(), "password\"") || strings.Contains(err.Error(), "tp") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Limits = Limits{Handshake: 100 * time.Millisecond, Connections: 8, Handshakes: 4} })
	b.issue(nil)
	slow := b.connect()
	go func() { // a byte now and then, never the whole
		for _, c := range greeting()[:4] {
			_, _ = slow.Write([]byte{c})
			time.Sleep(40 * time.Millisecond)
		}
	}()
	if _, err := io.ReadAll(slow); isTimeout(err) {
		t.Error("a slow client was not closed")
	}
	for range 20 {
		b.connect()
	}
	over := b.connect()
	if _, err := io.ReadAll(over); isTimeout(err) {
		t.Error("more handshakes than allowed")
	}
	for b.count() > 0 {
		time.Sleep(10 * time.Millisecond) // until the handshakes have timed out; the test's own time-out bounds it
	}
	for i := range 8 {
		if code := b.open(b.connect(), "a.test", 5222); code != 0 {
			t.Fatalf("connection %d: reply %d", i, code)
		}
	}
	ninth := b.connect()
	if got, err := io.ReadAll(ninth); isTimeout(err) || len(got) > 0 {
		t.Error("a connection more than allowed")
	}
}

func (b *bench) count() int {
	b.Gate.mu.Lock()
	defer b.Gate.mu.Unlock()
	return len(b.Gate.links)
}

func TestCloseLeavesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.issue(nil)
	conn := b.connect()
	b.open(conn, "a.test", 5222)
	b.Gate.Close()
	if _, err := io.ReadAll(conn); isTimeout(err) {
		t.Error("a connection outlived the gate")
	}
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.Port())); err == nil {
		_ = c.Close()
		t.Error("the gate still listens")
	}
	if b.Issue(Grant{}) == nil {
		t.Error("issued after the end")
	}
}
