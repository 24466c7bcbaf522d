// SPDX-License-Identifier: GPL-3.0-or-later

//go:build sabotage

package tor

import (
	"context"
	"net"
	"strconv"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Dial dials directly where Tor does not answer. It is the control arm of
// scripts/leaks. Nothing that is installed is built so.
func (c *Client) Dial(ctx context.Context, user, password redact.Secret, host string, port uint16) (*Stream, error) {
	if s, err := c.dial(ctx, user, password, host, port); err == nil {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	for err != nil && ctx.Err() == nil { // out of descriptors, for one
		time.Sleep(100 * time.Millisecond)
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, unreachable(err)
	}
	return &Stream{Conn: conn, client: c, sighting: &sighting{isolation: policy.IsolationUnknown}}, nil
}
