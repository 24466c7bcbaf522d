// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// address is a listener on this machine, or on Whonix' gateway.
type address struct{ network, path string }

// String is the form of Settings.Socks.
func (a address) String() string {
	if a.network == "unix" {
		return "unix:" + a.path
	}
	return a.path
}

// ipPort is the address and port of a TCP listener.
func (a address) ipPort() (netip.AddrPort, bool) {
	p, err := netip.ParseAddrPort(a.path)
	return p, a.network == "tcp" && err == nil
}

// parseAddress reads "127.0.0.1:9050" or "unix:/path". A host name is refused:
// "localhost" would be a look-up. gateway, where valid, is the one address
// that need not be loopback.
func parseAddress(text string, gateway netip.Addr) (address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path = strings.Trim(path, `"`); !filepath.IsAbs(path) || strings.ContainsAny(path, "\x00\r\n\"") {
			return address{}, fmt.Errorf("cannot use %q: not an absolute path", text)
		}
		return address{"unix", path}, nil
	}
	p, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return address{}, fmt.Errorf("cannot use %q: not an IP address and port, nor unix:/path", text)
	case p.Port() == 0:
		return address{}, fmt.Errorf("cannot use %q: port 0", text)
	case !p.Addr().IsLoopback() && p.Addr() != gateway:
		return address{}, fmt.Errorf("cannot use %q: not on this computer", text)
	}
	return address{"tcp", p.String()}, nil
}
