// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import "slices"

// Severity is how bad a finding is; it goes with the check.
type Severity string

// The severities. Fail: what gives the account away, or may, is open now.
const (
	Fail Severity = "fail"
	Warn Severity = "warn"
	Info Severity = "info"
)

// Reaches says whether s is as bad as other, or worse.
func (s Severity) Reaches(other Severity) bool { return s.rank() >= other.rank() }

func (s Severity) rank() int {
	switch s {
	case Fail:
		return 3
	case Warn:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Check is one row of the table of checks. Why is the one line of a finding;
// the rest is what `purple-onion explain` shows.
type Check struct {
	Name     string
	Severity Severity
	Why      string
	Threat   string // what goes wrong
	Looks    string // what was looked at
	Limits   string // what that does not show
	Remedy   string
}

// Find gives the check of that name.
func Find(name string) (Check, bool) {
	for _, c := range Checks {
		if c.Name == name {
			return c, true
		}
	}
	return Check{}, false
}

const protectFixes = "purple-onion protect ACCOUNT. By hand, in Pidgin's account editor, tab Proxy: type Tor/Privacy (SOCKS5), host 127.0.0.1, port 9050 (Tor Browser: 9150), and a user name and password that no other account has."

// Checks is every check, in the order in which findings are shown.
var Checks = []Check{
	{
		"protection-broken", Fail,
		"What says that the account is protected disagrees, so purple-onion refuses it, and without the plugin nothing else may hold it back.",
		"A protected account has its level in accounts.xml and in purple-onion's record, and the libpurple proxy tor at 127.0.0.1:1, where nothing listens. Where they disagree, a sign-on without the plugin may go anywhere, or to a program that took over the gate's last port.",
		"The setting purple-onion/protection and the proxy in accounts.xml; purple-onion's record of this user directory.",
		"Whether the plugin is installed and enabled: purple-onion doctor shows that.",
		"purple-onion protect ACCOUNT, or purple-onion release ACCOUNT. Both write all three places.",
	},
	{
		"below-floor", Fail,
		"The configuration wants a higher level for every account; the plugin keeps the account offline, and nothing else does.",
		"No account may have a lower level than floor says, in config.toml or in the administrator's policy.toml. The plugin refuses one that has; a program without the plugin does not ask.",
		"floor in config.toml and /etc/purple-onion/policy.toml; the level of each account in accounts.xml and in purple-onion's record.",
		"What the floor was when the running program loaded the plugin.",
		"purple-onion protect ACCOUNT; where the floor is secret, with --level secret. An account of a protocol that cannot be protected has to go.",
	},
	{
		"environment-proxy", Fail,
		"The program's environment decides where the account connects: without HTTP_PROXY that is straight to the server.",
		"The proxy type is \"use environmental settings\". libpurple then takes an HTTP proxy from HTTP_PROXY, http_proxy or HTTPPROXY, and none at all where they are not set. Neither is Tor, and the environment differs from one start to the next.",
		"accounts.xml, prefs.xml, and the environment that the audit runs in.",
		"The environment that Pidgin is started in from a menu may be another.",
		protectFixes,
	},
	{
		"unknown-proxy-type", Fail,
		"libpurple does not know the proxy type, and uses the global proxy instead, or asks DNS before it refuses.",
		"An account whose proxy type libpurple does not know is loaded with the global proxy: a mistyped \"tor\" can mean a straight connection. A global type that it does not know refuses connections, but not the DNS questions before them.",
		"The proxy type of each account in accounts.xml, and /purple/proxy/type in prefs.xml.",
		"A type that a later libpurple may know.",
		protectFixes + " For the global one: Pidgin, Tools, Preferences, Proxy.",
	},
	{
		"not-over-tor", Fail,
		"The server, and everybody on the way, sees the address that the account connects from.",
		"The account is not connected through Tor: its server learns your address and can be made to tell it, your network sees which server you use and when, and a second account from the same address is linked to it.",
		"The effective libpurple proxy of each account: its own, else the desktop's or the global one. Tor is type tor (or SOCKS) at 127.0.0.1:9050, 127.0.0.1:9150, or a port given with --tor-port.",
		"Whether Tor itself listens on that port.",
		protectFixes,
	},
	{
		"socks5-leaks-names", Fail,
		"With a plain SOCKS proxy libpurple still asks your network's DNS for the account's server.",
		"libpurple looks up SRV records, and for SOCKS4 addresses too, before it speaks to the proxy; only type tor stops that. Your network sees which server you use and when. File transfers also offer your own addresses.",
		"Accounts whose effective proxy is SOCKS4 or SOCKS5 at a Tor port.",
		"What a resolver on this machine does with the question.",
		protectFixes,
	},
	{
		"no-proxy-bypass", Fail,
		"no_proxy makes libpurple connect straight to the hosts named there, whatever proxy an account has.",
		"libpurple 2.14.6 and later reads no_proxy or NO_PROXY once, at its start, and dials what matches past every proxy, type tor too: \"*\" is all hosts. Servers and buddies can name hosts to connect to.",
		"no_proxy and NO_PROXY in the environment that the audit runs in; accounts with a proxy.",
		"Which hosts an account will be told to connect to. With purple-onion's plugin loaded the variables are taken away first, or protected accounts blocked.",
		"unset no_proxy NO_PROXY, before the program is started from the same shell; for a menu entry: env -u no_proxy -u NO_PROXY pidgin.",
	},
	{
		"circuit-shared", Fail,
		"Accounts with the same proxy user name and password ride one Tor circuit, which links them to each other.",
		"Tor keeps streams apart by their SOCKS user name and password. Accounts that have the same, or none, share a circuit and so an exit address, at the same time: servers can see that they belong together.",
		"Proxy address, user name and password of all audited accounts that use a Tor port.",
		"Whether this Tor isolates by credentials at all; accounts in user directories that were not audited; other programs without credentials.",
		protectFixes,
	},
	{
		"tls-not-required", Fail,
		"libpurple goes on without TLS if the server, or who poses as it, offers none: the Tor exit can read along.",
		"XMPP: where connection_security is not \"require_tls\" or \"old_ssl\", whoever sits in between removes STARTTLS and gets the login and the messages. It is not required either where an account has no settings at all. IRC: without \"ssl\" nothing is encrypted.",
		"connection_security, old_ssl and require_tls of XMPP accounts and ssl of IRC accounts, as libpurple 2.14 fills them in when it loads.",
		"Other protocols. Whether a certificate was checked: see certificate-accepted-by-hand.",
		"purple-onion protect ACCOUNT. By hand, in the account editor, tab Advanced: XMPP \"Require encryption\"; IRC \"Use SSL\" and port 6697.",
	},
	{
		"plain-auth-allowed", Fail,
		"The account may send its password readable over a connection without TLS.",
		"With auth_plain_in_clear libpurple answers a server without TLS by the password itself. With TLS required it has no effect, until that changes.",
		"auth_plain_in_clear of each account.",
		"Which login methods the server offers.",
		"purple-onion protect ACCOUNT. By hand, in the account editor, tab Advanced: untick \"Allow plaintext auth over unencrypted streams\".",
	},
	{
		"files-readable", Fail,
		"Other users of this computer can read it: accounts.xml holds passwords, otr.private_key the key.",
		"Files that group or others may read give away passwords, keys, buddies and logs to other users and their programs.",
		"The permissions of each file in the user directory; below a folder, whether group or others get into the folder.",
		"Access lists, backups, who has root, and whether the disk is encrypted.",
		"chmod -R go= USER-DIR",
	},
	{
		"tor-isolation-off", Fail,
		"The Tor that runs lets streams with different user names share a circuit: accounts can be linked to each other.",
		"With NoIsolateSOCKSAuth at its SOCKS port Tor ignores user name and password, and with PreferSOCKSNoAuth it does so for programs that offer both ways. Servers then see accounts come from one exit at one time. purple-onion connects no protected account over such a Tor.",
		"With --live: the events of a stream of our own, and SocksPort in Tor's configuration, by its control port.",
		"What Tor's configuration will be after its next start.",
		"Take NoIsolateSOCKSAuth and PreferSOCKSNoAuth out of torrc, and have Tor read it again.",
	},
	{
		"proxy-by-name", Warn,
		"The proxy's name is looked up in DNS, or with type tor not at all; a wrong answer leads elsewhere.",
		"A proxy given by a name is looked up before each connection. The answer decides who gets the traffic. With type tor libpurple refuses the look-up, and so the connection.",
		"Whether the host of the effective proxy is an IP address.",
		"What the name leads to.",
		protectFixes,
	},
	{
		"global-proxy", Warn,
		"It is over Tor only because of the global proxy; one change in Preferences takes all such accounts off Tor.",
		"The account has no proxy of its own. The global one is used by all accounts and by requests of no account, has one user name for all, and is changed without a look at who needs it.",
		"Accounts that reach a Tor port by prefs.xml.",
		"Who changes preferences.",
		protectFixes,
	},
	{
		"password-stored", Warn,
		"The password stands readable in accounts.xml: whoever gets the file, or a backup of it, has the account.",
		"libpurple keeps remembered passwords as they are.",
		"Whether accounts in accounts.xml have a password element. The password itself is not looked at.",
		"Passwords that keyring plugins hold.",
		"In Pidgin: Accounts, Manage Accounts, Modify, untick \"Remember password\".",
	},
	{
		"network-probes", Warn,
		"libpurple asks the local network or a STUN server for your address at each start, outside Tor and before any plugin runs.",
		"With auto_ip or map_ports libpurple searches routers by multicast (UPnP, NAT-PMP); with a STUN or TURN server it looks that up and asks it. All of it is outside every proxy.",
		"/purple/network/auto_ip, map_ports, stun_server and turn_server in prefs.xml.",
		"What other plugins send.",
		"purple-onion protect ACCOUNT sets them off for as long as an account is protected. By hand, in Pidgin: Tools, Preferences, Network: no STUN or TURN server, untick \"Autodetect IP address\" and \"Enable automatic router port forwarding\".",
	},
	{
		"hostname-lookup", Warn,
		"An XMPP login asks DNS for this computer's own name, also with a Tor proxy: the network sees the name and when you log in.",
		"The SASL library that libpurple uses looks up the host name. The question goes to DNS in clear unless /etc/hosts or nss-myhostname answers first.",
		"The host name, /etc/hosts, and the order of hosts: in /etc/nsswitch.conf.",
		"What other name services of this machine do; a host name that changes.",
		"Put the host name into /etc/hosts (127.0.1.1), and files or myhostname before all else in hosts: of /etc/nsswitch.conf.",
	},
	{
		"certificate-accepted-by-hand", Warn,
		"A certificate that is kept is trusted without another look; this one was not in order when it was accepted.",
		"On a certificate that is not in order Pidgin asks, with Accept as the default. Once accepted, it is trusted for that host from then on: also when it was an attacker's. libpurple keeps certificates that were in order in the same place.",
		"The files in certificates/x509/tls_peers: issuer, names and dates. By hand is what is self-signed, for another name, out of date when it was kept, without a certificate authority's proof of publication (RFC 6962), or not readable. What has none of these is shown as info: it cannot be told for certain.",
		"Whether an authority's signature is right. Protected accounts are not helped by a kept certificate: purple-onion refuses it.",
		"Delete the file while Pidgin is not running; the certificate is then checked again.",
	},
	{
		"traces-kept", Warn,
		"What a secret account left here before it was one tells whoever gets the disk of it, its words and its buddies.",
		"While an account is secret the plugin keeps no logs, pictures, status texts and certificates of it. What libpurple kept before that, or while the plugin was not loaded, stays: an identity is to leave no trail on the computer of the person behind it.",
		"For accounts of level secret: their folders in logs, pictures in icons that blist.xml and accounts.xml name, certificates of servers that no other account uses, status texts in accounts.xml, statuses of their own in status.xml, in blist.xml when buddies were seen last.",
		"What accounts.xml, blist.xml and the OTR files say of them, which is needed; pounces; copies elsewhere, backups, and what a disk keeps of deleted files. Whether a picture shows somebody.",
		"Quit Pidgin and delete the files. Status texts and when buddies were seen last go when the account signs on and off once with the plugin; statuses of its own: Tools, Statuses in Pidgin, or an identity in a user directory of its own (pidgin -c DIR).",
	},
	{
		"pidgin-bus-exposed", Warn,
		"Pidgin offers itself to every program of the session: it can be read, and told to send or to change accounts.",
		"Pidgin and Finch put im.pidgin.purple.PurpleService on the session bus. Each program of the session can read there accounts, buddies and messages as they come, and call what the program can do: send a message, change a proxy, delete an account. What such a call sends for an account of level secret meets purple-onion's guard of the wire; what it reads meets nothing.",
		"Whether the environment has a session bus (DBUS_SESSION_BUS_ADDRESS, or bus in XDG_RUNTIME_DIR) while there are accounts, and whether a file of session.d denies that service: /etc/dbus-1/session.d, /usr/share/dbus-1/session.d.",
		"Whether Pidgin runs, and whether it was built with D-Bus. A program that watches the whole bus as a monitor, or that reads Pidgin's memory or files, is not kept from it by the deny file.",
		"Copy purple-onion's deny file, pidgin-deny.conf, to /etc/dbus-1/session.d/ and log in anew. Programs that talk to Pidgin over the bus, purple-remote among them, then do not.",
	},
	{
		"track-host-exits", Warn,
		"The Tor that runs keeps one exit for a host, whoever asks: accounts on one server come from one address.",
		"With TrackHostExits Tor chooses the same exit again for hosts that are named there, also for streams on other circuits. A server that has two accounts of yours sees both come from that exit.",
		"With --live: TrackHostExits in Tor's configuration, by its control port.",
		"Which hosts your accounts will use.",
		"Take TrackHostExits out of torrc, and have Tor read it again.",
	},
	{
		"isolation-not-proven", Info,
		"Nothing shows that accounts ride circuits of their own: Tor's control port does not tell.",
		"Tor keeps streams with different user names apart unless it is told not to. Whether it does can be read at its control port alone. Debian's Tor has none by default; Tails and Whonix let no program ask.",
		"With --live: whether Tor's control port tells of our own stream.",
		"That accounts share a circuit: it may all be in order.",
		"Give Tor a control port: ControlPort 9051 and CookieAuthentication 1 in torrc. With require_proven_isolation in config.toml such accounts are blocked.",
	},
}

// liveChecks are found about what runs, by an audit that asks it.
var liveChecks = []string{"tor-isolation-off", "track-host-exits", "isolation-not-proven"}

// Live says whether a check is about what runs, and so only of audit --live.
func (c Check) Live() bool { return slices.Contains(liveChecks, c.Name) }
