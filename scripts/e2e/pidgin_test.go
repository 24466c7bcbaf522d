// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The real Pidgin: the plugin that protect enabled loads, both accounts come
// online over Tor, Tor's end takes them offline with the reason, and Pidgin
// brings them back by itself.
func TestPidgin(t *testing.T) {
	t.Parallel()
	user(t, "pidgin-a@a.test")
	user(t, "pidgin-b@a.test")
	c := newClient(t, "pidgin")
	dir := c.realDir(inPidgin, jabber("pidgin-a@a.test/", direct), jabber("pidgin-b@a.test/", direct))
	c.protect(dir, "tor", "--all")
	p := c.pidgin(dir)
	online := map[string]bool{}
	for len(online) < 2 {
		line := p.expect(`core-purple-onion: \S+: online`, 60*time.Second)
		online[line[strings.LastIndex(line, "onion: "):]] = true
	}
	lab(t, "client", "tor", c.name, "kill")
	for range 2 {
		p.expect(`purple-onion: .*\((tor-dead|no-tor)\)`, 15*time.Second)
	}
	lab(t, "client", "tor", c.name, "start")
	p.expect(`core-purple-onion: \S+: online`, 100*time.Second)
	c.clean()
}

// editor opens the account editor of the only account, as a person does.
func (d *desk) editor() {
	d.t.Helper()
	d.keys("Buddy List", "ctrl+a")
	d.keys("Accounts", "Down", "alt+m")
	d.window("Modify Account")
}

// pick chooses in the first field of an editor's tab: its entries are moved
// through by keys.
func (d *desk) pick(tab int, keys ...string) {
	d.t.Helper()
	var all []string
	for range tab {
		all = append(all, "Right")
	}
	d.keys("Modify Account", append(all, "Tab", "space")...)
	time.Sleep(300 * time.Millisecond) // the list is no window that could be waited for
	d.x(append([]string{"xdotool", "key", "--delay", "150"}, append(keys, "Return")...)...)
}

// save clicks the button in the lower right corner: its key is taken by other
// fields, too.
func (d *desk) save() {
	d.t.Helper()
	d.press("Modify Account")
}

func (d *desk) press(window string) {
	d.t.Helper()
	d.window(window)
	shape := d.x("xdotool", "getactivewindow", "getwindowgeometry", "--shell")
	size := map[string]int{}
	for line := range strings.SplitSeq(shape, "\n") {
		name, value, _ := strings.Cut(line, "=")
		size[name], _ = strconv.Atoi(value)
	}
	d.x("xdotool", "mousemove", "--window", strconv.Itoa(size["WINDOW"]),
		strconv.Itoa(size["WIDTH"]-55), strconv.Itoa(size["HEIGHT"]-30), "click", "1")
	d.gone(window)
}

const (
	tabBasic    = iota // its first field is the protocol
	tabAdvanced        // ... what TLS is required
	tabProxy           // ... the libpurple proxy's type
)

// enable ticks an account, as a person does after an error that Pidgin takes
// for lasting: it has unticked it then.
func (d *desk) enable(id string) {
	d.t.Helper()
	d.purple("PurpleAccountSetEnabled", id, "string:gtk-gaim", "int32:1")
}

func (d *desk) disable(id string) {
	d.t.Helper()
	d.purple("PurpleAccountSetEnabled", id, "string:gtk-gaim", "int32:0")
}

// edit does something with keys and waits for the reason that Pidgin shows. A
// key that a busy machine lost is pressed again.
func (d *desk) edit(reason string, change func()) {
	d.t.Helper()
	for range 4 {
		change()
		if _, ok := d.saw(`Connection error on .*purple-onion: .*\(`+reason+`\)`, 15*time.Second); ok {
			return
		}
	}
	d.t.Fatalf("the account was edited, and Pidgin shows no %s", reason)
}

// told waits for the reason that Pidgin shows.
func (p *program) told(reason string) {
	p.t.Helper()
	p.expect(`Connection error on .*purple-onion: .*\(`+reason+`\)`, 30*time.Second)
}

// installed gives those of some protocols that this Pidgin has.
func (d *desk) installed(protocols ...string) (have []string) {
	d.t.Helper()
	for _, id := range protocols {
		if d.purple("PurpleFindPrpl", "string:"+id) != "0" {
			have = append(have, id)
		}
	}
	return have
}

// between says how many protocols stand between IRC and XMPP in the editor's
// list, which is in the order of their names: MSN, SILC, SIMPLE, Sametime.
func (d *desk) between() int {
	d.t.Helper()
	return len(d.installed("prpl-msn", "prpl-silc", "prpl-simple", "prpl-meanwhile"))
}

// An account edited in Pidgin's own editor while it is online ends its
// connection with the reason; a protocol picked and taken back, which clears
// its settings, blocks it; and nothing leaves but to Tor.
func TestPidginEditor(t *testing.T) {
	t.Parallel()
	user(t, "editor@a.test")
	c := newClient(t, "editor")
	a := jabber("editor@a.test/", direct)
	dir := c.realDir(inPidgin, a)
	c.protect(dir, "tor", "--all")
	d := c.pidgin(dir)
	const on = `core-purple-onion: editor@a\.test/: online`
	d.expect(on, 60*time.Second)

	id := d.account(a)
	d.edit("edited-in-session", func() {
		d.editor()
		d.pick(tabProxy, "Home", "Down") // No Proxy
		d.save()
	})
	d.enable(id)
	d.expect(on, 60*time.Second)

	d.edit("edited-in-session", func() {
		d.editor()
		d.pick(tabAdvanced, "Home", "Down") // TLS if available
		d.save()
	})
	d.enable(id)
	d.expect(on, 60*time.Second)

	n := d.between() + 1
	up, down := slices.Repeat([]string{"Up"}, n), slices.Repeat([]string{"Down"}, n)
	d.edit("levels-disagree", func() {
		d.disable(id) // the protocol is greyed out while online
		d.editor()
		d.pick(tabBasic, up...) // the settings are gone at once
		d.keys("Modify Account", append(append([]string{"space"}, down...), "Return")...)
		d.save()
		d.enable(id)
	})

	// To stay with another protocol makes it another account, and a new one.
	d.editor()
	d.pick(tabBasic, up...)
	d.save()
	d.enable(id)
	d.told("new-account")
	until(t, "accounts.xml has it as IRC", 30*time.Second, func() bool {
		data, err := os.ReadFile(filepath.Join(dir, "accounts.xml"))
		return err == nil && strings.Contains(string(data), "prpl-irc")
	})
	c.clean()
}

// The server restarts: Pidgin connects again by itself, by the gate, on a
// circuit of its own.
func TestPidginServerRestart(t *testing.T) {
	t.Parallel()
	user(t, "again@b.test")
	c := newClient(t, "again")
	dir := c.realDir(inPidgin, jabber("again@b.test/", direct))
	c.protect(dir, "tor", "--all")
	d := c.pidgin(dir)
	const way, on = `again@b\.test/: way domain, circuit (\S+), exit .*isolation proven`, `core-purple-onion: \S+: online`
	first := d.expect(way, 60*time.Second)
	d.expect(on, 30*time.Second)
	lab(t, "fault", "prosody-b", "restart")
	d.expect(`Connection error on `, 60*time.Second)
	second := d.expect(way, 100*time.Second)
	d.expect(on, 60*time.Second)
	circuit := func(line string) string { return strings.Fields(line[strings.Index(line, "circuit "):])[1] }
	if circuit(first) == circuit(second) {
		t.Errorf("the second sign-on rides the first one's circuit %s", circuit(first))
	}
	c.clean()
}

// A helper that panics inside Pidgin: the account is offline with the reason,
// Pidgin lives, and nothing leaves.
func TestPidginPanic(t *testing.T) {
	for _, export := range []string{"decide_connect", "decide_certificate", "signon_state"} {
		t.Run(export, func(t *testing.T) {
			t.Parallel()
			name := "panic-" + strings.ReplaceAll(export, "_", "-")[:10]
			user(t, name+"@a.test")
			c := newClient(t, name)
			a := jabber(name+"@a.test/", direct)
			dir := c.realDir(inPidgin, a)
			c.protect(dir, "tor", "--all")
			d := c.pidgin(dir, "PURPLE_ONION_TEST_PANIC="+export)
			d.expect(`Connection error on .*purple-onion: an internal error.*\(internal-error\)`, 60*time.Second)
			d.enable(d.account(a))
			d.told("internal-error")
			c.clean()
		})
	}
}
