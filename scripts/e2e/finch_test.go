// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Finch loads the plugin too, and the account comes online.
func TestFinch(t *testing.T) {
	t.Parallel()
	user(t, "finch@a.test")
	c := newClient(t, "finch")
	dir := c.realDir(inFinch, jabber("finch@a.test/", direct))
	c.protect(dir, "tor", "--all")
	log := filepath.Join(c.home, "finch.log")
	c.terminal(fmt.Sprintf("finch -d -c '%s' 2>'%s'", dir, log))
	p := c.program("tail", "-n", "+1", "-F", log)
	p.expect(`core-purple-onion: \S*finch@a.test/: online`, 60*time.Second)
	c.clean()
}

// finch starts Finch with the plugin and closes its list of accounts.
func (c *client) finch(dir string, columns, rows int) *terminal {
	c.t.Helper()
	plugin := filepath.Join(dir, "plugins/purple-onion.so")
	write(c.t, filepath.Join(dir, "prefs.xml"), "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'>"+
		"<pref name='finch'><pref name='plugins'><pref name='loaded' type='pathlist'><item value='"+plugin+"'/></pref></pref></pref></pref>\n")
	s := c.terminalOf(columns, rows, fmt.Sprintf("finch -c '%s' 2>'%s'", dir, filepath.Join(c.home, "finch.log")))
	s.shows(`You can enable/disable accounts`)
	s.press("M-c")
	s.shows(`(?m)^┌─*┤Buddy List├`)
	return s
}

// menu opens the plugin's menu.
func (s *terminal) menu() {
	s.c.t.Helper()
	s.press("F10")
	s.shows(`Options +Accounts +Plugins`)
	until(s.c.t, "the plugins' menu", 30*time.Second, func() bool { // it begins where it was left
		switch screen := s.screen(); {
		case strings.Contains(screen, "Protect accounts..."):
			return true
		case strings.Contains(screen, "purple-onion"):
			s.press("Enter")
		default:
			s.press("Right")
		}
		time.Sleep(500 * time.Millisecond)
		return false
	})
}

// The form Protect accounts... in Finch, which numbers a choice's labels from
// 1: the level that was chosen is the one that is written.
func TestFinchForm(t *testing.T) {
	t.Parallel()
	c := newClient(t, "finch-form", "--no-tor")
	dir := c.realDir("", jabber("form-a@a.test/", direct), jabber("form-b@a.test/", direct))
	s := c.finch(dir, 110, 40)
	s.menu()
	s.press("Enter")
	s.shows(`Which protection should each account have\?`)
	s.press("Down")
	s.shows(`│secret`)
	s.press("Down", "Enter")
	s.shows(`form-a@a.test/ +│tor`)
	s.press("Tab", "Tab", "Enter")
	s.shows(`This will change`)
	s.shows(`(?s)form-a@a.test/: tor.*purple-onion/protection: absent -> tor`)
	if strings.Contains(s.screen(), "form-b@") {
		t.Error("it would change the other account too")
	}
	s.press("Enter")
	file := filepath.Join(dir, "accounts.xml")
	until(t, "accounts.xml says tor", 30*time.Second, func() bool {
		data, _ := os.ReadFile(file)
		return strings.Contains(string(data), "<setting name='purple-onion/protection' type='string'>tor</setting>")
	})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, b, _ := strings.Cut(string(data), "form-b@a.test/")
	if !strings.Contains(a, "<type>tor</type>") || strings.Contains(b, "purple-onion") {
		t.Errorf("accounts.xml is\n%s", data)
	}
	c.clean()
}
