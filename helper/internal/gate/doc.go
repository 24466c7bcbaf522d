// SPDX-License-Identifier: GPL-3.0-or-later

// Package gate is the SOCKS5 listener (RFC 1928, RFC 1929) on 127.0.0.1 that
// libpurple is sent to. It knows an account by credentials made for one
// sign-on, asks the engine whether it may, lets it reach its own server alone,
// finds the way there (onion address, SRV, domain), has the stream dialled
// through Tor, and splices the bytes.
//
// It must never dial by itself, never accept "no authentication", BIND or UDP,
// never tell an unknown client anything, and never close an account's
// connection without having told the reason first. It upholds I1 (a missing
// Ask, Dial or answer blocks), I2, I3 (the sign-on's own isolation credentials)
// and I7.
package gate
