// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// besidePidginOTR starts the real Pidgin with purple-onion and pidgin-otr on
// a user directory whose account is secret, and waits until it is online.
func (c *client) besidePidginOTR(dir string, a account) *peer {
	c.t.Helper()
	write(c.t, filepath.Join(dir, "prefs.xml"), withPidginOTR)
	c.protect(dir, "secret", "--all")
	_ = os.Remove(filepath.Join(c.home, "bus"))
	p := &peer{a: a, dir: dir, desk: c.pidgin(dir)}
	p.expect(`core-purple-onion: \S+: online`, 90*time.Second)
	return p
}

// quit ends Pidgin as a person does.
func (p *peer) quit() {
	p.t.Helper()
	cmd := p.c.command("dbus-send", "--bus="+p.bus, "--type=method_call", "--dest=im.pidgin.purple.PurpleService",
		"/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface.PurpleCoreQuit")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("cannot end Pidgin: %v: %s", err, out)
	}
	for patience := time.After(60 * time.Second); ; {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return
			}
			p.seen = append(p.seen, line)
		case <-patience:
			p.t.Fatal("Pidgin does not end")
		}
	}
}

// meet has b begin a private conversation with her pidgin-otr; both keys are
// new, and b takes hers.
func (p *peer) meet(b *talker, text string) {
	p.t.Helper()
	her := bare(p.a.name)
	b.Do("buddy", b.id(), her)
	b.Do("type", b.id(), her, text)
	until(p.t, "a private conversation", 90*time.Second, func() bool { return strings.Contains(b.status(her), "Unverified") })
	b.Do("slash", b.id(), her, "otr accept")
	p.reads(text)
}

func (p *peer) reads(text string) {
	p.t.Helper()
	until(p.t, "she reads "+text, 60*time.Second, func() bool { return strings.Contains(p.shown(), text) })
}

// unread fails where the server could read a word of theirs.
func unread(t *testing.T, jids ...string) {
	t.Helper()
	for _, jid := range jids {
		if got := received(t, jid); strings.Contains(got, "readable") || !strings.Contains(got, "?OTR:AAMD") {
			t.Errorf("the server got from %s: %.3000s", jid, got)
		}
	}
}

// From pidgin-otr, with purple-onion beside it, to purple-onion's own OTR and
// back, in one user directory: each goes on with the key, the instance tag and
// the trust that the other kept, and nobody is asked a thing.
func TestHandover(t *testing.T) {
	t.Parallel()
	b := newTalker(t, "hand-b", "secret", jabber("handb"+run+"@a.test/", direct))
	b.Patience = 90 * time.Second
	a := jabber("handa"+run+"@a.test/", direct)
	her := bare(a.name)
	user(t, her)
	c := newClient(t, "hand-a")
	dir := c.realDir(inPidgin, a)
	files := func() (otrFiles, string) {
		tags, err := os.ReadFile(filepath.Join(dir, "otr.instance_tags"))
		if err != nil {
			t.Fatal(err)
		}
		all := c.otr(dir, "fingerprints")
		all.Keys = c.otr(dir, "keys").Keys
		return all, string(tags)
	}

	p := c.besidePidginOTR(dir, a)
	p.meet(b, "readableone")
	b.Do("slash", b.id(), her, "otr secret letmein")
	p.window("Authenticate Buddy")
	p.x("xdotool", "type", "--delay", "100", "letmein")
	p.keys("Authenticate Buddy", "Return")
	b.Expect(`^wrote \S+ system .*key is verified`)
	p.quit()
	before, tags := files()
	if len(before.Keys) != 1 || len(before.Fingerprints) != 1 || before.Fingerprints[0].Trust != "smp" ||
		before.Fingerprints[0].Fingerprint != b.fingerprint(t) {
		t.Fatalf("pidgin-otr kept %+v", before)
	}

	h := c.host(dir, true)
	settle(h)
	s := &talker{Host: h, c: c, a: a, dir: dir}
	online(h, a.id())
	h.Do("buddy", a.id(), b.jid())
	h.Do("type", a.id(), b.jid(), "readabletwo")
	b.Expect(`^wrote \S+ recv .*readabletwo`)
	b.Do("type", b.id(), her, "readablethree")
	h.Expect(`^wrote \S+ recv .*readablethree`)
	if now := s.status(b.jid()); !strings.Contains(now, "Private") {
		t.Errorf("the trust that pidgin-otr kept is not taken: %s", now)
	}
	h.Quit()
	if after, now := files(); !reflect.DeepEqual(after, before) || now != tags {
		t.Errorf("natively, %+v and %q became %+v and %q", before, tags, after, now)
	}

	p = c.besidePidginOTR(dir, a)
	b.Do("slash", b.id(), her, "otr end") // where the last words of the other were lost
	b.Do("slash", b.id(), her, "otr start")
	b.Do("type", b.id(), her, "readablefour")
	p.reads("readablefour")
	if shown := p.shown(); !strings.Contains(shown, "Private conversation with") || strings.Contains(shown, "Unverified conversation with") {
		t.Errorf("pidgin-otr does not take the trust: %s", shown)
	}
	p.says(b.jid(), "readablefive")
	b.Expect(`^wrote \S+ recv .*readablefive`)
	p.quit()
	if after, now := files(); !reflect.DeepEqual(after, before) || now != tags {
		t.Errorf("back in pidgin-otr, %+v and %q became %+v and %q", before, tags, after, now)
	}
	unread(t, her, b.jid())
	b.Quit()
	b.c.clean()
	c.clean()
}
