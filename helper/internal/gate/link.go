// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// endGrace is how long the end of a stream is held back for whoever knows that
// Tor itself is gone to say so: the reason must come before the end.
const endGrace = 250 * time.Millisecond

// lastWords is how long the end of the gate waits for connections that leave:
// an OTR conversation's end is among what they have still to say.
const lastWords = 500 * time.Millisecond

// link is one connection of libpurple's, from accept to close.
type link struct {
	gate    *Gate
	number  uint64
	client  *net.TCPConn
	ctx     context.Context // ends with the link, or when it is to end
	cancel  context.CancelFunc
	shaking bool   // guarded by gate.mu
	grant   *Grant // guarded by gate.mu; set once

	mu     sync.Mutex
	reason policy.Reason // why it is to end
	stream Stream
	leaves time.Time // when the server hears of the end; zero: it does not leave

	hurried chan struct{} // closed: it leaves now; guarded by mu
	gone    chan struct{} // closed: it has ended
}

// serve is the link's whole life.
func (l *link) serve() {
	defer l.finish()
	grant, target, code := l.handshake()
	if grant == nil {
		return
	}
	if code != replySucceeded {
		l.refuse(policy.ReasonNotThisServer, "", code)
		return
	}
	if d := l.ask(policy.IsolationNotAsked, grant.allows(target)); d.Verdict != policy.Allow {
		l.refuse(d.Reason, target.Host, replyNotAllowed)
		return
	}
	early, stream, way, err := l.dial(grant, target)
	if err != nil {
		l.refuse(l.endReason(reasonOf(err)), err.Error(), replyHostUnreach)
		return
	}
	if !l.keep(stream) {
		l.refuse(l.endReason(policy.ReasonInternal), "", replyGeneral)
		return
	}
	if d := l.ask(stream.Isolation(), true); d.Verdict != policy.Allow {
		_ = stream.Close()
		l.refuse(d.Reason, "", replyNotAllowed)
		return
	}
	l.tell(Event{Kind: EventConnected, Way: way.way, Target: way.Target, Isolation: stream.Isolation(), Circuit: stream.CircuitID()})
	if _, err = l.client.Write(reply(replySucceeded)); err == nil && len(early) > 0 {
		_, err = stream.Write(early)
	}
	if err == nil {
		l.splice(stream)
	}
	l.closed()
}

// handshake reads the three messages, in Limits.Handshake in all. grant is nil
// where the client is nobody that we know; it then gets SOCKS' own refusal and
// nothing else.
func (l *link) handshake() (grant *Grant, t Target, code byte) {
	defer l.gate.shaken(l)
	_ = l.client.SetDeadline(time.Now().Add(l.gate.config.Limits.Handshake))
	offered, err := readGreeting(l.client)
	if err != nil {
		return nil, t, 0
	}
	if !offered {
		_, _ = l.client.Write([]byte{5, methodNone})
		l.gate.stranger(l.number)
		return nil, t, 0
	}
	if _, err = l.client.Write([]byte{5, methodPassword}); err != nil {
		return nil, t, 0
	}
	user, password, err := readLogin(l.client)
	if err != nil {
		return nil, t, 0
	}
	if grant = l.gate.login(l, user, password); grant == nil {
		_, _ = l.client.Write([]byte{1, 1})
		l.gate.stranger(l.number)
		return nil, t, 0
	}
	if _, err = l.client.Write([]byte{1, 0}); err != nil {
		return nil, t, 0
	}
	t, err = readConnect(l.client)
	var refused refusedRequest
	switch {
	case errors.As(err, &refused):
		return grant, t, byte(refused)
	case err != nil:
		return nil, t, 0
	}
	return grant, t, replySucceeded
}

// ask puts the question; nobody to ask blocks.
func (l *link) ask(iso policy.Isolation, own bool) policy.Decision {
	if l.gate.config.Ask == nil || l.gate.config.Dial == nil {
		return policy.Decision{Reason: policy.ReasonFactMissing}
	}
	g := l.grant
	d := l.gate.config.Ask(Request{Account: g.Account, SignOn: g.SignOn, Facts: policy.StreamFacts{
		Credentials: policy.Yes, Server: policy.AnswerOf(own), Isolation: iso}})
	if !own && d.Verdict == policy.Allow { // whatever the answer: never to another server
		return policy.Decision{Reason: policy.ReasonNotThisServer}
	}
	return d
}

// tell sends an event of this link.
func (l *link) tell(e Event) {
	e.Connection = l.number
	if l.grant != nil {
		e.Account, e.SignOn = l.grant.Account, l.grant.SignOn
	}
	l.gate.tell(e)
}

// refuse tells the reason, gives the client time to be closed by whoever shows
// it, and only then sends SOCKS' own refusal.
func (l *link) refuse(reason policy.Reason, detail string, code byte) {
	l.tell(Event{Kind: EventRefused, Reason: reason, Detail: detail})
	l.linger()
	_ = l.client.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = l.client.Write(reply(code))
}

// closed tells the end of a stream that stood.
func (l *link) closed() {
	reason := l.endReason("")
	l.tell(Event{Kind: EventClosed, Reason: reason})
	if reason != "" {
		l.linger()
	}
}

// linger waits until the client has closed; what it still sends goes nowhere.
// end may cut a read short from elsewhere: the time decides, not the error.
func (l *link) linger() {
	until := time.Now().Add(l.gate.config.Limits.Linger)
	var waste [512]byte
	for l.gate.ctx.Err() == nil && time.Now().Before(until) {
		_ = l.client.SetReadDeadline(until)
		if _, err := l.client.Read(waste[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// end closes the way to Tor now, and the client after its event.
func (l *link) end(reason policy.Reason) {
	l.mu.Lock()
	if l.reason == "" {
		l.reason = reason
	}
	stream := l.stream
	l.mu.Unlock()
	l.cancel()
	if stream != nil {
		_ = stream.Close()
	}
	_ = l.client.SetReadDeadline(time.Unix(1, 0)) // wakes what reads from the client
}

// endReason is why the link was told to end, else otherwise.
func (l *link) endReason(otherwise policy.Reason) policy.Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason != "" {
		return l.reason
	}
	return otherwise
}

// keep holds on to the stream, unless the link is to end already.
func (l *link) keep(s Stream) bool {
	l.mu.Lock()
	l.stream = s
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		_ = s.Close()
		return false
	}
	_ = l.client.SetDeadline(time.Time{})
	return true
}

// cut closes both sides at once.
func (l *link) cut() {
	l.end(policy.ReasonGateDown)
	_ = l.client.Close()
}

func (l *link) finish() {
	l.cancel()
	l.mu.Lock()
	stream := l.stream
	l.mu.Unlock()
	if stream != nil {
		_ = stream.Close()
	}
	_ = l.client.Close()
	l.gate.remove(l)
	close(l.gone)
}

// broken is what a panic leaves: nothing. serve's own finish has run.
func (l *link) broken() {
	_ = l.client.Close()
	l.tell(Event{Kind: EventClosed, Reason: policy.ReasonInternal})
}

// splice copies both ways until both have ended.
func (l *link) splice(s Stream) {
	up := make(chan struct{})
	guarded(func() {
		defer close(up)
		err := pump(lateConn{rawConn(s), l}, l.client)
		if l.isLeaving() {
			err = l.left(s)
		}
		if err != nil {
			_ = s.Close()
			return
		}
		closeWrite(s)
	}, l.cut)
	err := pump(l.client, rawConn(s))
	leaving := l.isLeaving()
	if leaving && l.ctx.Err() == nil {
		_, _ = io.Copy(io.Discard, s) // the client is gone, and the server must not hear of it yet
	}
	select {
	case <-up: // the client ended first: nothing to explain
	default:
		if !leaving { // else nobody is there to explain it to
			l.streamEnded(s)
		}
	}
	if err != nil || l.ctx.Err() != nil || l.endReason("") != "" {
		_ = s.Close()
		_ = l.client.SetReadDeadline(time.Unix(1, 0))
	} else {
		_ = l.client.CloseWrite()
	}
	<-up
}

// leave keeps what the client sends from now on, and its end, for a while;
// without one it only sees that this reaches the server.
func (l *link) leave(after time.Duration) {
	l.mu.Lock()
	if l.leaves.IsZero() && l.stream != nil {
		l.leaves = time.Now().Add(after)
	}
	l.mu.Unlock()
	_ = l.client.SetReadDeadline(time.Unix(1, 0)) // wakes what reads from the client
}

// hurry takes the rest of the delay away. False: the link does not leave.
func (l *link) hurry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.hurried:
	default:
		close(l.hurried)
	}
	return !l.leaves.IsZero()
}

func (l *link) isLeaving() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.leaves.IsZero()
}

// stay waits until the server may hear of the end; at once where none is near.
func (l *link) stay() error {
	l.mu.Lock()
	until := l.leaves
	l.mu.Unlock()
	if until.IsZero() {
		return nil
	}
	return l.wait(time.Until(until), l.hurried)
}

// lateConn writes to the server. What was read from a client that leaves
// before the reading was stopped waits too.
type lateConn struct {
	net.Conn
	link *link
}

func (c lateConn) Write(b []byte) (int, error) {
	if err := c.link.stay(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// left waits, and sends what the client sent meanwhile.
func (l *link) left(s Stream) error {
	if err := l.stay(); err != nil {
		return err
	}
	_ = l.client.SetReadDeadline(time.Now().Add(l.gate.config.Limits.Linger))
	_ = pump(rawConn(s), l.client) // its end, or what can still be had of it
	return s.Close()
}

// streamEnded gives the news that Tor is gone time to overtake the end of the
// stream, and asks whether all is well.
func (l *link) streamEnded(s Stream) {
	if n, ok := s.(interface{ Ended() }); ok {
		n.Ended()
	}
	t := time.NewTimer(endGrace)
	defer t.Stop()
	select {
	case <-l.ctx.Done():
		return
	case <-t.C:
	}
	if d := l.ask(s.Isolation(), true); d.Verdict != policy.Allow {
		l.end(d.Reason)
	}
}

func closeWrite(s Stream) {
	if half, ok := s.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = s.Close()
}

// rawConn is the socket itself, where the stream lets us have it.
func rawConn(s Stream) net.Conn {
	if n, ok := s.(interface{ NetConn() net.Conn }); ok {
		return n.NetConn()
	}
	return s
}

// reasonOf is an error's own reason.
func reasonOf(err error) policy.Reason {
	var named interface{ Reason() policy.Reason }
	if errors.As(err, &named) {
		return named.Reason()
	}
	return policy.ReasonServerUnreachable
}
