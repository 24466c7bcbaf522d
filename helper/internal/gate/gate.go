// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Gate is a listener with its connections.
type Gate struct {
	config   Config
	listener *net.TCPListener
	port     uint16
	ctx      context.Context
	cancel   context.CancelFunc

	mu           sync.Mutex
	closed       bool
	grants       map[uint64]*Grant // by sign-on
	links        map[*link]struct{}
	handshakes   int
	lastNumber   uint64
	lastStranger time.Time
}

// Listen opens a free port of 127.0.0.1.
func Listen(c Config) (*Gate, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("cannot open the gate: %w", err)
	}
	c.Limits = c.Limits.withDefaults()
	g := &Gate{config: c, listener: l, port: uint16(l.Addr().(*net.TCPAddr).Port),
		grants: make(map[uint64]*Grant), links: make(map[*link]struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	guarded(g.accept, g.Close)
	return g, nil
}

// Port is the TCP port on 127.0.0.1.
func (g *Gate) Port() uint16 { return g.port }

// Issue lets one sign-on in. It refuses an incomplete grant, credentials or a
// sign-on number that another grant has, and an OnionOnly grant without an
// onion address.
func (g *Gate) Issue(grant Grant) error {
	if err := grant.check(); err != nil {
		return fmt.Errorf("cannot let %s in: %w", grant.Account, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errors.New("cannot let an account in: the gate is closed")
	}
	for n, other := range g.grants {
		if n == grant.SignOn || other.User.Equal(grant.User) || other.TorUser.Equal(grant.TorUser) {
			return fmt.Errorf("cannot let %s in: its sign-on or credentials are another's", grant.Account)
		}
	}
	g.grants[grant.SignOn] = &grant
	for l := range g.links { // its last session is to be over, where it still leaves
		if l.grant != nil && l.grant.Account == grant.Account && l.isLeaving() {
			l.end("")
		}
	}
	return nil
}

// takeDelay gives the time to wait before the first dial of a grant, once.
func (g *Gate) takeDelay(grant *Grant) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := grant.Delay
	grant.Delay = 0
	return d
}

// Leave lets a sign-on's connections stand for a while: what libpurple sends
// from now on, and its end, go to the server after the delay, which may be
// none. Revoke without a reason leaves them so; anything else ends them.
func (g *Gate) Leave(signOn uint64, delay time.Duration) {
	g.mu.Lock()
	links := g.linksOf(func(l *link) bool { return l.grant != nil && l.grant.SignOn == signOn })
	g.mu.Unlock()
	for _, l := range links {
		l.leave(delay)
	}
}

// Revoke forgets a sign-on and closes its connections: towards Tor at once,
// towards libpurple after the event. It returns at once.
func (g *Gate) Revoke(signOn uint64, reason policy.Reason) {
	g.mu.Lock()
	delete(g.grants, signOn)
	links := g.linksOf(func(l *link) bool {
		return l.grant != nil && l.grant.SignOn == signOn && (reason != "" || !l.isLeaving())
	})
	g.mu.Unlock()
	for _, l := range links {
		l.end(reason)
	}
}

// CloseAll closes every connection as Revoke does; the grants stay.
func (g *Gate) CloseAll(reason policy.Reason) {
	g.mu.Lock()
	links := g.linksOf(func(*link) bool { return true })
	g.mu.Unlock()
	for _, l := range links {
		l.end(reason)
	}
}

// Close stops listening, forgets every grant and closes every connection: now,
// but for those that leave, which say their last words first.
func (g *Gate) Close() {
	g.mu.Lock()
	g.closed = true
	g.grants = make(map[uint64]*Grant)
	links := g.linksOf(func(*link) bool { return true })
	g.mu.Unlock()
	_ = g.listener.Close()
	var leaving []*link
	for _, l := range links {
		if l.hurry() {
			leaving = append(leaving, l)
		} else {
			l.cut()
		}
	}
	awaitLastWords(leaving)
	g.cancel()
	for _, l := range leaving {
		l.cut()
	}
}

func awaitLastWords(links []*link) {
	late := time.After(lastWords)
	for _, l := range links {
		select {
		case <-l.gone:
		case <-late:
			return
		}
	}
}

// linksOf is called with the lock held.
func (g *Gate) linksOf(want func(*link) bool) []*link {
	var list []*link
	for l := range g.links {
		if want(l) {
			list = append(list, l)
		}
	}
	return list
}

// accept runs until the listener is closed. A shortage (of files) passes: it
// waits a little.
func (g *Gate) accept() {
	for {
		conn, err := g.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-g.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		if l := g.admit(conn); l != nil {
			guarded(l.serve, l.broken)
		} else {
			_ = conn.Close()
		}
	}
}

// admit counts a connection in, or refuses it where there are too many.
func (g *Gate) admit(conn *net.TCPConn) *link {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.links) >= g.config.Limits.Connections || g.handshakes >= g.config.Limits.Handshakes {
		return nil
	}
	g.handshakes++
	g.lastNumber++
	l := &link{gate: g, number: g.lastNumber, client: conn, shaking: true, hurried: make(chan struct{}), gone: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(g.ctx)
	g.links[l] = struct{}{}
	return l
}

// shaken counts a handshake out; it may be called again.
func (g *Gate) shaken(l *link) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.shaking {
		l.shaking = false
		g.handshakes--
	}
}

func (g *Gate) remove(l *link) {
	g.shaken(l)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.links, l)
}

// login finds the grant of these credentials and gives it to the link. All
// grants are compared, whichever fits, so that time tells nothing.
func (g *Gate) login(l *link, user, password redact.Secret) *Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found *Grant
	for _, grant := range g.grants {
		sameUser, samePassword := grant.User.Equal(user), grant.Password.Equal(password)
		if sameUser && samePassword {
			found = grant
		}
	}
	l.grant = found
	return found
}

// tell sends an event.
func (g *Gate) tell(e Event) {
	if g.config.Notify != nil {
		g.config.Notify(e)
	}
}

// stranger tells of unknown credentials, once a second at most: any local
// program can knock.
func (g *Gate) stranger(number uint64) {
	g.mu.Lock()
	quiet := time.Since(g.lastStranger) < time.Second
	if !quiet {
		g.lastStranger = time.Now()
	}
	g.mu.Unlock()
	if !quiet {
		g.tell(Event{Kind: EventRefused, Connection: number, Reason: policy.ReasonBadCredentials})
	}
}

// Streams are the streams through Tor that a sign-on has now.
func (g *Gate) Streams(signOn uint64) []Stream {
	g.mu.Lock()
	_, goesOn := g.grants[signOn]
	links := g.linksOf(func(l *link) bool { return goesOn && l.grant != nil && l.grant.SignOn == signOn })
	g.mu.Unlock()
	var list []Stream
	for _, l := range links {
		l.mu.Lock()
		if l.stream != nil && l.reason == "" {
			list = append(list, l.stream)
		}
		l.mu.Unlock()
	}
	return list
}
