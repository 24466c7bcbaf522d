// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net"
	"os"

	"purpleonion.org/purple-onion/helper/internal/tor"
)

// inCell says whether the program was started by `purple-onion run`.
func inCell() bool { return os.Getenv("PURPLE_ONION_CELL") != "" }

// reachable changes where to look for Tor to what a cell has: Tor's SOCKS port
// on loopback, whatever the configuration says of the outside, and no network
// that a private Tor could use.
func reachable(s tor.Settings) tor.Settings {
	port := os.Getenv("TOR_SOCKS_PORT")
	if !inCell() || port == "" {
		return s
	}
	s.Mode, s.Socks, s.Control = tor.ModeSystem, net.JoinHostPort("127.0.0.1", port), ""
	if control := os.Getenv("TOR_CONTROL_PORT"); control != "" {
		s.Control = net.JoinHostPort("127.0.0.1", control)
	}
	return s
}
