// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strconv"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// ProxyChange is the Change.Name of the account's libpurple proxy as a whole.
// No setting has it: libpurple's settings have no space in their names.
const ProxyChange = "libpurple proxy"

// Where a protected account's proxy points at rest: a privileged port where no
// user's program can listen (I5).
const (
	RestHost = "127.0.0.1"
	RestPort = 1
)

// NeutralName is the user and real name that protected IRC accounts show. It
// is the same for every account, so it tells none from another; libpurple's
// own default is the nick twice, which would tie the nick to a real name's
// place where a person may have put theirs.
const NeutralName = "user"

// TLSPort is where IRC networks speak TLS (RFC 7194). libpurple's own default
// with ssl set is 994, where none of them listens.
const TLSPort = 6697

// Value is a setting's value, or that there is none.
type Value struct {
	Present bool   `json:"present"`
	Type    string `json:"type,omitempty"`  // string, int, bool, or proxy
	Text    string `json:"value,omitempty"` // of a proxy: a description without its password
}

// Change is one thing that protection or its release changes in an account.
type Change struct {
	Name               string // ProxyChange or the name of a setting
	Type               string
	Old, New           Value
	OldProxy, NewProxy *Proxy // only where Name is ProxyChange; nil: none
}

// ErrProtocol is that an account's protocol cannot be protected.
var ErrProtocol = errors.New(policy.ReasonProtocolNotProven.Text())

var errLevel = errors.New("the level is not tor or secret")

// Rest is the proxy of a protected account at rest.
func Rest() *Proxy { return &Proxy{Type: "tor", RawType: "tor", Host: RestHost, Port: RestPort} }

// AtRest says whether a proxy is exactly that of a protected account at rest.
func AtRest(p *Proxy) bool { return sameProxy(p, Rest()) }

// StaleGate says whether a proxy is one that the plugin set for a sign-on
// during which the program was killed: a gate port and one-time credentials.
// Protect puts the one at rest back.
func StaleGate(p *Proxy) bool {
	return p != nil && p.Type == "tor" && p.Host == RestHost && oneTime(p.User) && oneTime(p.Password.Reveal())
}

// ours says whether purple-onion set this proxy.
func ours(p *Proxy) bool { return AtRest(p) || StaleGate(p) }

func oneTime(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 32
}

// Changes says what protecting an account at a level changes, in the order in
// which it is shown; what already has its value is left out. It is pure.
func Changes(a Account, level policy.Level) ([]Change, error) {
	switch {
	case !policy.ProtocolProven(a.Protocol):
		return nil, ErrProtocol
	case level != policy.LevelTor && level != policy.LevelSecret:
		return nil, errLevel
	}
	var list []Change
	if !AtRest(a.Proxy) {
		list = append(list, proxyChange(a.Proxy, Rest()))
	}
	for _, t := range targets(a, level) {
		old := settingValue(a.Settings, t.name)
		if old != t.value {
			list = append(list, Change{Name: t.name, Type: t.value.Type, Old: old, New: t.value})
		}
	}
	return list, nil
}

type target struct {
	name  string
	value Value
}

func str(text string) Value { return Value{true, "string", text} }
func num(n int) Value       { return Value{true, "int", strconv.Itoa(n)} }
func yes(b bool) Value {
	if b {
		return Value{true, "bool", "1"}
	}
	return Value{true, "bool", "0"}
}

func targets(a Account, level policy.Level) []target {
	list := []target{{LevelSetting, str(level.String())}}
	if level == policy.LevelSecret { // Pidgin gives every account the program's picture, ~/.face where there is none
		list = append(list, target{"use-global-buddyicon", yes(false)})
	}
	if a.Protocol == "prpl-irc" {
		list = append(list, target{"ssl", yes(true)})
		// With ssl set and this port, libpurple speaks TLS to it: a port that
		// served plain IRC cannot answer.
		if !a.Bool("ssl", false) {
			list = append(list, target{"port", num(TLSPort)})
		}
		return append(list, target{"username", str(NeutralName)}, target{"realname", str(NeutralName)})
	}
	list = append(list, target{"connection_security", str("require_tls")}, target{"auth_plain_in_clear", yes(false)})
	if a.String("bosh_url", "") != "" {
		list = append(list, target{"bosh_url", str("")}) // its connections are not the account's to libpurple's verifier
	}
	if a.String("connection_security", "") == "old_ssl" && a.Int("port", 0) == 5223 {
		list = append(list, target{"port", num(5222)}) // 5223 knows no STARTTLS
	}
	return list
}

func settingValue(settings map[string]Setting, name string) Value {
	s, ok := settings[name]
	if !ok || s.Migrated {
		return Value{}
	}
	if s.Type == "bool" {
		return yes(s.Bool())
	}
	return Value{true, s.Type, s.Value}
}

func proxyChange(from, to *Proxy) Change {
	return Change{Name: ProxyChange, Type: "proxy", Old: proxyValue(from), New: proxyValue(to), OldProxy: from, NewProxy: to}
}

func proxyValue(p *Proxy) Value {
	if p == nil {
		return Value{}
	}
	return Value{true, "proxy", p.String()}
}

// String describes a proxy without its password.
func (p *Proxy) String() string {
	text := p.Type
	if p.Host != "" || p.Port != 0 {
		text += " " + hostPort(p.Host, p.Port)
	}
	switch {
	case p.User != "" && !p.Password.Empty():
		text += " with a user name and password"
	case p.User != "":
		text += " with a user name"
	case !p.Password.Empty():
		text += " with a password"
	}
	return text
}

func hostPort(host string, port int) string {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// String is one line for a person: "ssl: absent -> 1".
func (c Change) String() string { return fmt.Sprintf("%s: %s -> %s", c.Name, c.Old, c.New) }

func (v Value) String() string {
	if !v.Present {
		return "absent"
	}
	if v.Text == "" {
		return "empty"
	}
	return v.Text
}

func sortChanges(list []Change) {
	sort.SliceStable(list, func(i, j int) bool {
		if (list[i].Name == ProxyChange) != (list[j].Name == ProxyChange) {
			return list[i].Name == ProxyChange
		}
		return list[i].Name < list[j].Name
	})
}
