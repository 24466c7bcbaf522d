// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trusts waits until her otr.fingerprints says so of the only buddy.
func (p *peer) trusts(trust string) {
	p.t.Helper()
	until(p.t, "the trust is "+trust, 60*time.Second, func() bool {
		data, _ := os.ReadFile(filepath.Join(p.dir, "otr.fingerprints"))
		return strings.Count(string(data), "\n") == 1 && strings.HasSuffix(strings.TrimRight(string(data), "\n"), "\t"+trust)
	})
}

// The real Pidgin with purple-onion alone: the conversation's menu, and the
// form to verify the buddy, by fingerprint, question, and secret.
func TestPidginVerify(t *testing.T) {
	t.Parallel()
	friends(t, "verifya"+run+"@a.test", "verifyb"+run+"@a.test")
	b := newTalker(t, "verify-b", "secret", jabber("verifyb"+run+"@a.test/", direct))
	b.Patience = 90 * time.Second
	a := jabber("verifya"+run+"@a.test/", direct)
	her := bare(a.name)
	user(t, her)
	c := newClient(t, "verify-a")
	dir := c.realDir(inPidgin, a)
	c.protect(dir, "secret", "--all")
	p := &peer{a: a, dir: dir, desk: c.pidgin(dir)}
	p.expect(`core-purple-onion: \S+: online`, 90*time.Second)
	p.meet(b, "readableverify")
	p.types(b.jid(), "/otr accept")
	p.trusts("")

	// verify chooses Verify buddy... of the conversation's menu and fills the form in.
	verify := func(keys ...string) {
		t.Helper()
		p.types(b.jid(), "/otr status") // its tab is the active one
		p.x("xdotool", "key", "--delay", "250", "alt+o", "Up", "Right", "Down", "Down", "Down", "Return")
		p.window("Verify buddy")
		for _, key := range keys {
			if key == "Tab" {
				p.x("xdotool", "key", key)
			} else {
				p.x("xdotool", "type", "--delay", "20", key)
			}
		}
		p.see("verify-buddy")
		p.x("xdotool", "key", "Return")
		p.gone("Verify buddy")
	}
	doubt := func() {
		t.Helper()
		p.keys("Buddy List", "alt+t", "Up", "Right", "Down", "Return")
		p.keys("Keys and fingerprints", "Tab", "Tab", "Tab", "Down", "Down", "Down", "Return")
		p.trusts("")
		p.keys("purple-onion", "Escape")
		p.gone("purple-onion")
	}
	verify("0123456789012345678901234567890123456789")
	p.reads("that is NOT the key at the other end")
	verify(strings.ToLower(b.fingerprint(t)))
	p.trusts("verified")
	p.see("verified")
	doubt()
	verify("Tab", "where = when", "Tab", "here")
	b.Expect(`^wrote \S+ system .*where = when`)
	b.Do("slash", b.id(), her, "otr answer here")
	p.trusts("smp")
	doubt()
	verify("Tab", "Tab", "Tab", "shared")
	b.Expect(`^wrote \S+ system .*secret`)
	b.Do("slash", b.id(), her, "otr answer shared")
	p.trusts("smp")
	if got := received(t, her) + received(t, b.jid()); strings.Contains(got, "readable") || strings.Contains(got, "where") {
		t.Errorf("the server got %.3000s", got)
	}
	b.Quit()
	b.c.clean()
	c.clean()
}
