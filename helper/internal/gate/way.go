// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// route is one way to the server, and how long it may take.
type route struct {
	way Way
	Target
	limit time.Duration
}

// wayError ends the search with a reason of its own.
type wayError struct {
	reason policy.Reason
	err    error
}

func (e *wayError) Error() string         { return e.err.Error() }
func (e *wayError) Unwrap() error         { return e.err }
func (e *wayError) Reason() policy.Reason { return e.reason }

// dial goes the ways in order while it watches the client: one that hangs up
// ends the dialling, and what it sends early (which SOCKS forbids and nothing
// needs) is kept, a byte at most.
func (l *link) dial(grant *Grant, asked Target) (early []byte, s Stream, r route, err error) {
	_ = l.client.SetDeadline(time.Time{})
	read := make(chan []byte, 1)
	guarded(func() {
		var b [1]byte
		n, err := l.client.Read(b[:])
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			l.cancel()
		}
		read <- b[:n]
	}, func() { l.cut(); read <- nil })
	if err = l.wait(l.gate.takeDelay(grant), nil); err == nil {
		s, r, err = l.goWays(grant, asked)
	}
	_ = l.client.SetReadDeadline(time.Unix(1, 0))
	early = <-read
	return early, s, r, err
}

// wait lets time pass, unless the link ends, or enough is closed.
func (l *link) wait(d time.Duration, enough <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.ctx.Done():
		return errors.New("cannot wait: the connection has ended")
	case <-t.C:
	case <-enough:
	}
	return nil
}

// goWays tries the onion address, then SRV, then the domain. A connect server
// is the account's own choice of a way, and the only one.
func (l *link) goWays(grant *Grant, asked Target) (Stream, route, error) {
	limits := l.gate.config.Limits
	if grant.ConnectServer != "" && !sameHost(asked.Host, grant.Domain) {
		return l.goOne(grant, route{WayServer, Target{grant.ConnectServer, grant.Port}, limits.Dial})
	}
	if isOnion(grant.Domain) {
		return l.goOne(grant, route{WayOnion, Target{grant.Domain, grant.Port}, limits.Dial})
	}
	if grant.Onion != "" {
		s, r, err := l.goOne(grant, route{WayOnion, Target{grant.Onion, grant.Port}, limits.Onion})
		if err == nil || grant.OnionOnly || !mayGoOn(err) {
			return s, r, err
		}
	}
	if grant.SRV && !grant.OnionOnly {
		s, r, err, found := l.goSRV(grant)
		if found {
			return s, r, err
		}
	}
	return l.goOne(grant, route{WayDomain, Target{grant.Domain, grant.Port}, limits.Dial})
}

// goSRV asks for the targets. found is false where there are none, or nobody
// answers: domain:port is next (RFC 6120 3.2.1). Where there are targets they
// are the only way.
func (l *link) goSRV(grant *Grant) (s Stream, r route, err error, found bool) { // the error belongs to what was found
	if l.gate.config.Resolve == nil {
		return nil, r, nil, false
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.gate.config.Limits.Resolve)
	targets, err := l.gate.config.Resolve(ctx, grant.TorUser, grant.TorPassword, grant.Domain)
	cancel()
	if err != nil {
		l.tell(Event{Kind: EventWayFailed, Way: WaySRV, Detail: err.Error()})
		return nil, r, err, !mayGoOn(err)
	}
	for _, t := range targets[:min(len(targets), 8)] {
		s, r, err = l.goOne(grant, route{WaySRV, t, l.gate.config.Limits.Dial})
		if err == nil || !mayGoOn(err) {
			break
		}
	}
	return s, r, err, len(targets) > 0
}

// goOne dials one way, with the isolation credentials of this sign-on.
func (l *link) goOne(grant *Grant, r route) (Stream, route, error) {
	if l.ctx.Err() != nil {
		return nil, r, errors.New("cannot go on: the connection has ended")
	}
	if grant.OnionOnly && !isOnion(r.Host) {
		return nil, r, errors.New("cannot leave by an exit: the account is to be reached by an onion address alone")
	}
	if !hostLike(r.Host) {
		return nil, r, errors.New("cannot dial: not a host name")
	}
	l.tell(Event{Kind: EventConnecting, Way: r.way, Target: r.Target})
	ctx, cancel := context.WithTimeout(l.ctx, r.limit)
	defer cancel()
	s, err := l.gate.config.Dial(ctx, grant.TorUser, grant.TorPassword, r.Host, r.Port)
	if err == nil && s == nil {
		err = errors.New("no stream")
	}
	if err == nil {
		return s, r, nil
	}
	err = &wayError{reasonOf(err), fmt.Errorf("cannot reach %s by %s: %w", r.Host, r.way, err)}
	if l.ctx.Err() == nil {
		l.tell(Event{Kind: EventWayFailed, Way: r.way, Target: r.Target, Reason: reasonOf(err), Detail: err.Error()})
	}
	return nil, r, err
}

// mayGoOn: only a server that does not answer leads to the next way; a Tor
// that is gone or shares circuits does not.
func mayGoOn(err error) bool { return reasonOf(err) == policy.ReasonServerUnreachable }
