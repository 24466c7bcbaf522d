// SPDX-License-Identifier: GPL-3.0-or-later

// Package busapi is purple-onion on the session bus: the object that
// dbus/*.xml describes, over whatever answers (Backend), and the client that
// the command line asks it with. It holds no rule of its own and starts no
// bus. No message, password, key or credential is in what it sends (I7).
//
// Every peer on the bus is a stranger: calls recover from panics, arguments
// and message sizes are bounded, and what is too much is dropped before it is
// read. Nothing here runs on, or is waited for by, Pidgin's main loop. A caller
// in a sandbox learns no name. The bus authenticates nobody: any program of
// the session may take the name (THREATS.md).
package busapi
