// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server with a known onion address is reached by it, and its certificate is
// checked for the account's own domain.
func TestOnion(t *testing.T) {
	t.Parallel()
	user(t, "onion@a.test")
	c := newClient(t, "onion")
	onion := environment(t, "env")["LAB_ONION"]
	c.config("[tor]\nmode = \"system\"\n[onions]\n\"a.test\" = \"" + onion + "\"\n[accounts.\"prpl-jabber:onion@a.test/\"]\nonion_only = true\n")
	a := jabber("onion@a.test/", direct)
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	online(h, a.id())
	if h.Find(a.id()+`: way onion, .*isolation proven`) == "" {
		h.Expect(a.id() + `: way onion, .*isolation proven`)
	}
	h.Quit()
	c.clean()
}

// SRV records, asked by DNS over TLS through Tor, lead to another host and
// port; the target "." is a refusal.
func TestSRV(t *testing.T) {
	tests := []struct{ domain, told string }{
		{"srv.test", `: way srv, .*isolation proven`},
		{"nosrv.test", `purple-onion: .*\(no-such-service\)`},
	}
	for _, tt := range tests {
		t.Run(tt.domain, func(t *testing.T) {
			t.Parallel()
			if tt.domain == "srv.test" {
				user(t, "srv@srv.test")
			}
			c := newClient(t, strings.ReplaceAll(tt.domain, ".", "-"))
			env := environment(t, "env")
			c.config("srv_resolver = \"" + env["LAB_SRV_RESOLVER"] + "\"\n[tor]\nmode = \"system\"\n")
			c.env = append(c.env, "SSL_CERT_FILE="+env["LAB_CA"])
			a := jabber("srv@"+tt.domain+"/", direct)
			dir := c.userDir(a)
			c.protect(dir, "tor", a.id())
			h := c.host(dir, true)
			settle(h)
			h.Do("enable", a.id(), "1")
			h.Expect(tt.told)
			h.Quit()
			c.clean()
		})
	}
}

// A man in the middle at the exit: whatever certificate he shows, no <auth>
// arrives and nobody is asked. good.test is the control arm.
func TestCertificates(t *testing.T) {
	log := environment(t, "env")["LAB_MITM_LOG"]
	tests := []struct {
		domain string
		refuse bool
	}{
		{"good.test", false},
		{"wrong.test", true},
		{"selfsigned.test", true},
		{"expired.test", true},
		{"unknownca.test", true},
		{"strip.test", true},
	}
	for _, tt := range tests {
		t.Run(tt.domain, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, "mitm-"+strings.TrimSuffix(tt.domain, ".test"))
			a := jabber("victim@"+tt.domain+"/", direct)
			dir := c.userDir(a)
			c.protect(dir, "tor", a.id())
			if tt.domain == "selfsigned.test" {
				// accepted by hand once, as libpurple keeps it
				pem, err := os.ReadFile(filepath.Join(environment(t, "env")["LAB_CERTS"], tt.domain+".crt"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, "certificates/x509/tls_peers", tt.domain), string(pem))
			}
			h := c.host(dir, true)
			settle(h)
			h.Do("enable", a.id(), "1")
			h.Expect(`^error `)
			h.Expect(`^signed-off`)
			if got := auths(t, log, tt.domain); (got == 0) != tt.refuse {
				t.Errorf("%d <auth> arrived", got)
			}
			if tt.refuse && tt.domain != "strip.test" && h.Find(`purple-onion: .*\(certificate-invalid\)`) == "" {
				t.Error("the reason was not told")
			}
			if asked := h.Find(`^ask .*ertificate`); asked != "" {
				t.Errorf("the person was asked: %s", asked)
			}
			h.Quit()
			c.clean()
		})
	}
}

func auths(t *testing.T, log, domain string) int {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		var line struct{ To, Event string }
		if json.Unmarshal(s.Bytes(), &line) == nil && line.To == domain && strings.Contains(line.Event, "auth") {
			n++
		}
	}
	return n
}

// An account is registered from inside the client through the gate, and then
// signs on.
func TestRegister(t *testing.T) {
	t.Parallel()
	c := newClient(t, "register")
	a := jabber("newcomer@a.test/", direct)
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	h.Do("forms", "1")
	h.Do("answer", "username", "newcomer") // a data form is not filled in by libpurple
	h.Do("answer", "password", "pw-e2e")
	h.Do("register", a.id())
	h.Expect(`^registered .* 1$`)
	h.Expect(`^signed-off`)
	online(h, a.id())
	h.Quit()
	if sessions := lab(t, "sessions"); !strings.Contains(sessions, "newcomer@a.test") {
		t.Errorf("the server does not know the account:\n%s", sessions)
	}
	c.clean()
}

// Without the plugin a protected account reaches nothing, also when a SOCKS
// server without authentication listens where the gate was last.
func TestPluginGone(t *testing.T) {
	t.Parallel()
	user(t, "gone@a.test")
	c := newClient(t, "plugin-gone")
	a := jabber("gone@a.test/", direct)
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	online(h, a.id())
	port := h.Find(`Connecting to a\.test:5222 via 127\.0\.0\.1:(\d+) using SOCKS5`)
	port = port[strings.LastIndex(port, "127.0.0.1:")+10:]
	port, _, _ = strings.Cut(port, " ")
	h.Quit()
	c.microsocks(port)
	h = c.host(dir, false)
	h.Patience = 60 * time.Second
	h.Do("enable", a.id(), "1")
	h.Expect(`^error .* passing Unable to connect`)
	h.Quit()
	c.clean()
}

// The server restarts: the account goes offline, and comes back by the gate.
// Edited in a session, the account goes offline with the reason.
func TestEditedOverTor(t *testing.T) {
	t.Parallel()
	user(t, "edited@a.test")
	c := newClient(t, "edited")
	a := jabber("edited@a.test/", direct)
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	online(h, a.id())
	h.Do("proxy", a.id(), "0", "", "0")
	h.Expect(`^error .* purple-onion: .*proxy \(edited-in-session\)`)
	h.Expect(`^signed-off`)
	h.Do("connect", a.id())
	h.Expect(`^signed-on`)
	h.Do("clear", a.id()) // what picking another protocol in the editor does
	h.Expect(`^error .* purple-onion: .*\(edited-in-session\)`)
	h.Expect(`^signed-off`)
	h.Do("connect", a.id())
	h.Expect(`^error .* purple-onion: .*\(levels-disagree\)`)
	h.Quit()
	c.clean()
}
