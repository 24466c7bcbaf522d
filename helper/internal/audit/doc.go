// SPDX-License-Identifier: GPL-3.0-or-later

// Package audit looks at a user directory at rest, and at the environment and
// machine that a libpurple program would run with, and says what would not go
// over Tor or would give a person away: checks, findings, text and JSON.
//
// It must never write, open a socket, run a program, call an account safe, or
// show a password or credential. What it cannot find out is a finding or an
// error, never silence (I1); it upholds I7 and I8.
package audit
