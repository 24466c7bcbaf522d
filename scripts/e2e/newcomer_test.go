// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// add adds an XMPP account in Pidgin's own dialog, as a person does, with its
// own settings, which lead straight to the server. Pidgin connects it at once.
func (d *desk) add(name, domain string) {
	d.t.Helper()
	d.keys("Buddy List", "ctrl+a")
	d.keys("Accounts", "alt+a")
	d.window("Add Account")
	// The protocols are in the order of their names: XMPP, and then Zephyr.
	up := slices.Repeat([]string{"Up"}, len(d.installed("prpl-zephyr")))
	d.keys("Add Account", "space")
	time.Sleep(300 * time.Millisecond) // the list is no window that could be waited for
	d.x(append([]string{"xdotool", "key", "--delay", "150", "End"}, append(up, "Return")...)...)
	d.keys("Add Account", "Tab")
	d.write(name)
	d.keys("Add Account", "Tab", "ctrl+a")
	d.write(domain)
	d.keys("Add Account", "Tab", "Tab") // past the resource
	d.write("pw-e2e")
	d.press("Add Account")
}

func (d *desk) write(text string) {
	d.t.Helper()
	d.x("xdotool", "type", "--delay", "60", text)
}

// newcomer is Pidgin with the plugin, an account that was there and is
// protected, and a new one that was just added.
func newcomer(t *testing.T, name, more string) (c *client, d *desk) {
	t.Helper()
	user(t, name+"-old@a.test")
	user(t, name+"@a.test")
	c = newClient(t, name)
	c.config(more + "[tor]\nmode = \"system\"\n")
	dir := c.realDir(inPidgin, jabber(name+"-old@a.test/", direct))
	c.protect(dir, "tor", "--all")
	d = c.pidgin(dir)
	d.expect(`core-purple-onion: `+name+`-old@a\.test/: online`, 60*time.Second)
	d.add(name, "a.test")
	return c, d
}

// A new account in the real Pidgin: it has its level before its first packet,
// and signs on over Tor; nothing leaves but to Tor.
func TestNewAccount(t *testing.T) {
	t.Parallel()
	c, d := newcomer(t, "newtor", "new_accounts = \"tor\"\n")
	d.expect(`core-purple-onion: newtor@a\.test/: online`, 60*time.Second)
	if sessions := lab(t, "sessions"); !strings.Contains(sessions, "newtor@a.test") {
		t.Errorf("the server does not know the account:\n%s", sessions)
	}
	c.clean()
}

// Where nobody chose, Pidgin asks, and nothing leaves before the answer;
// "Protect it" is the default.
func TestNewAccountAsked(t *testing.T) {
	t.Parallel()
	c, d := newcomer(t, "newask", "")
	d.told("new-account")
	d.keys("purple-onion", "Return")
	d.expect(`core-purple-onion: newask@a\.test/: online`, 60*time.Second)
	c.clean()
}

// The control arm: without either Pidgin connects it as it always did.
func TestNewAccountControl(t *testing.T) {
	t.Parallel()
	c, d := newcomer(t, "newnone", "new_accounts = \"none\"\n")
	d.expect(`(Performing DNS lookup for|querying SRV record for) a\.test`, 60*time.Second)
	until(t, "something leaves", 60*time.Second, func() bool { return strings.Contains(lab(t, "sessions"), "newnone@a.test") })
	c.leaks()
}
