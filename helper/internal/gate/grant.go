// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"errors"
	"net/netip"
	"strings"
	"time"
)

// check says what an incomplete grant lacks.
func (g *Grant) check() error {
	secrets := []struct {
		empty bool
		name  string
	}{{g.User.Empty(), "user name"}, {g.Password.Empty(), "password"}, {g.TorUser.Empty(), "isolation user name"}, {g.TorPassword.Empty(), "isolation password"}}
	for _, s := range secrets {
		if s.empty {
			return errors.New("no " + s.name)
		}
	}
	switch {
	case g.Account.Protocol == "" || g.Account.Name == "" || g.SignOn == 0:
		return errors.New("no account or sign-on")
	case !hostLike(g.Domain) || g.Port == 0:
		return errors.New("no server")
	case g.ConnectServer != "" && !hostLike(g.ConnectServer):
		return errors.New("its connect server is not a host name")
	case g.Onion != "" && !ValidOnion(g.Onion):
		return errors.New("its onion address is not a v3 address")
	case g.OnionOnly && g.Onion == "" && !isOnion(g.Domain) && !isOnion(g.ConnectServer):
		return errors.New("it is to be reached by an onion address alone, and none is known")
	}
	return nil
}

// hostLike lets through a name or an IP literal that fits a SOCKS request.
func hostLike(host string) bool {
	return host != "" && len(host) <= 255 && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// allows says whether a target is the account's own server: its domain, or its
// connect server, at the account's port.
func (g *Grant) allows(t Target) bool {
	return t.Port == g.Port && (sameHost(t.Host, g.Domain) || g.ConnectServer != "" && sameHost(t.Host, g.ConnectServer))
}

// sameHost compares names without case and the root's dot, and IP literals by value.
func sameHost(a, b string) bool {
	ipA, errA := netip.ParseAddr(strings.Trim(a, "[]"))
	ipB, errB := netip.ParseAddr(strings.Trim(b, "[]"))
	if errA == nil && errB == nil {
		return ipA == ipB
	}
	a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")
	return a != "" && strings.EqualFold(a, b)
}

func isOnion(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".onion")
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.Handshake, 10 * time.Second}, {&l.Onion, 30 * time.Second}, {&l.Resolve, 5 * time.Second}, {&l.Dial, 90 * time.Second}, {&l.Linger, 2 * time.Second}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if l.Connections <= 0 {
		l.Connections = 1000
	}
	if l.Handshakes <= 0 {
		l.Handshakes = 128
	}
	return l
}
