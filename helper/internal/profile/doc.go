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
//
// # Reading
//
// Read is what libpurple would load; tests hold it against the real library.
// Files are bounded (16 MiB, 400,000 elements) and opened without waiting.
// Documents with a document type, a namespace or an encoding other than UTF-8
// are refused: libpurple writes none, and its two parsers (libxml2 for
// accounts.xml, GLib's for prefs.xml) do not treat them alike. A symbolic link
// or another user's file is read, as libpurple does, and noted as an error.
//
// # Editing
//
// An edit replaces the bytes of what changes, reads its own outcome, and is
// refused unless that has the new values and everything else as before. The
// record keeps the replaced bytes, so that release is byte for byte where
// nobody wrote the file meanwhile, and value by value where libpurple did.
//
// Protect writes prefs.xml, the record, accounts.xml; Release accounts.xml,
// the record, prefs.xml. After a crash in between, the level in the record and
// in the account disagree, which blocks the account, and the same command
// again settles it. The record's lock (flock) is held throughout.
//
// What protect added to the lists of loaded plugins stays until the last
// account is released: a protected account needs the plugin to connect. So do
// the preferences that it set off, by which libpurple asks the network for the
// computer's address. A running program does that by Record.Probes.
//
// The record holds the proxy password of before in clear (mode 0600), because
// it is to be given back; accounts.xml held it the same way. It never holds an
// account's own password. It is removed from the record at release.
//
// # Is a libpurple program running?
//
// libpurple takes no lock, and a file edited under it is silently overwritten.
// So Running looks in /proc for processes that have libpurple.so mapped, and
// for those named pidgin or finch. It is sure of the user directory where one
// of these says so: -c or --config (as getopt_long reads it); for Pidgin and
// Finch without it, HOME; for other programs an argument that names an existing
// directory. Paths are resolved as the process sees them (/proc/PID/root), so
// a Flatpak's ~/.purple is told. A libpurple program whose directory cannot be
// told counts as running on the one asked about.
//
// What it does not see: another user's process (unless run by root; its
// program is not shown, and a directory of mode 0700 keeps it out), one in a
// PID namespace that is hidden from this /proc, one on another machine that
// has the directory over the network, one with libpurple linked in under
// another name, and one that starts in the moment between the last look, just
// before the first write, and the rename. Of that last, what is lost is our
// edit: libpurple writes its own state over it, and record and account then
// disagree, which blocks. Where there is no /proc, editing is refused.
package profile
