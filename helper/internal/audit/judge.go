// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"sort"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

// judge runs the checks of one user directory. An account is named by one
// check for each cause: what is wrong with its proxy comes from the first of
// them that applies. Disabled accounts are judged alike.
func (a *auditor) judge(d *userDir) {
	for _, c := range []struct {
		check     string
		one, many string
		applies   func(*account) bool
	}{
		{"protection-broken", "account is not protected as it claims", "accounts are not protected as they claim", func(x *account) bool { return x.broken }},
		{"below-floor", "account has a level below the floor", "accounts have a level below the floor", a.belowFloor},
		{"environment-proxy", "account connects as the environment says", "accounts connect as the environment says", a.byEnvironment},
		{"unknown-proxy-type", "account has a proxy type that libpurple does not know", "accounts have a proxy type that libpurple does not know", func(x *account) bool { return !ours(x) && ownTypeUnknown(x) }},
		{"not-over-tor", "account does not connect over Tor", "accounts do not connect over Tor", a.notOverTor},
		{"socks5-leaks-names", "account uses plain SOCKS at the Tor port", "accounts use plain SOCKS at the Tor port", a.leaksNames},
		{"tls-not-required", "account goes on without TLS", "accounts go on without TLS", withoutTLS},
		{"plain-auth-allowed", "account may send its password in clear", "accounts may send their passwords in clear", plainInClear},
		{"proxy-by-name", "account has a proxy that is a name", "accounts have a proxy that is a name", byName},
		{"global-proxy", "account is over Tor by the global proxy alone", "accounts are over Tor by the global proxy alone", a.globalOnly},
		{"password-stored", "account has its password in accounts.xml", "accounts have their passwords in accounts.xml", func(x *account) bool { return x.PasswordStored }},
	} {
		var subjects []*account
		for _, x := range d.accounts {
			if c.applies(x) {
				subjects = append(subjects, x)
			}
		}
		if len(subjects) > 0 {
			a.find(c.check, d, subjects, count(len(subjects), c.one, c.many))
		}
	}
	a.globalUnknown(d)
	a.circuitShared(d)
	a.noProxy(d)
	a.networkProbes(d)
	a.filesReadable(d)
	a.certificates(d)
	a.traces(d)
}

// ours says whether protection answers for the account's network: where it is
// whole, and where it is broken, which is one cause with one finding.
func ours(x *account) bool { return x.protected() || x.broken && claimsProtection(x) }

// claimsProtection is false for an account that is broken only because the
// record cannot be read: nothing says that it is protected.
func claimsProtection(x *account) bool {
	return x.protection() != policy.LevelNone.String() || x.Level().Presence == policy.Unreadable || atRest(x.Proxy) || profile.StaleGate(x.Proxy)
}

func (a *auditor) belowFloor(x *account) bool {
	return !x.broken && policy.MaySet(x.level, a.floor).Reason == policy.ReasonBelowFloor
}

func (a *auditor) byEnvironment(x *account) bool {
	return !ours(x) && !unknownType(x) && x.proxy.Source == SourceEnvironment
}

// unknownType: the account's own type is not known, or the global one that it
// would use.
func unknownType(x *account) bool {
	return !ours(x) && (ownTypeUnknown(x) || x.proxy.typeUnread)
}

func ownTypeUnknown(x *account) bool {
	return x.Proxy != nil && x.Proxy.Type == "global" && x.Proxy.RawType != "global" && x.Proxy.RawType != ""
}

func (a *auditor) notOverTor(x *account) bool {
	return !ours(x) && !unknownType(x) && x.proxy.Source != SourceEnvironment && !x.torPort
}

func (a *auditor) leaksNames(x *account) bool {
	return a.overTor(x) && x.proxy.Type != TypeTor
}

func (a *auditor) globalOnly(x *account) bool {
	return a.overTor(x) && x.proxy.Source != SourceAccount
}

func (a *auditor) overTor(x *account) bool {
	return !ours(x) && !unknownType(x) && x.proxy.Source != SourceEnvironment && x.torPort
}

func byName(x *account) bool {
	return !ours(x) && x.proxy.byName() && x.proxy.Source != SourceEnvironment
}

func withoutTLS(x *account) bool {
	return !x.protected() && policy.ProtocolProven(x.Protocol) && !tlsRequired(x.Account)
}

func plainInClear(x *account) bool { return !x.protected() && plainAllowed(x.Account) }

// globalUnknown is a finding of the preference, with the accounts that use it;
// also where none does, for requests of no account.
func (a *auditor) globalUnknown(d *userDir) {
	if setupKnows(d.globals.typ) {
		return
	}
	var users []*account
	for _, x := range d.accounts {
		if !ours(x) && !ownTypeUnknown(x) && x.proxy.typeUnread {
			users = append(users, x)
		}
	}
	subjects := append(names(users), "prefs")
	sort.Strings(subjects)
	message := "The global proxy has a type that libpurple does not know"
	if len(users) > 0 {
		message += "; " + count(len(users), "account uses it", "accounts use it")
	}
	a.findAs("unknown-proxy-type", d.Path, subjects, message, inPidgin("Tools, Preferences, Proxy: choose a type"))
}

func setupKnows(globalType string) bool {
	switch globalType {
	case "none", "http", "socks4", "socks5", "tor", "envvar":
		return true
	}
	return false
}

// noProxy takes protected accounts too: without the plugin nothing else keeps
// libpurple from it. An account without a proxy has nothing to be bypassed.
func (a *auditor) noProxy(d *userDir) {
	n := noProxyEntries(a.Lookup)
	var subjects []*account
	for _, x := range d.accounts {
		if x.proxy.Type != TypeNone {
			subjects = append(subjects, x)
		}
	}
	if n > 0 && len(subjects) > 0 {
		a.findAs("no-proxy-bypass", d.Path, names(subjects), "The environment takes "+count(n, "host", "hosts")+" past the proxy of "+count(len(subjects), "account", "accounts"),
			"unset no_proxy NO_PROXY")
	}
}

func (a *auditor) networkProbes(d *userDir) {
	var on []string
	for path := range d.Prefs.Probes() {
		on = append(on, path[strings.LastIndexByte(path, '/')+1:])
	}
	sort.Strings(on)
	if len(on) > 0 {
		a.findAs("network-probes", d.Path, []string{"prefs"}, "libpurple probes the network: "+strings.Join(on, ", "),
			inPidgin("Tools, Preferences, Network: no STUN or TURN server, untick address detection and port forwarding"))
	}
}

// find adds a finding about accounts, with the remedy that fits them.
func (a *auditor) find(check string, d *userDir, subjects []*account, message string) {
	a.findAs(check, d.Path, names(subjects), message, a.remedy(check, d, subjects))
}

func (a *auditor) findAs(check, userDir string, subjects []string, message, remedy string) {
	c, ok := Find(check)
	if !ok {
		panic("no check " + check) // a misspelt name; every test meets it
	}
	a.report.Findings = append(a.report.Findings, Finding{
		Check: c.Name, Severity: c.Severity, UserDir: userDir, Subjects: subjects,
		Message: message, Why: c.Why, Remedy: remedy, Evidence: "at-rest",
	})
}

// sortFindings puts them in the order of the table, and by user directory.
func sortFindings(f []Finding) {
	place := map[string]int{}
	for i, c := range Checks {
		place[c.Name] = i
	}
	sort.SliceStable(f, func(i, j int) bool {
		if f[i].Severity != f[j].Severity {
			return f[i].Severity.rank() > f[j].Severity.rank()
		}
		return place[f[i].Check] < place[f[j].Check]
	})
}

func names(accounts []*account) []string {
	list := []string{}
	for _, x := range accounts {
		list = append(list, x.Account.Account.String())
	}
	sort.Strings(list)
	return list
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
