// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

func (c *Client) dial(ctx context.Context, user, password redact.Secret, host string, port uint16) (*Stream, error) {
	tor, err := c.current()
	if err != nil {
		return nil, err
	}
	if _, err = probe(ctx, tor.candidate, nil, c.gatePorts()); err != nil {
		return nil, c.lost(ctx, err)
	}
	conn, err := connect(ctx, tor.socks)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	s, err := c.open(ctx, tor, conn, user, password, host, port)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

// open runs the handshake. Whatever ends ctx closes the connection.
func (c *Client) open(ctx context.Context, tor *foundTor, conn net.Conn, user, password redact.Secret, host string, port uint16) (*Stream, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(probeTimeout))
	if err := authenticate(conn, user, password, tor.checkOwner); err != nil {
		return nil, c.lost(ctx, err)
	}
	deadline, _ := ctx.Deadline() // none: as long as Tor itself tries
	_ = conn.SetDeadline(deadline)
	if ctx.Err() != nil {
		return nil, unreachable(ctx.Err())
	}
	watch := tor.control.Load().watch()
	s := &Stream{Conn: conn, client: c, tor: tor, watch: watch, sighting: watch.expect(user, password, conn)}
	if _, err := request(conn, commandConnect, host, port); err != nil {
		watch.forget(s.sighting)
		if errors.Is(err, os.ErrDeadlineExceeded) { // Tor took the request: the far end is what is silent
			return nil, unreachable(errors.New("no answer in time"))
		}
		return nil, c.lost(ctx, err)
	}
	if err := s.judge(ctx); err != nil {
		watch.forget(s.sighting)
		return nil, err
	}
	if !stop() {
		watch.forget(s.sighting)
		return nil, unreachable(ctx.Err())
	}
	return s, conn.SetDeadline(time.Time{})
}

// judge waits for the stream's event, and refuses a stream that shares its circuit.
func (s *Stream) judge(ctx context.Context) error {
	if s.watch == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	if s.sighting.wait(ctx) != policy.IsolationOff {
		return nil
	}
	s.client.nudge()
	return &Error{policy.ReasonIsolationOff, errors.New("cannot dial: Tor does not isolate this stream")}
}

// lost names the reason of a failure, and has the watch look where Tor itself
// seems to be at fault.
func (c *Client) lost(ctx context.Context, err error) error {
	var wrong *notTorError
	var refused replyError
	switch {
	case errors.As(err, &refused):
		return unreachable(err)
	case ctx.Err() != nil:
		return unreachable(ctx.Err())
	}
	c.nudge()
	if errors.As(err, &wrong) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return &Error{policy.ReasonNotTor, fmt.Errorf("cannot dial: what listens there is not Tor: %w", err)}
	}
	return &Error{policy.ReasonTorDead, fmt.Errorf("cannot dial: Tor: %w", err)}
}

func unreachable(err error) error {
	return &Error{policy.ReasonServerUnreachable, fmt.Errorf("cannot reach the server through Tor: %w", err)}
}

// Stream is a connection through Tor.
type Stream struct {
	net.Conn
	client   *Client
	tor      *foundTor
	watch    *streamWatch
	sighting *sighting
}

// Isolation is what Tor's own STREAM event for this stream showed: proven, or
// unknown where no control port tells. A stream with isolation off is never
// returned by Dial.
func (s *Stream) Isolation() policy.Isolation {
	iso, _, _ := s.sighting.state()
	return iso
}

// CircuitID is the id of the stream's circuit in Tor's control port, or "". It
// does not block.
func (s *Stream) CircuitID() string {
	_, id, _ := s.sighting.state()
	return id
}

// ID is the stream's id in Tor's control port, or "" where its event was not
// seen. It does not block.
func (s *Stream) ID() string {
	_, _, id := s.sighting.state()
	return id
}

// Circuit asks the control port (at most five seconds) for the stream's circuit.
func (s *Stream) Circuit() (Circuit, bool) {
	id := s.CircuitID()
	list, err := s.tor.circuits(context.Background())
	if err != nil || id == "" {
		return Circuit{}, false
	}
	for _, c := range list {
		if c.ID == id {
			return c, true
		}
	}
	return Circuit{}, false
}

// NetConn is the connection to Tor itself, for a copy without a detour.
func (s *Stream) NetConn() net.Conn { return s.Conn }

// Ended is for whoever saw the stream end: the watch looks whether Tor lives.
func (s *Stream) Ended() { s.client.nudge() }

// Close closes the stream.
func (s *Stream) Close() error {
	s.watch.forget(s.sighting)
	return s.Conn.Close()
}

// CloseWrite ends our direction alone.
func (s *Stream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.New("cannot close one direction of this connection")
}
