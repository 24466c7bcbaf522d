// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	bobs   = "0123456789abcdef0123456789abcdef01234567"
	carols = "89abcdef0123456789abcdef0123456789abcdef"
	gone   = "ffabcdef0123456789abcdef0123456789abcdef"
)

// keysDir is a user directory with a secret account that has no key yet, and
// what pidgin-otr wrote of buddies, one of them an account's that is not there
// any more.
func keysDir(c *client, enabled string) (string, account) {
	a := jabber("keys.with.a.long.name@jabber.a.test/", direct)
	dir := c.realDir(enabled, a)
	c.config("[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:1\"\n")
	var known strings.Builder
	for _, line := range [][]string{{"bob.has.a.long.name.too@jabber.b.test", a.name, bobs, ""}, {"carol@b.test", a.name, carols, "verified"}, {"dave@b.test", "gone@a.test/", gone, ""}} {
		fmt.Fprintf(&known, "%s\t%s\tprpl-jabber\t%s\t%s\n", line[0], line[1], line[2], line[3])
	}
	write(c.t, filepath.Join(dir, "otr.fingerprints"), known.String())
	c.protect(dir, "secret", "--all")
	return dir, a
}

// keeps waits until the user directory's file has a line that matches, or,
// where lacks is true, has none.
func keeps(t *testing.T, dir, file, pattern string, lacks bool) {
	t.Helper()
	re := regexp.MustCompile(`(?m)` + pattern)
	until(t, fmt.Sprintf("%s: %q, lacking: %v", file, pattern, lacks), 60*time.Second, func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, file))
		return re.Match(data) != lacks
	})
}

// Keys and fingerprints... in the real Pidgin, by its keys: a key is made and
// shown, a fingerprint is compared with what is typed, doubted, and forgotten;
// that of an account that is gone, too.
func TestPidginKeys(t *testing.T) {
	t.Parallel()
	c := newClient(t, "keys-pidgin", "--no-tor")
	dir, a := keysDir(c, "")
	d := c.pidgin(dir)
	d.window("Accounts")
	d.keys("Accounts", "alt+c")
	d.gone("Accounts")
	const form, result = "Keys and fingerprints", "purple-onion"
	open := func(keys ...string) {
		t.Helper()
		d.keys("Buddy List", "alt+t", "Up", "Right", "Down", "Return")
		d.keys(form, append(keys, "Return")...)
	}
	closed := func(window string) { t.Helper(); d.keys(window, "Escape"); d.gone(window) }

	open("Tab", "Down") // Generate a key
	keeps(t, dir, "otr.private_key", regexp.QuoteMeta(a.name), false)
	d.window(result)
	d.see("keys-generated")
	closed(result)
	open("Tab", "Down", "Down") // Show the fingerprint
	d.window("Fingerprint")
	d.see("keys-shown")
	closed("Fingerprint")

	open("Tab", "Tab", "Tab", "Down", "Down") // bob: Verify...
	d.keys("Verify a fingerprint", "a", "b", "Return")
	d.window(result)
	d.see("keys-not-verified")
	keeps(t, dir, "otr.fingerprints", bobs+`\t?$`, false)
	closed(result)
	open("Tab", "Tab", "Tab", "Down", "Down")
	d.window("Verify a fingerprint")
	d.x("xdotool", "type", "--delay", "20", strings.ToUpper(bobs[:8])+" "+bobs[8:])
	d.see("keys-verify")
	d.x("xdotool", "key", "Return")
	keeps(t, dir, "otr.fingerprints", bobs+`\tverified$`, false)
	closed(result)
	open("Tab", "Tab", "Down", "Tab", "Down", "Down", "Down") // carol: Take the verification back
	keeps(t, dir, "otr.fingerprints", carols+`\t?$`, false)
	closed(result)
	open("Tab", "Tab", "Down", "Down", "Tab", "Down", "Down", "Down", "Down") // dave: Forget
	keeps(t, dir, "otr.fingerprints", gone, true)
	closed(result)
	keeps(t, dir, "otr.fingerprints", bobs+`\tverified$`, false)
	keeps(t, dir, "otr.fingerprints", carols+`\t?$`, false)
	open()
	d.see("keys-form")
	c.clean()
}

// The same in Finch, on a terminal of 80 columns and 24 rows: the list, whose
// numbers are the form's, has all of a fingerprint.
func TestFinchKeys(t *testing.T) {
	t.Parallel()
	c := newClient(t, "keys-finch", "--no-tor")
	dir, a := keysDir(c, "")
	s := c.finch(dir, 80, 24)
	open := func(keys ...string) {
		t.Helper()
		s.menu()
		s.press("k")
		s.shows(`(?m)List of keys.*`)
		s.press("Enter")
		s.shows(`(?s)┌─+┤Keys and fingerprints├.*│Fingerprint │1: 01234567 .*│ OK │ │ Cancel │`)
		for _, key := range keys { // a choice opens before it takes the next key
			s.press(key)
			time.Sleep(200 * time.Millisecond)
		}
	}
	closed := func(words string) {
		t.Helper()
		until(t, words, 60*time.Second, func() bool { // what was not asked for just now comes up behind
			time.Sleep(500 * time.Millisecond)
			if strings.Contains(s.screen(), words) {
				return true
			}
			s.press("M-n")
			return false
		})
		s.press("Enter")
		s.lacks(words)
	}

	s.menu()
	s.press("k")
	s.shows(`(?s)1: keys\.with\.a\.long\.name@jabber\.a\.test/ \(XMPP\) *│\n│ +no key.*` +
		`1: bob\.has\.a\.long\.name\.too@jabber\.b\.test, for.*01234567 89ABCDEF 01234567 89ABCDEF 01234567, unverified.*` +
		`2: carol@b\.test, for .*89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF, verified`)
	s.press("Enter")
	s.shows(`│Do +│Nothing +│`)
	s.press("M-c")
	s.lacks(`Keys and fingerprints`)

	open("Tab", "Down", "Down", "Enter", "Tab", "Tab", "Tab", "Enter") // Generate a key
	keeps(t, dir, "otr.private_key", regexp.QuoteMeta(a.name), false)
	closed(`The account has its key`)
	open("Tab", "Tab", "Tab", "Down", "Down", "Down", "Enter", "Tab", "Enter") // bob: Verify...
	s.shows(`(?s)┤Verify a fingerprint├.*as your buddy tells it to you by another way`)
	s.press(bobs, "Tab", "Enter")
	keeps(t, dir, "otr.fingerprints", bobs+`\tverified$`, false)
	closed(`Verified`)
	open("Tab", "Tab", "Down", "Down", "Down", "Enter", "Tab", "Down", "Down", "Down", "Down", "Down", "Enter", "Tab", "Enter") // dave: Forget
	keeps(t, dir, "otr.fingerprints", gone, true)
	closed(`Forgotten`)
	keeps(t, dir, "otr.fingerprints", carols+`\tverified$`, false)
	c.clean()
}
