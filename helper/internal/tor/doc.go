// SPDX-License-Identifier: GPL-3.0-or-later

// Package tor finds Tor, proves that it is Tor, starts a private one where
// none runs, watches it, reads its control port, and is the only package that
// dials: always through Tor's SOCKS port, always with a user name and password
// that are the isolation credentials of one sign-on. Host names go to Tor
// unresolved. It decides nothing about accounts; it reports facts of
// package policy.
//
// It must never dial anything but Tor's SOCKS and control ports, never offer
// SOCKS "no authentication", never look a name up outside Tor, never ask a web
// site whether it is Tor, and never send a control port's password to a
// listener of another user. It upholds I1 (what is not known is not ready), I2
// (nothing else dials), I3 (credentials) and I7.
package tor
