// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

const (
	probeTimeout = 5 * time.Second
	eventTimeout = 2 * time.Second // for our own stream's event, on a control port that told of earlier ones
)

// errAbsent is a SOCKS port where nothing listens.
var errAbsent = errors.New("nothing listens there")

// probe proves that a listener is Tor by what only Tor does: it takes a user
// name and password that nobody has made before, and answers RESOLVE (0xF0) of
// a random IP literal with that address, at once and without any network. The
// owner of the listener's end is looked at before the credentials are shown.
// Where the control port is open, the probe's own event tells of isolation.
func probe(ctx context.Context, c candidate, control *controlPort, gatePorts []uint16) (policy.Isolation, error) {
	if p, ok := c.socks.ipPort(); ok && p.Addr().IsLoopback() && slices.Contains(gatePorts, p.Port()) {
		return policy.IsolationUnknown, notTor("it is purple-onion's own gate")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := connect(ctx, c.socks)
	if err != nil {
		return policy.IsolationUnknown, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	user, password := NewCredentials()
	if err := authenticate(conn, user, password, c.checkOwner); err != nil {
		return policy.IsolationUnknown, err
	}
	watch := control.watch()
	s := watch.expect(user, password, conn)
	defer watch.forget(s)
	if err := resolveLiteral(conn); err != nil || watch == nil {
		return policy.IsolationUnknown, err
	}
	ctx, cancel2 := context.WithTimeout(ctx, eventTimeout)
	defer cancel2()
	return s.wait(ctx), nil
}

// checkOwner is checkOwner where the listener is on this computer.
func (c candidate) checkOwner(conn net.Conn) error {
	if c.remote {
		return nil
	}
	return checkOwner(conn)
}

// watch is nil where no events come.
func (p *controlPort) watch() *streamWatch {
	if p == nil || p.events == nil {
		return nil
	}
	return &p.streams
}

// resolveLiteral asks for an address of 198.18.0.0/15, which is nobody's (RFC 2544).
func resolveLiteral(conn net.Conn) error {
	var b [3]byte
	_, _ = rand.Read(b[:])
	literal := netip.AddrFrom4([4]byte{198, 18 + b[0]&1, b[1], b[2]})
	answer, err := request(conn, commandResolve, literal.String(), 0)
	var refused replyError
	if errors.As(err, &refused) || err == nil && answer != literal {
		return notTor("it does not answer RESOLVE as Tor does")
	}
	return err
}

// connect opens a connection to a listener; its deadline is the context's.
func connect(ctx context.Context, a address) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, a.network, a.path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return nil, errAbsent
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("it does not answer: %w", os.ErrDeadlineExceeded)
	case err != nil:
		return nil, fmt.Errorf("cannot connect to %s: %w", a, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	return conn, nil
}
