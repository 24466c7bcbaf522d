// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// console opens the XMPP console from the Tools menu, where plugins come last,
// with a submenu each, in the order in which they were loaded.
func (d *desk) console() {
	d.t.Helper()
	up := []string{"alt+t", "Up"}
	for range 4 {
		d.keys("Buddy List", append(up, "Right", "Return")...)
		for range 40 {
			cmd := exec.Command("xdotool", "search", "--onlyvisible", "--name", "^XMPP Console$")
			cmd.Env = d.c.env
			if out, _ := cmd.Output(); len(out) > 0 {
				d.window("XMPP Console")
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		d.x("xdotool", "key", "Escape") // what another plugin has opened
		if up = append(up, "Up"); len(up) > 3 {
			up = up[:2]
		}
	}
	d.t.Fatal("the XMPP console does not open")
}

// A message written into the window of the XMPP console, in the real Pidgin:
// without us it arrives, readable. For an account of level secret nothing of
// it does, and a window says why.
func TestConsole(t *testing.T) {
	for _, level := range []string{"none", "secret"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			a := jabber("console"+level+run+"@a.test/", direct)
			user(t, bare(a.name))
			var options []string
			online := `core-purple-onion: \S+: online`
			if level == "none" {
				options, online = []string{"--no-tor"}, `Activating keepalive`
			}
			c := newClient(t, "console-"+level, options...)
			dir := c.realDir(inPidgin, a)
			write(t, filepath.Join(dir, "prefs.xml"), strings.Replace(withPidginOTR, "/usr/lib/pidgin/pidgin-otr.so", installed(t, "pidgin/xmppconsole.so"), 1))
			if level != "none" {
				c.protect(dir, level, "--all")
			}
			d := c.pidgin(dir)
			d.expect(online, 90*time.Second)
			d.console()
			const text = "<message to='friend@a.test'><body>readableconsole</body></message>"
			d.x("xdotool", "type", "--delay", "40", text)
			d.keys("XMPP Console", "Return")
			in := func() string { return received(t, bare(a.name)) }
			if level == "none" {
				arrives(t, in, text)
				return
			}
			d.expect(`core-purple-onion: \S+: way 5: blocked \(not-encrypted\)`, 30*time.Second)
			d.window("purple-onion")
			if got := in(); strings.Contains(got, "readable") || strings.Contains(got, "friend@a.test") {
				t.Errorf("the server got %s", got)
			}
			c.clean()
		})
	}
}
