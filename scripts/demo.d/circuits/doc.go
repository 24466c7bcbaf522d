// SPDX-License-Identifier: GPL-3.0-or-later

// Command circuits asks a Tor's control port which open streams ride which
// circuit, for the table of `make demo`. It is a second witness beside the
// plugin's own word, and shares no code with it.
//
//	circuits CONTROL COOKIE-FILE
//
// It prints a line for each stream to a port 5222 (tab-separated):
//
//	circuit, conflux id or -, exit's fingerprint, exit's name, exit's
//	address, target, tag
//
// The tag is the start of a hash over the SOCKS user name and password that
// the circuit was made for ("-" if Tor names none): equal tags are one
// credential. The credentials themselves are never printed (I7).
// Exit: 0 done, 1 it could not ask.
package main
