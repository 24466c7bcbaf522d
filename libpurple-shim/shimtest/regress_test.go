// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// onDisk waits until accounts.xml holds, or no longer holds, a text.
func onDisk(t *testing.T, dir, text string, want bool) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		data, err := os.ReadFile(filepath.Join(dir, "accounts.xml"))
		if err == nil && strings.Contains(string(data), text) == want {
			return
		}
	}
	t.Fatalf("accounts.xml: %q there: not %v in %v", text, want, deadline)
}

// What libpurple saved in the midst of a sign-on is saved again without the
// gate's port and credentials as soon as the sign-on is over, not only when
// the program ends.
func TestGateLeavesAccountsXML(t *testing.T) {
	t.Parallel()
	dir := userDir(t, protected(away))
	h := start(t, dir, install(t, fake), "FAKE_HELPER=allow:"+silent(t))
	id := "prpl-jabber:" + away
	h.do("enable", id, "1")
	h.expect(`^signing-on`)
	onDisk(t, dir, "gate-password", true) // or this test shows nothing
	h.do("disconnect", id)
	h.expect(`^signed-off`)
	onDisk(t, dir, "gate-password", false)
	h.quit()
}

// An account of which nobody can tell the level is blocked, and keeps its
// proxy: there is no record to give it back from.
func TestUnknownLevelKeepsTheProxy(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	a := account{"prpl-jabber", away, "", "<proxy><type>socks5</type><host>127.0.0.1</host><port>7</port><username>me</username><password>mypw</password></proxy>"}
	dir := userDir(t, a)
	h := start(t, dir, install(t, real), append(env, "PURPLE_ONION_TEST_PANIC=decide_level")...)
	h.do("enable", alice, "1")
	h.expect(`^error .* purple-onion: `)
	h.do("show", alice)
	h.expect(`proxy 3 127\.0\.0\.1 7 user yes`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
	onDisk(t, dir, "<password>mypw</password>", true)
}

// A BOSH address would take the account's connections out of the hands of our
// certificate check: it is emptied, at protection and at each sign-on.
func TestBOSHIsPinned(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	a := direct(away)
	a.settings = "<setting name='bosh_url' type='string'>https://192.0.2.7:5222/b</setting>"
	h := start(t, userDir(t, a), install(t, real), env...)
	h.protect("1")
	h.do("get", alice, "bosh_url")
	h.expect(`bosh_url $`)
	h.do("set", alice, "bosh_url", "string", "https://192.0.2.7:5222/b")
	h.do("enable", alice, "1")
	h.expect(`^error .* purple-onion: `)
	h.do("get", alice, "bosh_url")
	h.expect(`bosh_url $`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

// libpurple's own XMPP crashes where an account that is offline is to be
// removed from its server (jabber_unregister_account meets no stream): it is
// refused, protected or not, with the helper or without.
func TestOfflineUnregister(t *testing.T) {
	for name, tt := range map[string]struct {
		account account
		helper  string
		told    string
	}{
		"protected":      {protected(away), fake, "sign on first"},
		"not protected":  {direct(away), fake, "sign on first"},
		"without helper": {direct(away), "", "sign on first"},
		"blocked":        {protected(away), "", "helper-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, userDir(t, tt.account), install(t, tt.helper), "FAKE_HELPER=allow:"+silent(t))
			for range 2 {
				h.do("unregister", alice)
				h.expect(`^error ` + alice + ` fatal purple-onion: .*` + tt.told)
				h.expect(`^registered ` + alice + ` 0`)
				h.expect(`^signed-off ` + alice)
			}
			if dialled := h.quit(); len(dialled) != 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}
