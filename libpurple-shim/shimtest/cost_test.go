// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The time of a typed message from libpurple's conversation to the socket, with
// and without the guards. `make bench` prints it; nothing is asserted on time.
// Plugin and host are built as they ship, without the sanitisers.
func TestTypedCost(t *testing.T) {
	x := &xmppServer{}
	port := serve(t, x.handle)
	bare := typedCost(t, xmppAccount("none", port), port, false)
	open := typedCost(t, xmppAccount("none", port), port, true)
	guarded := &xmppServer{tls: certificate(t)}
	port = gate(t, guarded.handle)
	tor := typedCost(t, xmppAccount("tor", port), port, true)
	t.Logf("a typed message: %.0f us without the plugin; %.0f us unprotected beside it, %.2f of that; "+
		"%.0f us protected, with TLS and a helper that allows, %.0f us more", bare, open, open/bare, tor, tor-bare)
}

// typedCost gives microseconds.
func typedCost(t *testing.T, a account, port string, plugin bool) float64 {
	t.Helper()
	s := session{id: a.protocol + ":" + a.name}
	if plugin {
		s.plugin = install(t, fake)
		copyFile(t, filepath.Join(root, "build/lib/plugins/purple-onion.so"), s.plugin)
	}
	s.host = runHost(t, "build/test/host", userDir(t, a), s.plugin, allowing(port)...)
	s.signOn()
	s.do("time", s.id, bob, "some words of a usual length, as people write them", "2000")
	us, err := strconv.ParseFloat(strings.TrimPrefix(s.expect(`^time `), "time "), 64)
	if err != nil {
		t.Fatal(err)
	}
	s.quit()
	return us
}
