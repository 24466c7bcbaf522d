// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// otrFiles is what `purple-onion otr keys` or `otr fingerprints` says of a
// user directory.
type otrFiles struct {
	Keys         []struct{ Account, Fingerprint string }
	Fingerprints []struct{ Account, Buddy, Fingerprint, Trust string }
}

// otr runs the command line on the user directory.
func (c *client) otr(dir, verb string) (files otrFiles) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(root, "build/purple-onion"), "otr", verb, "--user-dir", dir, "--format", "json")
	cmd.Env = c.env
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("otr %s: %v: %s", verb, err, out)
	}
	if err := json.Unmarshal(out, &files); err != nil {
		c.t.Fatalf("otr %s: %v: %s", verb, err, out)
	}
	return files
}

// fingerprint is that of the account's key, which is made where there is none.
func (s *talker) fingerprint(t *testing.T) string {
	t.Helper()
	s.Do("slash", s.id(), "nobody@a.test", "otr start")
	var keys otrFiles
	until(t, "a key is made", 90*time.Second, func() bool {
		keys = s.c.otr(s.dir, "keys")
		return len(keys.Keys) == 1
	})
	return keys.Keys[0].Fingerprint
}

// knows writes a buddy's verified fingerprint as libotr does.
func (s *talker) knows(t *testing.T, buddy, fingerprint string) {
	t.Helper()
	write(t, filepath.Join(s.dir, "otr.fingerprints"),
		strings.Join([]string{buddy, s.a.name, s.a.protocol, strings.ToLower(fingerprint), "verified"}, "\t")+"\n")
}

// status is what /otr status says.
func (s *talker) status(buddy string) string {
	s.Do("slash", s.id(), buddy, "otr status")
	return s.Expect(`^wrote \S+ system nolog \| OTR by purple-onion: `)
}

// lead carries the OTR lines that one sends to a buddy on to another, in the
// name of a third, as the server would; n are done already.
func lead(t *testing.T, from *talker, buddy, name, to string, n *int) {
	t.Helper()
	re := regexp.MustCompile(`<message[^>]* to='` + regexp.QuoteMeta(buddy) + `[^>]*>(?:<[^>]*/>)*<body>(\?OTR[^<]*)</body>`)
	for _, m := range re.FindAllStringSubmatch(received(t, from.jid()), -1)[*n:] {
		inject(t, name, to, m[1])
		*n++
	}
}

// The server leads the first message to somebody else, who answers in the
// buddy's name with a key of her own: an alarm, and nothing is sent to her.
// With the true key at the other end, what is held goes by itself.
func TestKeyOfAnother(t *testing.T) {
	t.Parallel()
	a := newTalker(t, "mid-a", "secret", jabber("mida"+run+"@a.test/", direct))
	b := newTalker(t, "mid-b", "secret", jabber("midb"+run+"@a.test/", direct))
	m := newTalker(t, "mid-m", "secret", jabber("midm"+run+"@a.test/", direct))
	truth := b.fingerprint(t)
	a.knows(t, b.jid(), truth)
	a.Do("buddy", a.id(), b.jid())
	b.Do("buddy", b.id(), a.jid())
	m.Do("buddy", m.id(), a.jid())
	rules(t, a.jid(), rule{To: b.jid(), Drop: true})
	rules(t, m.jid(), rule{To: a.jid(), Drop: true})

	a.Do("type", a.id(), b.jid(), "readableone")
	there, back := 0, 0
	until(t, "the stranger's key is used", 120*time.Second, func() bool {
		lead(t, a, b.jid(), a.jid(), m.jid(), &there)
		lead(t, m, a.jid(), b.jid(), a.jid(), &back)
		return strings.Contains(a.status(b.jid()), "(key-changed)")
	})
	if alarm := a.Find(`^wrote \S+ system .*ALARM: `); !strings.Contains(strings.ReplaceAll(alarm, " ", ""), "Known:"+truth+".") {
		t.Errorf("the alarm does not show the known key %s: %q", truth, alarm)
	}
	a.Do("slash", a.id(), b.jid(), "otr verify "+truth)
	a.Expect(`that is NOT the key at the other end`)
	a.Do("type", a.id(), b.jid(), "readabletwo")
	a.Sync("typed")
	if now := a.status(b.jid()); !strings.Contains(now, "Unverified") || !strings.Contains(now, "2 messages were held") {
		t.Errorf("with a stranger's key: %s", now)
	}
	if sent := a.sent(t); len(sent) > 0 {
		t.Errorf("sent to the stranger's key: %q", sent)
	}
	kept := a.c.otr(a.dir, "fingerprints").Fingerprints
	if len(kept) != 1 || kept[0].Fingerprint != truth || kept[0].Trust != "verified" {
		t.Errorf("kept is %+v, want the known key alone", kept)
	}

	a.Do("slash", a.id(), b.jid(), "otr end")
	rules(t, a.jid())
	a.Do("slash", a.id(), b.jid(), "otr start")
	b.Expect(`^wrote \S+ recv .*readableone`)
	b.Expect(`^wrote \S+ recv .*readabletwo`)
	if now := a.status(b.jid()); !strings.Contains(now, "Private") {
		t.Errorf("with the true key: %s", now)
	}
	m.Sync("end")
	if line := m.Find("^wrote .*readable"); line != "" {
		t.Errorf("the stranger reads: %s", line)
	}
	for _, s := range []*talker{a, b, m} {
		if got := s.in(t)(); strings.Contains(got, "readable") {
			t.Errorf("the server reads: %s", got)
		}
		s.Quit()
		s.c.clean()
	}
}

// The query is rewritten on its way to one that offers version 2 alone, which
// the buddy's pidgin-otr takes up: nobody talks by it. Let through, the query
// brings about a session, by version 3.
func TestQueryRewritten(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "query"+run)
	a := newTalker(t, "otr-q", "secret", jabber("otrq"+run+"@a.test/", direct))
	her := bare(p.a.name)
	a.Do("buddy", a.id(), her)
	rules(t, a.jid(), rule{To: her, Has: "?OTRv3?", Body: "?OTRv2?"})
	a.Do("type", a.id(), her, "readablequery")
	a.Patience = 90 * time.Second
	a.Expect(`^wrote \S+ system .*offers only OTR versions that are not spoken here \(2\)`)
	if !strings.Contains(received(t, her), "?OTR:AAI") {
		t.Fatal("pidgin-otr did not take up version 2: the case proves nothing")
	}
	if now := a.status(her); !strings.Contains(now, "Not private") || !strings.Contains(now, "1 message was held") {
		t.Errorf("after a query for version 2: %s", now)
	}
	rules(t, a.jid())
	a.Do("slash", a.id(), her, "otr start")
	until(t, "a session by version 3", 60*time.Second, func() bool { return strings.Contains(a.status(her), "Unverified") })
	a.Do("slash", a.id(), her, "otr accept")
	until(t, "she reads it", 30*time.Second, func() bool { return strings.Contains(p.shown(), "readablequery") })
	if got := a.in(t)(); strings.Contains(got, "readable") || strings.Contains(got, "?OTR:AAI") || !strings.Contains(got, "?OTR:AAMD") {
		t.Errorf("the server got %s, want version 3 alone", fmt.Sprintf("%.3000s", got))
	}
	a.Quit()
	a.c.clean()
}
