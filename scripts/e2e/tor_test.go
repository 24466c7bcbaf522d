// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

var streamLine = regexp.MustCompile(`way (\S+), circuit (\S+), exit ([0-9A-F]{40})~(\S+), isolation (\S+)`)

// stream waits for the helper's line about an account's circuit and exit.
func stream(t *testing.T, h *drive.Host, id string) (circuit, exit string) {
	t.Helper()
	pattern := regexp.QuoteMeta(id) + `: ` + streamLine.String()
	line := h.Find(pattern)
	if line == "" {
		line = h.Expect(pattern)
	}
	m := streamLine.FindStringSubmatch(line)
	if m[5] != "proven" {
		t.Errorf("isolation of %s is %s", id, m[5])
	}
	return m[2], m[3]
}

var (
	streamStatus  = regexp.MustCompile(`(?m)^(?:250[-+]stream-status=)?\d+ SUCCEEDED (\d+) \S+:5222`)
	circuitStatus = regexp.MustCompile(`(?m)^(?:250[-+]circuit-status=)?(\d+) BUILT .*CONFLUX_ID=(\S+)`)
)

// circuits asks Tor's control port which circuits carry streams to port 5222.
// The legs of one circuit with a CONFLUX id count as one.
func (c *client) circuits() []string {
	c.t.Helper()
	env := environment(c.t, "client", "env", c.name)
	host, port, _ := strings.Cut(env["CLIENT_CONTROL"], ":")
	out, err := c.command("bash", "-c", `exec 3<>/dev/tcp/`+host+`/`+port+
		`; printf 'AUTHENTICATE %s\r\nGETINFO stream-status circuit-status\r\nQUIT\r\n' "$(od -An -v -tx1 `+env["CLIENT_COOKIE"]+` | tr -d ' \n')" >&3; cat <&3`).Output()
	if err != nil {
		c.t.Fatalf("control port: %v", err)
	}
	conflux := map[string]string{}
	for _, m := range circuitStatus.FindAllStringSubmatch(string(out), -1) {
		conflux[m[1]] = m[2]
	}
	var ids []string
	for _, m := range streamStatus.FindAllStringSubmatch(string(out), -1) {
		id := m[1]
		if conflux[id] != "" {
			id = strings.TrimSpace(conflux[id])
		}
		ids = append(ids, id)
	}
	return ids
}

// Two accounts on one server ride two circuits, by exits, and nothing else
// leaves the machine.
func TestTwoAccountsTwoCircuits(t *testing.T) {
	t.Parallel()
	user(t, "two-a@a.test")
	user(t, "two-b@a.test")
	c := newClient(t, "two")
	a, b := jabber("two-a@a.test/", direct), jabber("two-b@a.test/", socks5)
	dir := c.userDir(a, b)
	c.protect(dir, "tor", "--all")
	h := c.host(dir, true)
	h.Patience = 60 * time.Second
	online(h, a.id())
	online(h, b.id())
	circuitA, _ := stream(t, h, a.id())
	circuitB, _ := stream(t, h, b.id())
	if circuitA == circuitB {
		t.Errorf("both accounts ride circuit %s", circuitA)
	}
	ids := c.circuits()
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("Tor has the streams on circuits %q", ids)
	}
	sessions, exits := lab(t, "sessions"), strings.FieldsFunc(environment(t, "env")["LAB_EXITS"], func(r rune) bool { return r == ' ' || r == ',' })
	for _, name := range []string{"two-a@a.test", "two-b@a.test"} {
		if !slices.ContainsFunc(exits, func(ip string) bool { return seen(sessions, name, ip) }) {
			t.Errorf("the server did not see %s come from an exit %q:\n%s", name, exits, sessions)
		}
	}
	for _, id := range []string{a.id(), b.id()} {
		h.Do("show", id)
		h.Expect(`proxy 5 127\.0\.0\.1 1 user no`)
	}
	h.Quit()
	c.clean()
}

func seen(sessions, jid, ip string) bool {
	for line := range strings.SplitSeq(sessions, "\n") {
		if strings.Contains(line, jid) && strings.Contains(line, ip) {
			return true
		}
	}
	return false
}

// The control: with one shared credential and without the plugin, both ride
// one circuit.
func TestControlSharedCredentialsShareACircuit(t *testing.T) {
	t.Parallel()
	user(t, "one-a@a.test")
	user(t, "one-b@a.test")
	c := newClient(t, "one")
	a, b := jabber("one-a@a.test/", shared), jabber("one-b@a.test/", shared)
	h := c.host(c.userDir(a, b), false)
	h.Patience = 60 * time.Second
	online(h, a.id())
	online(h, b.id())
	if ids := c.circuits(); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("the control shows nothing: circuits %q", ids)
	}
	h.Quit()
}

// The control arms of every capture in this package: accounts that are not
// protected leak in the same harness, the plugin loaded.
func TestControlsLeak(t *testing.T) {
	for name, proxy := range map[string]string{"direct": direct, "socks5": socks5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user(t, "leak-"+name+"@a.test")
			c := newClient(t, "leak-"+name)
			a := jabber("leak-"+name+"@a.test/", proxy)
			h := c.host(c.userDir(a), true)
			h.Patience = 60 * time.Second
			online(h, a.id())
			h.Quit()
			c.leaks()
		})
	}
}

// Without Tor, and with what only looks like Tor, a protected account is
// refused with the reason, and nothing leaves.
func TestRefused(t *testing.T) {
	tests := []struct {
		name, reason string
		options      []string
		prepare      func(c *client)
	}{
		{"no-tor", "no-tor", []string{"--no-tor"}, nil},
		{"plain-socks", "not-tor", []string{"--no-tor"}, func(c *client) { c.microsocks("9050") }},
		{"no-isolation", "tor-isolation-off", []string{"--tor-line", "SocksPort 127.0.0.1:9050 NoIsolateSOCKSAuth"}, nil},
		{"prefer-no-auth", "tor-isolation-off", []string{"--tor-line", "SocksPort 127.0.0.1:9050 PreferSOCKSNoAuth"}, nil},
		{"tor-closed", "isolation-not-proven", []string{"--tor-line", "ControlPort 0"}, func(c *client) {
			c.config("require_proven_isolation = true\n[tor]\nmode = \"system\"\n")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, "ref-"+tt.name, tt.options...)
			if tt.prepare != nil {
				tt.prepare(c)
			}
			a := jabber("alice@a.test/", direct)
			dir := c.userDir(a)
			c.protect(dir, "tor", a.id())
			h := c.host(dir, true)
			settle(h)
			refused(h, a.id(), tt.reason)
			h.Quit()
			c.clean()
		})
	}
}

// microsocks is a plain SOCKS server without authentication in the client.
func (c *client) microsocks(port string) {
	c.t.Helper()
	cmd := c.command("microsocks", "-i", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 200 {
		if c.command("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port).Run() == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Fatal("microsocks does not listen")
}

// Tor killed, or stopped, in a session: the account is offline with the
// reason in time, and comes back when Tor does.
func TestTorGone(t *testing.T) {
	tests := []struct {
		action, back string
		within       time.Duration
	}{{"kill", "start", 15 * time.Second}, {"stop", "cont", 60 * time.Second}}
	for _, tt := range tests {
		t.Run(tt.action, func(t *testing.T) {
			t.Parallel()
			user(t, "gone-"+tt.action+"@a.test")
			c := newClient(t, "gone-"+tt.action)
			a := jabber("gone-"+tt.action+"@a.test/", direct)
			dir := c.userDir(a)
			c.protect(dir, "tor", a.id())
			h := c.host(dir, true)
			settle(h)
			online(h, a.id())
			lab(t, "client", "tor", c.name, tt.action)
			h.Patience = tt.within
			h.Expect(`^error .* passing purple-onion: .*\((tor-dead|no-tor)\)`)
			h.Expect(`^signed-off`)
			h.Do("connect", a.id())
			h.Expect(`^error .* passing purple-onion: .*\((tor-dead|no-tor|tor-starting)\)`)
			h.Patience = 60 * time.Second
			lab(t, "client", "tor", c.name, tt.back)
			h.Expect(`core-purple-onion: Tor is ready`)
			h.Do("connect", a.id())
			h.Expect(`^signed-on`)
			h.Quit()
			c.clean()
		})
	}
}

// Tor replaced by a plain SOCKS server on its port in a session.
func TestTorReplaced(t *testing.T) {
	t.Parallel()
	user(t, "replaced@a.test")
	c := newClient(t, "replaced")
	a := jabber("replaced@a.test/", direct)
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	online(h, a.id())
	lab(t, "client", "tor", c.name, "kill")
	c.microsocks("9050")
	h.Expect(`^error .* purple-onion: `)
	h.Expect(`^signed-off`)
	if h.Find(`core-purple-onion: Tor is not-tor`) == "" {
		h.Expect(`core-purple-onion: Tor is not-tor`)
	}
	h.Do("connect", a.id())
	h.Expect(`^error .*purple-onion: .*\(not-tor\)`)
	h.Quit()
	c.clean()
}
