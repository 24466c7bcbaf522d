// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"errors"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Gate is a listener with its connections.
type Gate struct{}

// Listen opens a free port of 127.0.0.1.
func Listen(c Config) (*Gate, error) { return nil, errors.New("cannot listen: not written yet") }

// Port is the TCP port on 127.0.0.1.
func (g *Gate) Port() uint16 { return 0 }

// Issue lets one sign-on in. It refuses an incomplete grant, credentials or a
// sign-on number that another grant has, and an OnionOnly grant without an
// onion address.
func (g *Gate) Issue(grant Grant) error { return errors.New("cannot issue: not written yet") }

// Revoke forgets a sign-on and closes its connections: towards Tor at once,
// towards libpurple after the event. It returns at once.
func (g *Gate) Revoke(signOn uint64, reason policy.Reason) {}

// CloseAll closes every connection as Revoke does; the grants stay.
func (g *Gate) CloseAll(reason policy.Reason) {}

// Close stops listening, forgets every grant and closes every connection now.
func (g *Gate) Close() {}

// KnownOnion is the v3 onion address that a domain is known to have, or "".
func KnownOnion(domain string) string { return "" }
