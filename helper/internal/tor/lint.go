// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"net/netip"
	"strings"
)

// lint is what the running Tor is set to do with streams. Its zero value is
// also where nobody tells.
type lint struct {
	isolationOff   string // the option that has streams share circuits; empty: none
	trackHostExits bool   // an exit is kept for a host: it links accounts on one server
}

// isolationOptions turn off what keeps accounts apart, for a listener.
// PreferSOCKSNoAuth does not touch a program that offers credentials alone, as
// ours does; that it stands there says that accounts share circuits by will.
var isolationOptions = []string{"NoIsolateSOCKSAuth", "PreferSOCKSNoAuth"}

// askLint asks for the configuration (control-spec 3.3, GETCONF). A refusal
// tells nothing; any other error means that the connection is of no more use.
func (p *controlPort) askLint(socks address) (lint, error) {
	var l lint
	for _, key := range []string{"SocksPort", "__SocksPort", "TrackHostExits"} {
		r, err := p.requests.ask("GETCONF " + key)
		if refusedCommand(err) {
			continue // an option that this Tor does not have, or a filter
		}
		if err != nil {
			return lint{}, err
		}
		for _, line := range r.DataWithReply() {
			name, value, _ := strings.Cut(line, "=")
			switch {
			case !strings.EqualFold(name, key):
			case key == "TrackHostExits":
				l.trackHostExits = l.trackHostExits || value != ""
			case l.isolationOff == "":
				l.isolationOff = isolationOff(value, socks)
			}
		}
	}
	return l, nil
}

// isolationOff reads one value of SocksPort, "ADDRESS FLAG...", as far as it
// is, or may be, of this listener.
func isolationOff(value string, socks address) string {
	list := words(value)
	if len(list) == 0 || !mayListen(unquote(list[0]), socks) {
		return ""
	}
	for _, flag := range list[1:] {
		for _, option := range isolationOptions {
			if strings.EqualFold(flag, option) {
				return option
			}
		}
	}
	return ""
}

// mayListen is false only where the address is certainly another's.
func mayListen(text string, socks address) bool {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return socks.network == "unix" && strings.Trim(path, `"`) == socks.path
	}
	ours, isTCP := socks.ipPort()
	if !isTCP {
		return false
	}
	if !strings.Contains(text, ":") {
		text = "127.0.0.1:" + text
	}
	p, err := netip.ParseAddrPort(text)
	return err != nil || p.Port() == ours.Port() && (p.Addr() == ours.Addr() || p.Addr().IsUnspecified())
}
