// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"context"
	"net"
)

// Display is which display the program gets.
type Display string

// DisplayAuto is Wayland where there is one and the program is not known to
// need X11, else X11, else none.
const (
	DisplayNone    Display = "none"
	DisplayAuto    Display = "auto"
	DisplayX11     Display = "x11"
	DisplayWayland Display = "wayland"
)

// Bus is which D-Bus session bus the program gets.
type Bus string

// BusPrivate is a dbus-daemon inside; BusFiltered is the session's own behind
// xdg-dbus-proxy, for purple-onion's name and notifications alone.
const (
	BusNone     Bus = "none"
	BusPrivate  Bus = "private"
	BusFiltered Bus = "filtered"
)

// Dialer opens a connection to the SOCKS port of the proven Tor, and to
// nothing else.
type Dialer interface {
	Connect(ctx context.Context) (net.Conn, error)
}

// Config is one cell. The zero value of a choice is the one that lets less in.
type Config struct {
	Program []string // its name and arguments
	Env     []string // the caller's environment, as os.Environ gives it
	Dir     string   // the program's folder, where it exists inside

	Tor     Dialer
	TorName string // what Say calls it: where Tor is outside
	TorPort uint16 // of 127.0.0.1 inside
	// Alive tells each change of whether there is a Tor; without one the port
	// inside refuses. Nil: there always is.
	Alive <-chan bool
	// Control is served at ControlPort of 127.0.0.1 inside; nil: none.
	Control     *Filter
	ControlPort uint16

	UserDir   string // becomes ~/.purple; empty: as it is in the home
	EmptyHome bool
	Display   Display
	Bus       Bus
	// BusWanted: without it a bus that cannot be had is said, and left out.
	BusWanted bool
	Sound     bool
	Hide      []string // folders that are empty inside, where they exist

	// Say gets what stays reachable, line by line, before the program starts.
	Say func(line string)
}

// What a cell's exit code means beside the program's own: coreutils' convention.
const (
	CodeNotMade     = 125 // the cell could not be made
	CodeNotRunnable = 126
	CodeNotFound    = 127
	CodeSignal      = 128 // and the signal's number
)
