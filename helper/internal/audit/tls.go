// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import "purpleonion.org/purple-onion/helper/internal/profile"

// tlsRequired says whether libpurple 2.14 would rather fail than go on without
// TLS. IRC has TLS where "ssl" is set; its default is off (irc.c).
//
// XMPP requires it for the value "require_tls" (jabber.c) and has it from the
// start for "old_ssl". An absent value is not required: the protocol's own
// default is "require_starttls" (jabber.h), which is compared with nothing.
// But where the account has any settings element at all, account.c
// (migrate_xmpp_encryption) fills an absent or empty value in when it loads.
func tlsRequired(a profile.Account) bool {
	if a.Protocol == "prpl-irc" {
		return a.Bool("ssl", false)
	}
	security := a.String("connection_security", "")
	if security == "" && len(a.Settings)+len(a.UI) > 0 {
		switch {
		case a.Bool("old_ssl", false):
			security = "old_ssl"
		case a.Bool("require_tls", true):
			security = "require_tls"
		}
	}
	return security == "require_tls" || security == "old_ssl"
}

// plainAllowed says whether a password may be sent over a stream without TLS
// (auth.c, irc/parse.c; default off).
func plainAllowed(a profile.Account) bool { return a.Bool("auth_plain_in_clear", false) }
