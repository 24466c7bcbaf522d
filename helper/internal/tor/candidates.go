// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"net"
	"net/netip"
	"os"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// candidate is a place where Tor may be.
type candidate struct {
	socks    address
	controls []address // tried in order
	password redact.Secret
	cookie   string // cookie file where Tor's own word for it does not hold here; empty: Tor's
	remote   bool   // Whonix' gateway: no owner can be looked up
	chosen   bool   // named by the user: no other place is looked at
}

// distribution is what kind of system this is, as far as Tor is concerned.
type distribution struct {
	gateway netip.Addr // Whonix' gateway; invalid elsewhere
	tails   bool
}

// ownTor says that the system's Tor is the only way out, so that a private one
// could not work.
func (d distribution) ownTor() bool { return d.gateway.IsValid() || d.tails }

// whonixGateway is Whonix' default; Qubes-Whonix says another in TOR_SOCKS_HOST.
var whonixGateway = netip.MustParseAddr("10.152.152.10")

func detectDistribution(getenv func(string) string, exists func(string) bool) distribution {
	d := distribution{tails: exists("/etc/amnesia") || exists("/etc/tails")}
	if !exists("/usr/share/anon-ws-base-files/workstation") && !exists("/usr/share/whonix-workstation") {
		return d
	}
	d.gateway = whonixGateway
	if a, err := netip.ParseAddr(getenv("TOR_SOCKS_HOST")); err == nil && a.IsPrivate() {
		d.gateway = a
	}
	return d
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// candidates are the places to look at, in order. note says, for a person,
// which setting of the environment was left aside and why.
func (s Settings) candidates(d distribution) (list []candidate, note string, err error) {
	if s.Socks != "" {
		c, err := s.configured(d)
		return []candidate{c}, "", err
	}
	if c, found, err := s.fromEnvironment(d); found && err == nil {
		return []candidate{c}, "", nil
	} else if found {
		note = "TOR_SOCKS_HOST and TOR_SOCKS_PORT left aside: " + err.Error()
	}
	list = []candidate{
		{socks: address{"tcp", "127.0.0.1:9050"}, controls: []address{{"tcp", "127.0.0.1:9051"}, {"unix", "/run/tor/control"}}},
		{socks: address{"tcp", "127.0.0.1:9150"}, controls: []address{{"tcp", "127.0.0.1:9151"}}},
	}
	if d.gateway.IsValid() {
		gw := func(port uint16) address { return address{"tcp", netip.AddrPortFrom(d.gateway, port).String()} }
		list = append(list, candidate{socks: gw(9050), controls: []address{gw(9051)}, remote: true})
	}
	for i := range list {
		if list[i].password = s.ControlPassword; s.Control != "" {
			a, err := parseAddress(s.Control, d.gateway)
			if err != nil {
				return nil, note, err
			}
			list[i].controls = []address{a}
		}
	}
	return list, note, nil
}

func (s Settings) configured(d distribution) (candidate, error) {
	socks, err := parseAddress(s.Socks, d.gateway)
	if err != nil {
		return candidate{}, err
	}
	c := candidate{socks: socks, controls: usualControls(socks), password: s.ControlPassword, chosen: true}
	if s.Control != "" {
		a, err := parseAddress(s.Control, d.gateway)
		if err != nil {
			return candidate{}, err
		}
		c.controls = []address{a}
	}
	c.remote = isRemote(socks)
	return c, nil
}

func isRemote(a address) bool {
	p, ok := a.ipPort()
	return ok && !p.Addr().IsLoopback()
}

// usualControls guesses the control port that belongs to a SOCKS port: the next one.
func usualControls(socks address) []address {
	p, ok := socks.ipPort()
	if !ok {
		return []address{{"unix", "/run/tor/control"}}
	}
	list := []address{{"tcp", netip.AddrPortFrom(p.Addr(), p.Port()+1).String()}}
	if p.Port() == 9050 && p.Addr().IsLoopback() {
		list = append(list, address{"unix", "/run/tor/control"})
	}
	return list
}

// fromEnvironment reads the variables that Tor Browser and Whonix set.
func (s Settings) fromEnvironment(d distribution) (c candidate, found bool, err error) {
	get := s.getenv()
	port := get("TOR_SOCKS_PORT")
	if port == "" {
		return candidate{}, false, nil
	}
	host := get("TOR_SOCKS_HOST")
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	socks, err := parseAddress(net.JoinHostPort(host, port), d.gateway)
	if err != nil {
		return candidate{}, true, err
	}
	c = candidate{socks: socks, controls: usualControls(socks), password: s.ControlPassword, remote: isRemote(socks), chosen: true}
	return s.controlFromEnvironment(c, d), true, nil
}

func (s Settings) controlFromEnvironment(c candidate, d distribution) candidate {
	get := s.getenv()
	c.cookie = get("TOR_CONTROL_COOKIE_AUTH_FILE")
	if c.password.Empty() {
		c.password = redact.New(strings.Trim(get("TOR_CONTROL_PASSWD"), `"`))
	}
	named := s.Control
	if port := get("TOR_CONTROL_PORT"); named == "" && port != "" {
		host := get("TOR_CONTROL_HOST")
		if host == "" || host == "localhost" {
			host = "127.0.0.1"
		}
		named = net.JoinHostPort(host, port)
	}
	if path := get("TOR_CONTROL_IPC_PATH"); named == "" && path != "" {
		named = "unix:" + path
	}
	if a, err := parseAddress(named, d.gateway); err == nil {
		c.controls = []address{a}
	}
	return c
}

func (s Settings) getenv() func(string) string {
	if s.Getenv != nil {
		return s.Getenv
	}
	return os.Getenv
}
