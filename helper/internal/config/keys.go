// SPDX-License-Identifier: GPL-3.0-or-later

package config

// Key is one row of the table of keys, as `purple-onion help config` shows it.
// NAME in a key stands for what the user writes there.
type Key struct {
	Name, Type, Default, Meaning string
}

// Keys is every key of config.toml in the order in which they are shown. A
// test holds it against the types that the file is decoded into.
var Keys = []Key{
	{"new_accounts", "string", `"ask"`, `What an account gets that purple-onion meets for the first time, before its first packet. "ask": it waits until you have chosen; "tor", "secret": that level; "none": it connects as its own settings say. At its first start with a user directory purple-onion takes all accounts there for known. From then on an account is new that was added since, here or elsewhere, until it signs on, or you choose its level. An account that is removed and added again is new again.`},
	{"floor", "string", `"none"`, `"tor" or "secret": no account may have a lower level. One that has it is blocked until you protect it; release and lower levels are refused. New accounts get at least this level.`},
	{"require_proven_isolation", "bool", "false", "Block a protected account unless Tor's control port proves that it has a circuit of its own. Without it such an account connects and is shown as isolation-not-proven."},
	{"require_verified", "bool", "false", "Encrypt messages of secret accounts only to keys that were compared (verified). Where another plugin encrypts, that cannot be told, and nothing goes."},
	{"drop_plaintext", "bool", "false", "Drop what a secret account receives unencrypted, instead of showing it marked so."},
	{"tor_browser", "string", `"auto"`, `Where a link goes while a protected account is enabled. "auto": to Tor Browser where one is found; "never": shown to copy. Never to another browser.`},
	{"autologin", "bool", "false", "Let secret accounts sign on when the program starts. Without it each waits until you enable it in that session."},
	{"signon_delay_max", "string", `"90s"`, `Where several accounts are protected, each waits a random time of up to this before it signs on, signs off or follows a change of status, so that they do not do it in the same second. "0s": none.`},
	{"notify_names", "bool", "false", "Let the desktop notifications of `purple-onion daemon` say which accounts a new finding is about. They are shown on a locked screen, too."},
	{"srv_resolver", "string", `""`, `A DNS-over-TLS server, asked through Tor for an XMPP server's host and port: "host:853#tls-name". Empty: not asked, the account's domain and port are used.`},
	{"tor.mode", "string", `"auto"`, `"auto": a Tor that runs, else a private one; "system": only a Tor that runs; "private": always a private one.`},
	{"tor.socks", "string", `""`, `Tor's SOCKS port, "127.0.0.1:9050" or "unix:/path". Empty: the usual places.`},
	{"tor.control", "string", `""`, `Tor's control port, "127.0.0.1:9051" or "unix:/path". Empty: the usual places.`},
	{"tor.control_password", "string", `""`, "The control port's password, where it has one instead of a cookie."},
	{"tor.program", "string", `""`, "The tor program of a private Tor, an absolute path. Empty: from PATH."},
	{"tor.torrc", "list of strings", "[]", "Lines for a private Tor's configuration, such as bridges."},
	{"onions.DOMAIN", "string", "", `The v3 onion address of an XMPP server: onions."a.example" = "...onion". It comes before purple-onion's own list.`},
	{"accounts.ACCOUNT.onion_only", "bool", "false", `Reach this account's server by its onion address only. ACCOUNT is as the audit shows it: accounts."prpl-jabber:alice@a.example/".`},
	{"accounts.ACCOUNT.ca_file", "string", `""`, "PEM file with the only certificate authority that this account's server is checked against, an absolute path."},
	{"accounts.ACCOUNT.certificate_pin", "string", `""`, `"sha256:" and 64 hexadecimal digits: the one certificate (DER) that this account's server may show.`},
	{"accounts.ACCOUNT.autologin", "bool", "false", "The same for one account."},
	{"accounts.ACCOUNT.resource", "string", `""`, "The resource in a protected account's XMPP address, instead of the one in its name. Empty: the server chooses one."},
	{"accounts.ACCOUNT.require_verified", "bool", "false", "The same for one account."},
	{"accounts.ACCOUNT.otr_v2", "list of strings", "[]", "Buddies with whom OTR's version 2 is spoken where they do not know version 3. Whoever sits in between can then choose version 2."},
}
