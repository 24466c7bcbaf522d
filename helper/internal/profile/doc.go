// SPDX-License-Identifier: GPL-3.0-or-later

// Package profile is the libpurple user directory: it reads accounts.xml,
// prefs.xml and blist.xml as libpurple 2.14 loads them, and edits the first
// two losslessly, atomically and backed up.
//
// It must never open a socket, write while it reads, follow a symbolic link
// when it writes, or put a password into an error, a backup or a log.
//
// It upholds I5 (an account that is protected at rest has the libpurple proxy
// tor at 127.0.0.1:1), I6 (nothing the user owns is lost) and I7 (no secret
// is shown); for I1, what it cannot read is an error and never an absence.
package profile
