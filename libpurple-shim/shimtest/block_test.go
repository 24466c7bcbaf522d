// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const fake = "build/test/fakehelper.so"

// away is an address that no test machine routes to (RFC 5737).
const away = "alice@192.0.2.7/"

// Whatever is wrong with the helper, a protected account dials nothing and
// the person is told.
func TestBlocksWithoutAGoodHelper(t *testing.T) {
	tests := []struct{ name, helper, mode, told string }{
		{"missing", "", "", `fatal purple-onion: .*cannot be loaded.*helper-missing`},
		{"other ABI", fake, "abi", `fatal purple-onion: .*does not fit`},
		{"smaller table", fake, "old", `fatal purple-onion: .*does not fit`},
		{"does not start", fake, "nostart", `fatal purple-onion: .*cannot start`},
		{"blocks for now", fake, "block", `passing purple-onion: Tor is starting \(tor-starting\)`},
		{"blocks for good", fake, "fatal", `fatal purple-onion: Tor is starting`},
		{"says two things", fake, "mismatch:9", `fatal purple-onion: `},
		{"gives no gate", fake, "noport", `fatal purple-onion: .*fact-missing`},
		{"cannot pin", fake, "nopins", `fatal purple-onion: `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := userDir(t, protected(away))
			h := start(t, dir, install(t, tt.helper), "FAKE_HELPER="+tt.mode)
			id := "prpl-jabber:" + away
			for _, command := range [][]string{{"enable", id, "1"}, {"connect", id}, {"register", id}} {
				h.do(command...)
				h.expect(`^error ` + id + ` ` + tt.told)
				h.expect(`^signed-off ` + id)
			}
			h.do("show", id)
			h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
			if dialled := h.quit(); len(dialled) != 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}

// The control arm: the same account without the plugin, or not protected,
// dials its server.
func TestControlDials(t *testing.T) {
	for _, plugin := range []string{"", "with"} {
		t.Run("plugin"+plugin, func(t *testing.T) {
			t.Parallel()
			port, first := listener(t)
			name := "alice@127.0.0.1/"
			a := direct(name)
			a.settings = "<setting name='port' type='int'>" + port + "</setting><setting name='connect_server' type='string'>127.0.0.1</setting>"
			path := ""
			if plugin != "" {
				path = install(t, "")
			}
			h := start(t, userDir(t, a), path)
			h.do("enable", "prpl-jabber:"+name, "1")
			if got := take(t, first); !strings.Contains(got, "<stream:stream") && !strings.HasPrefix(got, "<?xml") {
				t.Errorf("the server got %q", got)
			}
			if dialled := h.quit(); !slices.Contains(dialled, "127.0.0.1:"+port) {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}

// no_proxy bypasses even a proxy of type tor for an IP literal (proxy.c): with
// the plugin the account reaches the gate, without it its server.
func TestNoProxyIsCleared(t *testing.T) {
	port, first := listener(t)
	a := protected(away)
	h := start(t, userDir(t, a), install(t, fake), "FAKE_HELPER=allow:"+port, "no_proxy=*", "NO_PROXY=*")
	id := "prpl-jabber:" + away
	h.do("enable", id, "1")
	if got := take(t, first); !strings.HasPrefix(got, "\x05") {
		t.Errorf("the gate got %q", got)
	}
	if got := take(t, first); got != "\x01\x09gate-user\x0dgate-password" {
		t.Errorf("the gate got the credentials %q", got)
	}
	h.expect(`^error`)
	if dialled := h.quit(); !slices.Equal(dialled, []string{"127.0.0.1:" + port}) {
		t.Errorf("dialled %q", dialled)
	}

	control := start(t, userDir(t, a), "", "no_proxy=*")
	control.do("enable", id, "1")
	control.sync("control")
	if dialled := control.quit(); !slices.Contains(dialled, "192.0.2.7:5222") {
		t.Errorf("the control dialled %q: it shows nothing", dialled)
	}
}

// The gate's port is in the account for the sign-on alone.
func TestDeadProxyComesBack(t *testing.T) {
	port, first := listener(t)
	h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER=allow:"+port)
	id := "prpl-jabber:" + away
	for _, command := range [][]string{{"enable", id, "1"}, {"connect", id}} {
		h.do(command...)
		take(t, first)
		take(t, first)
		h.expect(`^signed-off ` + id)
		h.do("show", id)
		h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
	}
	h.quit()
}

// The global proxy is dead while every enabled account is protected.
func TestGlobalProxy(t *testing.T) {
	h := start(t, userDir(t, protected(away), direct("bob@127.0.0.1/")), install(t, fake), "FAKE_HELPER=block")
	h.do("global")
	h.expect(`^global [^5]`)
	h.do("enable", "prpl-jabber:"+away, "1")
	h.do("global")
	h.expect(`^global 5 127\.0\.0\.1 1$`)
	h.do("pref", "/purple/proxy/type", "none")
	h.do("global")
	h.expect(`^global 5 127\.0\.0\.1 1$`)
	h.do("set", "prpl-jabber:bob@127.0.0.1/", "port", "int", "1")
	h.do("enable", "prpl-jabber:bob@127.0.0.1/", "1")
	h.do("global")
	h.expect(`^global 0 `)
	h.quit()
}

// Loading and unloading leaves nothing behind, twenty times; between, a
// protected account that is on its way is taken offline first.
func TestUnload(t *testing.T) {
	port, first := listener(t)
	plugin := install(t, fake)
	h := start(t, userDir(t, protected(away)), plugin, "FAKE_HELPER=allow:"+port)
	id := "prpl-jabber:" + away
	for range 20 {
		h.do("enable", id, "0")
		h.do("enable", id, "1")
		take(t, first)
		h.do("unload", plugin)
		h.expect(`^signed-off ` + id)
		h.expect(`^unloaded .* 1$`)
		h.do("slots")
		h.expect(`^slots own$`)
		h.do("show", id)
		h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
		h.do("load", plugin)
		h.expect(`^loaded .* 1$`)
		h.do("slots")
		h.expect(`^slots wrapped$`)
	}
	h.quit()
}

// A change in the account editor during the sign-on ends the connection.
func TestEditedInSession(t *testing.T) {
	tests := []struct {
		name string
		edit []string
		told string
	}{
		{"proxy", []string{"proxy", "prpl-jabber:" + away, "0", "", "0"}, "proxy"},
		{"tls", []string{"set", "prpl-jabber:" + away, "connection_security", "string", "opportunistic_tls"}, "connection_security"},
		{"plain", []string{"set", "prpl-jabber:" + away, "auth_plain_in_clear", "bool", "1"}, "auth_plain_in_clear"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			port := silent(t)
			h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER=allow:"+port)
			h.do("enable", "prpl-jabber:"+away, "1")
			h.expect("^signing-on")
			h.do(tt.edit...)
			h.expect(`^error .* fatal purple-onion: .*changed during the session: ` + tt.told)
			h.expect(`^signed-off`)
			h.quit()
		})
	}
}

// Where another plugin put its own functions over ours, the unload is refused:
// taking ours away would break its. When it is gone, ours goes too.
func TestUnloadUnderAnother(t *testing.T) {
	for _, over := range []string{"ssl", "verifier", "protocol"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			plugin, other := install(t, fake), filepath.Join(root, "build/test/fakewrapper.so")
			h := start(t, userDir(t, protected(away)), plugin, "FAKE_HELPER=fatal", "FAKE_WRAPPER="+over)
			h.do("load", other)
			h.expect(`^loaded \S*fakewrapper.so 1$`)
			h.do("unload", plugin)
			h.expect(`^unloaded \S*purple-onion.so 0$`)
			h.do("enable", alice, "1")
			h.expect(`^error ` + alice + ` fatal purple-onion: .*tor-starting`) // all of it still works
			h.do("unload", other)
			h.expect(`^unloaded \S*fakewrapper.so 1$`)
			h.do("unload", plugin)
			h.expect(`^unloaded \S*purple-onion.so 1$`)
			if dialled := h.quit(); len(dialled) != 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}
