// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const withPidginOTR = `<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
	<pref name='pidgin'>
		<pref name='plugins'><pref name='loaded' type='pathlist'><item value='/usr/lib/pidgin/pidgin-otr.so'/></pref></pref>
		<pref name='sound'><pref name='method' type='string' value='none'/></pref>
		<pref name='docklet'><pref name='show' type='string' value='never'/></pref>
		<pref name='blist'><pref name='list_visible' type='bool' value='1'/></pref>
	</pref>
</pref>
`

// peer is a buddy with the real Pidgin and the real pidgin-otr, who is not
// protected.
type peer struct {
	*desk
	a   account
	dir string
}

func newPeer(t testing.TB, name string) *peer {
	t.Helper()
	a := jabber(name+"@a.test/", direct)
	user(t, bare(a.name))
	c := newClient(t, name, "--no-tor")
	p := &peer{a: a, dir: c.realDir(inPidgin, a)}
	write(t, filepath.Join(p.dir, "prefs.xml"), withPidginOTR)
	p.desk = c.pidgin(p.dir)
	p.expect(`Activating keepalive`, 60*time.Second)
	return p
}

var number = regexp.MustCompile(`int32 (\d+)`)

// shown is what her conversations show.
func (p *peer) shown() string {
	var all strings.Builder
	for _, conv := range number.FindAllStringSubmatch(p.call("PurpleGetConversations"), -1) {
		for _, m := range number.FindAllStringSubmatch(p.call("PurpleConversationGetMessageHistory", "int32:"+conv[1]), -1) {
			all.WriteString(p.purple("PurpleConversationMessageGetMessage", "int32:"+m[1]) + "\n")
		}
	}
	return all.String()
}

// says has her type a text to a buddy.
func (p *peer) says(buddy, text string) {
	p.t.Helper()
	conv := p.purple("PurpleConversationNew", "int32:1", p.account(p.a), "string:"+buddy)
	p.purple("PurpleConvImSend", "int32:"+p.purple("PurpleConversationGetImData", "int32:"+conv), "string:"+text)
}

var hex40 = regexp.MustCompile(`[0-9A-Fa-f]{40}`)

// Ours and the real pidgin-otr: what was held arrives, an answer comes back,
// each has the other's fingerprint, and the server reads nothing.
func TestPidginOTRPeer(t *testing.T) {
	t.Parallel()
	p := newPeer(t, "peer"+run)
	a := newTalker(t, "otr-p", "secret", jabber("otrp"+run+"@a.test/", direct))
	her := bare(p.a.name)
	a.Do("buddy", a.id(), her)
	a.Do("type", a.id(), her, "readableone")
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		a.Do("slash", a.id(), her, "otr status")
		if strings.Contains(a.Expect(`^wrote \S+ system nolog \| OTR by purple-onion: `), "Unverified") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no private conversation with pidgin-otr")
		}
	}
	a.Do("slash", a.id(), her, "otr accept")
	until(t, "she reads it", 30*time.Second, func() bool { return strings.Contains(p.shown(), "readableone") })
	p.says(a.jid(), "readabletwo")
	a.Expect(`^wrote \S+ recv .*readabletwo`)

	a.Do("slash", a.id(), her, "otr fingerprints")
	shown := a.Expect(`This account: `)
	ours := hex40.FindString(strings.ReplaceAll(shown[strings.Index(shown, "This account: ")+14:], " ", ""))
	kept, err := os.ReadFile(filepath.Join(p.dir, "otr.fingerprints"))
	if err != nil || ours == "" || !strings.Contains(strings.ToUpper(string(kept)), ours) {
		t.Errorf("pidgin-otr keeps %q (%v), ours is %q", kept, err, ours)
	}
	for jid, got := range map[string]string{a.jid(): a.in(t)(), her: received(t, her)} {
		if strings.Contains(got, "readable") {
			t.Errorf("the server reads what %s sends: %s", jid, got)
		}
	}
	a.Quit()
	a.c.clean()
}
