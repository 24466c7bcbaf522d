// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"net/netip"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/profile"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// ProxyType is what libpurple would dial.
type ProxyType string

// TypeInvalid is where libpurple refuses to connect: no host, no port, or a
// global type that it does not know.
const (
	TypeNone    ProxyType = "none"
	TypeHTTP    ProxyType = "http"
	TypeSOCKS4  ProxyType = "socks4"
	TypeSOCKS5  ProxyType = "socks5"
	TypeTor     ProxyType = "tor"
	TypeInvalid ProxyType = "invalid"
)

// Source is the setting that decides.
type Source string

// SourceNone is where nobody set anything and libpurple's default holds.
const (
	SourceAccount     Source = "account"
	SourceGlobal      Source = "global"
	SourceEnvironment Source = "environment"
	SourceDesktop     Source = "desktop"
	SourceNone        Source = "none"
)

// Proxy is the effective libpurple proxy of an account.
type Proxy struct {
	Type   ProxyType
	Source Source
	Host   string
	Port   int

	user       string
	password   redact.Secret
	typeUnread bool // a global type that libpurple does not know
}

// setup is what purple_proxy_get_setup depends on beside the account.
type setup struct {
	global   globalProxy
	lookup   func(string) (string, bool) // environment
	programs func(string) bool           // is there such a program in PATH?
}

type globalProxy struct {
	typ      string // as the preference has it
	set      bool   // does prefs.xml have it?
	host     string
	port     int
	user     string
	password redact.Secret
}

// readGlobal gives the global proxy with libpurple's defaults (proxy.c,
// purple_proxy_init). A type that is no string is one it does not know.
func readGlobal(p profile.Prefs) globalProxy {
	_, set := p.Lookup("/purple/proxy/type")
	return globalProxy{
		typ: p.String("/purple/proxy/type", "none"), set: set,
		host: p.String("/purple/proxy/host", ""), port: p.Int("/purple/proxy/port", 0),
		user: p.String("/purple/proxy/username", ""), password: p.Secret("/purple/proxy/password"),
	}
}

// proxyOf answers as purple_proxy_get_setup (proxy.c) does for an account with
// this proxy, nil where it has none, and as purple_proxy_connect then takes
// it. It is a pure function; a test holds it against the real library.
func (s setup) proxyOf(account *profile.Proxy) Proxy {
	p := Proxy{Source: SourceAccount}
	var typ string
	if account != nil && account.Type != "global" {
		typ = account.Type
		p.Host, p.Port, p.user, p.password = account.Host, account.Port, account.User, account.Password
	} else {
		if s.desktop() {
			return Proxy{Type: TypeNone, Source: SourceDesktop}
		}
		p.Source = SourceGlobal
		if !s.global.set {
			p.Source = SourceNone
		}
		typ = s.global.typ
		p.Host, p.Port, p.user, p.password = s.global.host, s.global.port, s.global.user, s.global.password
	}
	switch typ {
	case "none", "http", "socks4", "socks5", "tor":
		p.Type = ProxyType(typ)
	case "envvar":
		p = s.environment(p)
	default:
		p.Type, p.typeUnread = TypeInvalid, true
	}
	// dnsquery.c takes space off a host's ends before it gives up on nothing
	if p.Type != TypeNone && (strings.Trim(p.Host, " \t\n\v\f\r") == "" || p.Port <= 0) {
		p.Type = TypeInvalid
	}
	return p
}

// environment fills in HTTP_PROXY and its like. A URL without a host leaves
// the host and port that stand beside the type.
func (s setup) environment(p Proxy) Proxy {
	text, ok := s.first("HTTP_PROXY", "http_proxy", "HTTPPROXY")
	if !ok {
		return Proxy{Type: TypeNone, Source: SourceEnvironment}
	}
	p.Type, p.Source = TypeHTTP, SourceEnvironment
	u, ok := parseURL(text)
	if !ok {
		return p
	}
	p.Host, p.Port, p.user, p.password = u.host, u.port, u.user, redact.New(u.password)
	if port, ok := s.first("HTTP_PROXY_PORT", "http_proxy_port", "HTTPPROXYPORT"); ok && p.Port == 80 {
		p.Port = atoi(port)
	}
	if user, ok := s.first("HTTP_PROXY_USER", "http_proxy_user", "HTTPPROXYUSER"); ok {
		p.user = user
	}
	if password, ok := s.first("HTTP_PROXY_PASS", "http_proxy_pass", "HTTPPROXYPASS"); ok {
		p.password = redact.New(password)
	}
	return p
}

func (s setup) first(names ...string) (string, bool) {
	for _, name := range names {
		if v, ok := s.lookup(name); ok {
			return v, true
		}
	}
	return "", false
}

// desktop says whether libpurple would run gsettings or gconftool-2 and do as
// they say (util.c, purple_running_gnome; proxy.c, purple_gnome_proxy_get_info).
func (s setup) desktop() bool {
	id, _ := s.lookup("GNOME_DESKTOP_SESSION_ID")
	return id != "" && s.programs("gnome-open") && (s.programs("gsettings") || s.programs("gconftool-2"))
}

// dialled says whether something is connected to by this proxy.
func (p Proxy) dialled() bool { return p.Type != TypeNone && p.Type != TypeInvalid }

// byName says whether the proxy's host is no IP literal, and so is looked up.
func (p Proxy) byName() bool {
	_, err := netip.ParseAddr(p.Host)
	return p.dialled() && err != nil
}

// torPort says whether the proxy is at a port where Tor listens on this
// machine. "localhost" counts; that it is a name is a finding of its own.
func (p Proxy) torPort(ports []int) bool {
	if !p.dialled() || p.Type == TypeHTTP || !loopback(p.Host) {
		return false
	}
	for _, port := range ports {
		if p.Port == port {
			return true
		}
	}
	return false
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || asciiLower(host) == "localhost"
}
