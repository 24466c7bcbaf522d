// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import "purpleonion.org/purple-onion/helper/internal/profile"

// tlsRequired says whether libpurple 2.14 would rather fail than go on without
// TLS. IRC has TLS where "ssl" is set; its default is off (irc.c).
//
// XMPP requires it for the value "require_tls" (jabber.c) and has it from the
// start for "old_ssl". An absent value is not required: the protocol's own
// default is "require_starttls" (jabber.h), which is compared with nothing.
// Package profile has filled in what libpurple does when it loads: only an
// account without any settings element stays without a value.
func tlsRequired(a profile.Account) bool {
	if a.Protocol == "prpl-irc" {
		return a.Bool("ssl", false)
	}
	security := a.String("connection_security", "")
	return security == "require_tls" || security == "old_ssl"
}

// plainAllowed says whether a password may be sent over a stream without TLS
// (auth.c, irc/parse.c; default off).
func plainAllowed(a profile.Account) bool { return a.Bool("auth_plain_in_clear", false) }
