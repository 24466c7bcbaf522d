// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// TorStatus is how Tor stands, as package tor tells it.
type TorStatus struct {
	State     policy.TorState
	Isolation policy.Isolation
	Progress  int    // per cent of the bootstrap
	Socks     string // address
	Version   string // empty where the control port does not tell
	Control   string // open, filtered or absent
	Option    string // of Tor's configuration, that turns isolation off; empty: none
	KeepsExit bool   // TrackHostExits: one exit for a host, whoever asks
	Private   bool   // started by purple-onion
	Detail    string // for a person; names no account
}

// Tor is asked for its status; the answer must not wait.
type Tor interface{ Status() TorStatus }

// Grant is what the gate may do for one sign-on of one account; package gate
// has the same fields.
type Grant struct {
	Account              policy.Account
	SignOn               uint64
	User, Password       redact.Secret // libpurple shows these to the gate
	TorUser, TorPassword redact.Secret // isolation credentials
	Domain               string
	Port                 uint16
	ConnectServer        string
	SRV                  bool
	Onion                string
	OnionOnly            bool
	Delay                time.Duration // before anything leaves
}

// Gate is the SOCKS listener in front of Tor.
type Gate interface {
	Port() uint16 // 0: it does not listen
	Issue(Grant) error
	Revoke(signOn uint64, reason policy.Reason)
	Leave(signOn uint64, delay time.Duration) // nothing more leaves until then
	CloseAll(reason policy.Reason)
}

// Records is the record of protection levels beside accounts.xml.
type Records interface {
	Level(policy.Account) policy.LevelFact
	Accounts() []policy.Account // all that are protected
	Known(policy.Account) policy.Answer
}

// Parts is what an Engine works with; every field is needed.
type Parts struct {
	Tor         Tor
	Gate        Gate
	Records     Records
	Keyring     Keyring
	Config      config.Config
	ConfigRead  bool // false: config.toml or policy.toml is broken, and every account blocks
	KnownOnion  func(domain string) string
	Credentials func() (user, password redact.Secret)
	Roots       func() (*x509.CertPool, error) // the system's authorities
	ReadFile    func(path string) ([]byte, error)
	NameKnown   func() policy.Answer // is the computer's own name known without asking DNS?
	Now         func() time.Time
	TorBrowser  func() string                // the program's path; empty: none was found
	Background  func(name string, do func()) // runs do off the main loop
	Emit        func(Event)

	// Places asks Tor where the streams of sign-ons are now, at most until ctx
	// ends. A sign-on without a stream has no entry.
	Places func(ctx context.Context, signOns []uint64) map[uint64][]Place
	// News is told of what Status shows anew; it must not wait. May be nil.
	News func(News)
}

// Engine answers questions about accounts. It is safe for concurrent use.
type Engine struct {
	parts Parts

	mu       sync.Mutex
	last     uint64    // number of the newest sign-on
	left     time.Time // when one was last told to leave
	sessions map[uint64]*session
	standing map[policy.Account]*standing
	tor      TorStatus

	// talking guards what follows; it is taken before mu.
	talking  sync.Mutex
	talks    map[talkKey]*talk
	lines    []Line
	issued   map[uint64]*issued      // by the door's number of the account
	making   map[policy.Account]bool // whose key is being made
	prepared map[uint64]bool         // sign-ons whose key was looked for
}

// New is an engine over parts.
func New(parts Parts) *Engine {
	return &Engine{
		parts: parts, sessions: map[uint64]*session{}, standing: map[policy.Account]*standing{}, talks: map[talkKey]*talk{}, issued: map[uint64]*issued{},
		making: map[policy.Account]bool{}, prepared: map[uint64]bool{},
	}
}

// EventKind says what an Event is about.
type EventKind uint8

// The kinds of events.
const (
	EventLog EventKind = iota + 1
	EventBlocked
	EventState
	EventTor
	EventResult
	EventLines   // NextLine has something
	EventRequest // the door has a request with the number SignOn
)

// Event is news for the door.
type Event struct {
	Kind     EventKind
	Handle   uint64 // the door's number of the account, 0: none
	SignOn   uint64 // for EventResult the number of the call
	Reason   policy.Reason
	Progress int
	Text     string
}
