// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// LevelSetting is the account setting that holds the protection level.
const LevelSetting = "purple-onion/protection"

// Account is one account as account.c (parse_account) loads it.
type Account struct {
	policy.Account
	Enabled        bool // in any user interface
	PasswordStored bool
	Proxy          *Proxy                        // nil: no proxy element, or one that says nothing or "global" alone
	Settings       map[string]Setting            // those of no user interface
	UI             map[string]map[string]Setting // "gtk-gaim", "gnt-purple"
	Line           int                           // in accounts.xml
	StatusText     bool                          // it keeps the words of a status
	Twice          bool                          // it stands there more than once, and libpurple joins them
}

// Setting is a setting of an account or buddy. Value is what stands in the
// file; for a name that looks like a secret's it is empty and Secret has it.
type Setting struct {
	Type   string // string, int or bool
	Value  string
	Secret redact.Secret

	Migrated bool // it stands in no file: libpurple sets it while it loads
}

// Bool reads it as libpurple does: all but a leading "0" is true.
func (s Setting) Bool() bool { return !strings.HasPrefix(s.Value, "0") }

// Int reads it as libpurple does, by C's atoi.
func (s Setting) Int() int { return atoi(s.Value) }

// Proxy is an account's libpurple proxy as account.c (parse_proxy_info) loads
// it: a missing or unknown type is global.
type Proxy struct {
	Type     string // global, none, http, socks4, socks5, tor or envvar
	RawType  string // as it was written; empty where it is missing
	Host     string
	Port     int
	User     string
	Password redact.Secret
}

// Level is the protection level in the account's settings. A level of another
// type than string is unreadable: libpurple would not give it.
func (a Account) Level() policy.LevelFact {
	s, found := a.Settings[LevelSetting]
	if found && s.Type != "string" {
		return policy.LevelFact{Presence: policy.Unreadable}
	}
	return policy.LevelOf(s.Value, found)
}

// String gives a string setting, or def where it is absent or of another type.
func (a Account) String(name, def string) string {
	if s, ok := a.Settings[name]; ok && s.Type == "string" {
		return s.Value
	}
	return def
}

// Bool gives a bool setting, or def where it is absent or of another type.
func (a Account) Bool(name string, def bool) bool {
	if s, ok := a.Settings[name]; ok && s.Type == "bool" {
		return s.Bool()
	}
	return def
}

// Int gives an int setting, or def where it is absent or of another type.
func (a Account) Int(name string, def int) int {
	if s, ok := a.Settings[name]; ok && s.Type == "int" {
		return s.Int()
	}
	return def
}

func readAccounts(root *node) []Account {
	var list []Account
	index := map[policy.Account]int{}
	for _, n := range root.children {
		if n.name != "account" {
			continue
		}
		name, ok := accountName(n)
		if !ok {
			continue // libpurple passes over it too
		}
		i, known := index[normalize(name)]
		if !known {
			list = append(list, Account{Account: name, Line: n.line, Settings: map[string]Setting{}, UI: map[string]map[string]Setting{}})
			i = len(list) - 1
			index[normalize(name)] = i
		} else {
			list[i].Twice = true
		}
		list[i].load(n)
	}
	return list
}

func accountName(n *node) (policy.Account, bool) {
	protocol, ok := n.childText("protocol")
	name, ok2 := n.childText("name")
	if !ok2 {
		name, ok2 = n.childText("username")
	}
	return policy.Account{Protocol: protocol, Name: name}, ok && ok2
}

// find gives the account that libpurple takes name for, or -1.
func find(list []Account, name policy.Account) int {
	for i, a := range list {
		if normalize(a.Account) == normalize(name) {
			return i
		}
	}
	return -1
}

// normalize is the name by which libpurple looks an account up, and joins
// "A@x.test/Home" to an earlier "a@x.test/" (jabber_normalize, irc_normalize).
func normalize(a policy.Account) policy.Account {
	switch a.Protocol {
	case "prpl-jabber":
		a.Name, _, _ = strings.Cut(a.Name, "/")
		a.Name = strings.ToLower(a.Name)
	case "prpl-irc":
		a.Name = strings.ToLower(a.Name)
	}
	return a
}

// NormalName is the name that libpurple has in all its lists for a buddy of an
// account, and pidgin-otr in its files: "bob@b.test" for "Bob@b.test/Home".
func NormalName(account policy.Account, buddy string) string {
	return normalize(policy.Account{Protocol: account.Protocol, Name: buddy}).Name
}

func (a *Account) load(n *node) {
	if _, ok := n.childText("password"); ok {
		a.PasswordStored = true
	}
	a.StatusText = a.StatusText || statusText(n)
	for _, c := range n.children {
		if c.name == "settings" {
			a.loadSettings(c)
		}
	}
	if c := n.child("proxy"); c != nil {
		if p := readProxy(c); p != nil {
			a.Proxy = p
		}
	}
	for _, ui := range a.UI {
		if s, ok := ui["auto-login"]; ok && s.Type == "bool" && s.Bool() {
			a.Enabled = true
		}
	}
}

func (a *Account) loadSettings(n *node) {
	into := a.Settings
	if ui, ok := n.attr("ui"); ok {
		if a.UI[ui] == nil {
			a.UI[ui] = map[string]Setting{}
		}
		into = a.UI[ui]
	}
	for _, c := range n.children {
		if name, s, ok := readSetting(c); ok {
			into[name] = s
		}
	}
	a.migrate()
}

// migrate is account.c's migrate_xmpp_encryption, which runs after each
// settings element: an XMPP account that has any gets a connection_security.
func (a *Account) migrate() {
	if a.Protocol != "prpl-jabber" || a.String("connection_security", "") != "" {
		return
	}
	security := "require_tls"
	if a.Bool("old_ssl", false) {
		security = "old_ssl"
	} else if !a.Bool("require_tls", true) {
		security = "opportunistic_tls"
	}
	a.Settings["connection_security"] = Setting{Type: "string", Value: security, Migrated: true}
}

// readSetting is false for what account.c (parse_settings) ignores.
func readSetting(n *node) (string, Setting, bool) {
	name, named := n.attr("name")
	kind, _ := n.attr("type")
	if n.name != "setting" || !named || (kind != "string" && kind != "int" && kind != "bool") || n.text.Len() == 0 {
		return "", Setting{}, false
	}
	s := Setting{Type: kind, Value: n.text.String()}
	if secretName(name) {
		s = Setting{Type: kind, Secret: redact.New(s.Value)}
	}
	return name, s, true
}

// secretName says whether a setting or preference of that name is to be kept
// out of sight.
func secretName(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"password", "passwd", "secret", "token"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func readProxy(n *node) *Proxy {
	p := &Proxy{Type: "global"}
	p.RawType, _ = n.childText("type")
	switch p.RawType {
	case "none", "http", "socks4", "socks5", "tor", "envvar":
		p.Type = p.RawType
	}
	p.Host, _ = n.childText("host")
	port, _ := n.childText("port")
	p.Port = atoi(port)
	p.User, _ = n.childText("username")
	password, hasPassword := n.childText("password")
	if hasPassword {
		p.Password = redact.New(password)
	}
	said := p.Host != "" || p.Port != 0 || p.User != "" || hasPassword
	if !said && (p.RawType == "" || p.RawType == "global") {
		return nil
	}
	return p
}

// atoi is C's: leading space, a sign, digits, and the low 32 bits of a long.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var n int64
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		d := int64(s[i] - '0')
		if n > (1<<63-1-d)/10 {
			n = 1<<63 - 1
			if negative {
				return 0 // the low 32 bits of LONG_MIN
			}
			return -1 // and of LONG_MAX
		}
		n = n*10 + d
	}
	if negative {
		n = -n
	}
	return int(int32(n))
}
