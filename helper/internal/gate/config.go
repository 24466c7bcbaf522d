// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"context"
	"net"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Stream is a connection through Tor; package tor's *Stream is one.
type Stream interface {
	net.Conn
	Isolation() policy.Isolation
	CircuitID() string // empty where nobody tells
}

// Target is a host and port to dial.
type Target struct {
	Host string
	Port uint16
}

// Config is what a gate works with. A nil Ask or Dial refuses everything.
type Config struct {
	// Dial opens a stream through Tor. An error that has a method
	// Reason() policy.Reason names its reason; any other is server-unreachable.
	Dial func(ctx context.Context, user, password redact.Secret, host string, port uint16) (Stream, error)
	// Resolve looks up the XMPP service of domain through Tor, targets in the
	// order to try. policy.ReasonNoSuchService blocks; any other error, and no
	// targets, lead on to domain:port. Nil: no SRV look-ups.
	Resolve func(ctx context.Context, user, password redact.Secret, domain string) ([]Target, error)
	// Ask is called before the dial, and again when the stream stands, and when
	// it ended by itself. It must answer from facts at hand.
	Ask func(Request) policy.Decision
	// Notify is told each Event, from any goroutine. It must not block.
	Notify func(Event)
	Limits Limits
}

// Limits are bounds; a zero field has the default that stands beside it.
type Limits struct {
	Handshake   time.Duration // 10 s, from accept to the whole SOCKS request
	Connections int           // 1,000 at once, the handshakes among them
	Handshakes  int           // 128 at once that have not shown credentials
	Onion       time.Duration // 30 s for an onion address to answer
	Resolve     time.Duration // 5 s for the SRV look-up
	Dial        time.Duration // 90 s for each other way
	Linger      time.Duration // 2 s for the client to close first after a reason
}

// Grant is what one sign-on of one account may do.
type Grant struct {
	Account              policy.Account
	SignOn               uint64        // the engine's number of this sign-on, never used twice
	User, Password       redact.Secret // what libpurple offers to the gate
	TorUser, TorPassword redact.Secret // isolation credentials of this sign-on
	Domain               string        // the JID's domain, or the IRC server; may be an IP literal
	Port                 uint16        // the account's port
	ConnectServer        string        // the account's connect server; empty: none
	SRV                  bool          // XMPP without a connect server: SRV may be asked
	Onion                string        // known v3 address of Domain with ".onion"; empty: none
	OnionOnly            bool          // never by an exit
	Delay                time.Duration // to wait before the first dial
}

// Request is the question that the gate asks: may this stream be?
// Request.Facts is what the gate knows; Tor and RequireProven are left for the
// engine to fill in. Isolation is NotAsked before the dial (take the status's),
// and the stream's own afterwards.
type Request struct {
	Account policy.Account
	SignOn  uint64
	Facts   policy.StreamFacts
}

// EventKind says what happened to a connection.
type EventKind uint8

// The events. Refused, and Closed with a reason, are sent before the local
// connection is closed.
const (
	EventNone EventKind = iota
	EventRefused
	EventConnecting
	EventConnected
	EventWayFailed // one way gave no answer; the next is taken
	EventClosed    // Reason is empty where server or client ended it
)

// Way is how the account's server is reached.
type Way string

// The ways, in the order in which they are tried. WayServer is the account's
// own connect server.
const (
	WayOnion  Way = "onion"
	WaySRV    Way = "srv"
	WayDomain Way = "domain"
	WayServer Way = "connect-server"
)

// Event tells of one connection. Account and SignOn are zero where the
// credentials were of no sign-on.
type Event struct {
	Kind       EventKind
	Connection uint64 // numbers the gate's connections from 1
	Account    policy.Account
	SignOn     uint64
	Reason     policy.Reason
	Way        Way
	Target     Target
	Isolation  policy.Isolation
	Circuit    string // id at Tor's control port, or ""
	Detail     string // for a person; no secret
}
