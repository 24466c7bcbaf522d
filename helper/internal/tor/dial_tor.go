// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !sabotage

package tor

import (
	"context"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Dial opens a stream to host:port through Tor on the circuit of these
// isolation credentials. host is a name or an IP literal; a name is resolved
// by Tor. The listener is proven to be Tor again before the name is told.
// Errors are *Error: tor-starting, no-tor, tor-dead, not-tor,
// tor-isolation-off, server-unreachable.
func (c *Client) Dial(ctx context.Context, user, password redact.Secret, host string, port uint16) (*Stream, error) {
	return c.dial(ctx, user, password, host, port)
}
