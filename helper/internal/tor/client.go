// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"net"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Client is one watched Tor. All methods may be called from any goroutine.
type Client struct{}

// Start returns at once. Its goroutines look for Tor, prove it, watch it, and
// look again when it is gone, until Close. notify (may be nil) is called for
// each change, one call at a time and in order; it must not block or call Close.
func Start(s Settings, notify func(Status)) *Client { return &Client{} }

// Status is the newest status. It never blocks.
func (c *Client) Status() Status { return Status{} }

// Close stops watching, and stops a private Tor that no other process uses. It
// waits for that at most two seconds. Streams that are open stay open.
func (c *Client) Close() {}

// Dial opens a stream to host:port through Tor on the circuit of these
// isolation credentials. host is a name or an IP literal; a name is resolved
// by Tor. The listener is proven to be Tor again before the name is told.
// Errors are *Error: tor-starting, no-tor, tor-dead, not-tor,
// tor-isolation-off, server-unreachable.
func (c *Client) Dial(ctx context.Context, user, password redact.Secret, host string, port uint16) (*Stream, error) {
	return nil, errors.New("cannot dial: not written yet")
}

// Stream is a connection through Tor.
type Stream struct{ net.Conn }

// Isolation is what Tor's own STREAM event for this stream showed: proven, or
// unknown where no control port tells. A stream with isolation off is never
// returned by Dial.
func (s *Stream) Isolation() policy.Isolation { return policy.IsolationNotAsked }

// CircuitID is the id of the stream's circuit in Tor's control port, or "". It
// does not block.
func (s *Stream) CircuitID() string { return "" }

// Circuit asks the control port (at most two seconds) for the stream's circuit.
func (s *Stream) Circuit() (Circuit, bool) { return Circuit{}, false }

// Relay is one hop of a circuit.
type Relay struct{ Fingerprint, Nickname string }

// Circuit is one circuit as GETINFO circuit-status tells it (control-spec
// 4.1.1). Two circuits with one ConfluxID are two legs of the same.
type Circuit struct {
	ID, ConfluxID, Status, Purpose string
	Path                           []Relay
	Onion                          string // the onion service it leads to, without ".onion"; empty: none
	User                           redact.Secret
}

// Exit is the last relay, for a circuit that leaves by an exit.
func (c Circuit) Exit() (Relay, bool) { return Relay{}, false }

// Circuits are all of Tor's circuits, for the status page. It fails where the
// control port is not open.
func (c *Client) Circuits(ctx context.Context) ([]Circuit, error) {
	return nil, errors.New("cannot list circuits: not written yet")
}

// SRV is a target of a service (RFC 2782), without its trailing dot.
type SRV struct {
	Target           string
	Port             uint16
	Priority, Weight uint16
}

// LookupSRV asks resolver ("host:853#tls-name") for service ("_xmpp-client._tcp")
// of domain by DNS over TLS (RFC 7858) through Tor with these isolation
// credentials, in at most five seconds. The targets come in the order in which
// they are to be tried. See ErrNoService and ErrNoRecords.
func (c *Client) LookupSRV(ctx context.Context, user, password redact.Secret, resolver, service, domain string) ([]SRV, error) {
	return nil, errors.New("cannot look up: not written yet")
}

// NewCredentials makes the isolation credentials of one sign-on: 128 random
// bits each. They never begin with "<torS0X>", which Tor reserves (proposal 351).
func NewCredentials() (user, password redact.Secret) { return redact.Secret{}, redact.Secret{} }
