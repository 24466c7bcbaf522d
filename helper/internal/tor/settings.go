// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// The modes of Settings.Mode; empty is ModeAuto.
const (
	ModeAuto    = "auto"    // a running Tor, else a private one
	ModeSystem  = "system"  // a running Tor, never a private one
	ModePrivate = "private" // always a private one
)

// Settings is where to look for Tor. The zero value looks in the usual places.
type Settings struct {
	Mode            string        // ModeAuto, ModeSystem or ModePrivate
	Socks           string        // "127.0.0.1:9050" or "unix:/path"; empty: look for it
	Control         string        // "127.0.0.1:9051" or "unix:/path"; empty: look for it
	ControlPassword redact.Secret // for HashedControlPassword; never needed with a cookie
	Program         string        // tor program of a private Tor; empty: from PATH and the usual folders
	Torrc           []string      // lines added to a private Tor's torrc
	StateDir        string        // folder of the private Tor, made 0700; empty: no private Tor

	// GatePorts gives our own listeners' TCP ports: never taken for Tor. May be nil.
	GatePorts func() []uint16
	// OnStream gets Tor's events about streams, anyone's, one at a time and in
	// order, where the control port is open; it must not block or call the
	// client. Nil: nobody wants them.
	OnStream func(StreamEvent)
	// Getenv reads TOR_SOCKS_HOST and its like; nil is os.Getenv.
	Getenv func(string) string
}

// ControlState is what Tor's control port lets us know.
type ControlState uint8

// ControlAbsent is also a control port that refuses our authentication;
// ControlFiltered is one of Tails' or Whonix', which refuses commands.
const (
	ControlNotAsked ControlState = iota
	ControlAbsent
	ControlFiltered
	ControlOpen
)

var controlStateNames = [...]string{ControlNotAsked: "not-asked", ControlAbsent: "absent", ControlFiltered: "filtered", ControlOpen: "open"}

func (s ControlState) String() string {
	if int(s) < len(controlStateNames) {
		return controlStateNames[s]
	}
	return controlStateNames[ControlNotAsked]
}

// ProgressUnknown is Status.Progress where no control port tells it.
const ProgressUnknown = -1

// Status is how Tor stands at one moment. The zero value means not looked yet.
type Status struct {
	State     policy.TorState
	Progress  int    // bootstrap, percent; ProgressUnknown where nobody says
	Summary   string // Tor's own words about its bootstrap, for a person
	Socks     string // "127.0.0.1:9050" or "unix:/path"; empty: none
	Version   string // empty where no control port tells it
	Control   ControlState
	Isolation policy.Isolation
	Private   bool // the Tor is our own private one

	IsolationOption string // the option of Tor's configuration that turns isolation off; empty: none, or not told
	TrackHostExits  bool   // Tor keeps an exit for a host, whoever asks for it

	Detail string // why it is so (not Tor, filtered, cannot start), for a person; no secret
}
