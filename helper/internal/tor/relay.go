// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"net"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// ownerPatience is for Tor to accept a connection, so that it has an owner.
const ownerPatience = 2 * time.Second

// Connect opens a connection to the SOCKS port of the proven Tor, for bytes of
// another program that speaks SOCKS itself (the cell's). The listener is proven
// to be Tor once more, and owner of this very connection, before it is handed
// out. A Tor that is starting will do: it keeps what it is asked. Errors are
// *Error, as Dial's.
func (c *Client) Connect(ctx context.Context) (net.Conn, error) {
	tor, err := c.current()
	var refused *Error
	if errors.As(err, &refused) && refused.Code == policy.ReasonTorStarting {
		tor, err = c.starting(), nil
	}
	switch {
	case err != nil:
		return nil, err
	case tor == nil:
		return nil, &Error{policy.ReasonInternal, errors.New("cannot connect: no Tor")}
	}
	if _, err = probe(ctx, tor.candidate, nil, c.gatePorts()); err != nil {
		return nil, c.lost(ctx, err)
	}
	conn, err := connect(ctx, tor.socks)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if err = tor.awaitOwner(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, c.lost(ctx, err)
	}
	return conn, conn.SetDeadline(time.Time{})
}

// starting is the proven Tor that has not come up to 100 percent yet.
func (c *Client) starting() *foundTor {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State != policy.TorStarting {
		return nil
	}
	return c.tor
}

// awaitOwner looks whose the other end is, until it was accepted and so has an
// owner. None of Tor's answers can be waited for: they are the program's.
func (c candidate) awaitOwner(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, ownerPatience)
	defer cancel()
	for wait := time.Millisecond; ; wait *= 2 {
		err := c.checkOwner(conn)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(wait, 50*time.Millisecond)):
		}
	}
}
