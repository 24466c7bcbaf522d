// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// installed finds a plugin of the distribution's.
func installed(t testing.TB, name string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/" + name)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return found[0]
}

// newLurch signs an account on in a host with the real lurch; at level none
// without a plugin of ours.
func newLurch(t *testing.T, name, level string, a account) *talker {
	t.Helper()
	var options []string
	if level == "none" {
		options = []string{"--no-tor"}
	}
	s := &talker{c: newClient(t, name, options...), a: a}
	user(t, s.jid())
	s.dir = s.c.userDir(a)
	if level != "none" {
		s.c.protect(s.dir, level, s.id())
	}
	s.withLurch(level)
	return s
}

func (s *talker) withLurch(level string) {
	s.c.t.Helper()
	words := []string{filepath.Join(root, "build/asan/test/host"), s.dir}
	if level != "none" {
		words = append(words, filepath.Join(s.dir, "plugins/purple-onion.so"))
	}
	s.Host = drive.Start(s.c.t, s.c.command(append(words, installed(s.c.t, "purple-2/lurch.so"))...))
	s.Patience = 60 * time.Second
	if s.Find(`^loaded .*/lurch\.so 1`) == "" {
		s.c.t.Fatal("lurch does not load")
	}
	if level != "none" {
		s.await(`core-purple-onion: Tor is `)
		settle(s.Host)
	}
	online(s.Host, s.id())
	s.await(`lurch: .*published own bundle`)
}

// meets makes two talkers buddies of each other, who see each other, and has
// the first one open a conversation.
func (s *talker) meets(b *talker) {
	for _, pair := range [][]*talker{{s, b}, {b, s}} {
		pair[0].Do("add", pair[0].id(), pair[1].jid())
		pair[1].await(`Recv.*<presence[^>]*from='` + pair[0].jid() + `[^>]*type='subscribe'|Recv.*<presence[^>]*type='subscribe'[^>]*from='` + pair[0].jid())
		pair[1].Do("node", pair[1].id(), "<presence to='"+pair[0].jid()+"' type='subscribed'/>")
	}
	s.Do("slash", s.id(), b.jid(), "otr status")
	s.await(`lurch: .*saving \d+ for ` + b.jid())
	b.await(`lurch: .*saving \d+ for ` + s.jid())
}

var wholeMessage = regexp.MustCompile(`<message .*?</message>`)

// messages are those that a talker sent.
func (s *talker) messages(t *testing.T) []string {
	t.Helper()
	return wholeMessage.FindAllString(received(t, s.jid()), -1)
}

// whatOMEMOMayBe is all that a message at level secret beside lurch has.
var whatOMEMOMayBe = regexp.MustCompile(`^<message type='chat' id='\w+' to='[^']*'><encrypted xmlns='eu\.siacs\.conversations\.axolotl'><header sid='\d+'>` +
	`(<key rid='\d+'( prekey='\w+')?>[\w+/=]+</key>)+<iv>[\w+/=]+</iv></header><payload>[\w+/=]+</payload></encrypted>` +
	`(<body>You received an OMEMO encrypted message, but your client does not support it\.</body>)?` +
	`(<encryption xmlns='urn:xmpp:eme:0' namespace='eu\.siacs\.conversations\.axolotl' name='OMEMO'/>)?(<store xmlns='urn:xmpp:hints'/>)?</message>$`)

// hostileOMEMO makes of a true message some that say words beside it.
func hostileOMEMO(good string) map[string]string {
	with := func(more string) string { return strings.Replace(good, "</message>", more+"</message>", 1) }
	payload := regexp.MustCompile(`<payload>.*?</payload>`)
	const fallback = "You received an OMEMO encrypted message, but your client does not support it."
	return map[string]string{
		"another body":              with("<body>readablebody</body>"),
		"a body that begins well":   with("<body>" + fallback + " readablemore</body>"),
		"two bodies":                with("<body>" + fallback + "</body><body>readablesecond</body>"),
		"an unknown sibling":        with("<note xmlns='x:y'>readablenote</note>"),
		"XHTML":                     with("<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>readablehtml</body></html>"),
		"words as the payload":      payload.ReplaceAllString(good, "<payload>readable words here</payload>"),
		"no payload, and a body":    payload.ReplaceAllString(with("<body>readablebare</body>"), ""),
		"no payload":                payload.ReplaceAllString(strings.Replace(good, " id='", " id='readableid", 1), ""),
		"an attribute more":         strings.Replace(good, "<header ", "<header note='readableattribute' ", 1),
		"to a multi-user chat":      strings.Replace(with("<subject>readablesubject</subject>"), "type='chat'", "type='groupchat'", 1),
		"devices with words beside": "<iq type='set' id='p1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl.devicelist'><item><list xmlns='eu.siacs.conversations.axolotl'><device id='1' label='readablelabel'/></list></item></publish></pubsub></iq>",
	}
}

// The real lurch, for an account of level secret and for a buddy who is not
// protected. What it encrypts arrives, and nothing else passes; what it would
// send in clear, or another plugin adds, stays behind. The buddy, without us,
// is the control arm: hers all arrive.
func TestOMEMO(t *testing.T) {
	t.Parallel()
	a := newLurch(t, "omemo-a", "secret", jabber("omemoa"+run+"@a.test/", direct))
	b := newLurch(t, "omemo-b", "none", jabber("omemob"+run+"@a.test/", direct))
	a.meets(b)
	if status := a.Find(`^wrote \S+ system nolog \| Beside lurch: `); !strings.Contains(status, "(omemo-devices-not-checked: ") {
		t.Errorf("the status says %q", status)
	}
	a.Do("type", a.id(), b.jid(), "readableone")
	b.Expect(`^wrote \S+ recv \| readableone`)
	b.Do("type", b.id(), a.jid(), "readableback")
	a.Expect(`^wrote \S+ recv \| readableback`)
	a.Do("type", a.id(), b.jid(), "readabletwo")
	b.Expect(`^wrote \S+ recv \| readabletwo`)
	// the server puts a body beside what is sealed, and sends one of its own
	rules(t, b.jid(), rule{To: a.jid(), Body: "forgedbody"})
	b.Do("type", b.id(), a.jid(), "readableagain")
	a.Expect(`^wrote \S+ recv \| readableagain$`)
	rules(t, b.jid())
	inject(t, b.jid(), a.jid(), "forgedplain")
	a.Expect(`^wrote \S+ recv .*was NOT encrypted.*forgedplain`)
	if line := a.Find(`^wrote .*forgedbody`); line != "" {
		t.Errorf("shown: %s", line)
	}
	if got := received(t, a.jid()); !strings.Contains(got, "<publish node='eu.siacs.conversations.axolotl.devicelist'>") || !strings.Contains(got, "<publish node='eu.siacs.conversations.axolotl.bundles:") {
		t.Error("lurch's keys are not published")
	}
	sent := a.messages(t)
	for _, m := range sent {
		if !whatOMEMOMayBe.MatchString(m) {
			t.Errorf("the server got %s", m)
		}
	}
	if got := received(t, b.jid()); len(sent) != 2 || strings.Contains(got, "readable") {
		t.Errorf("%d messages left; hers: %s", len(sent), got)
	}

	nobody, room := "omemoc"+run+"@a.test", "omemo"+run+"@chat.a.test"
	user(t, nobody)
	a.Do("type", a.id(), nobody, "readablethree")
	a.Expect(`^wrote \S+ error nolog \| Not sent: .*lurch knows no OMEMO device of this buddy`)
	a.Do("join", a.id(), room)
	a.Expect(`^notify purple-onion \| .*multi-user chats`)
	a.Do("node", a.id(), sent[0])
	a.Expect(`^node sent`) // a true one passes
	hostile := hostileOMEMO(sent[0])
	for name, stanza := range hostile {
		a.Do("node", a.id(), stanza)
		if line := a.Expect(`^node `); line != "node kept back" {
			t.Errorf("%s: %s", name, line)
		}
	}
	a.Do("meddle", "node", "9950", "readablemeddled") // after lurch
	a.Do("type", a.id(), b.jid(), "readablefour")
	a.Expect(`^wrote \S+ error nolog \| Not sent: `)

	b.Do("type", b.id(), nobody, "readablethree")
	b.enter(room)
	b.Do("type", b.id(), room, "readableroom")
	for _, text := range []string{"readablethree", "readableroom"} {
		arrives(t, b.in(t), text)
	}
	word := regexp.MustCompile(`readable\w*`)
	for _, stanza := range hostile {
		b.Do("node", b.id(), stanza)
		arrives(t, b.in(t), word.FindString(stanza))
	}

	a.Quit()
	a.c.config("require_verified = true\n[tor]\nmode = \"system\"\n")
	a.withLurch("secret")
	before := len(a.messages(t))
	a.Do("type", a.id(), b.jid(), "readablefive")
	a.Expect(`^wrote \S+ error nolog \| Not sent: whether the buddy\S+ key is verified cannot be told`)
	a.Quit()
	got := a.in(t)()
	if after := len(a.messages(t)); after != before || strings.Contains(got, "readable") || strings.Contains(got, room) {
		t.Errorf("%d messages became %d; the server got %s", before, after, got)
	}
	b.Quit()
	a.c.clean()
}

// At level tor, where messages are the person's own affair, lurch learns the
// buddy's devices too: that the account does not say what its program can do
// must not have messages go in clear.
func TestOMEMOAtLevelTor(t *testing.T) {
	t.Parallel()
	a := newLurch(t, "omemo-t", "tor", jabber("omemot"+run+"@a.test/", direct))
	b := newLurch(t, "omemo-u", "none", jabber("omemou"+run+"@a.test/", direct))
	a.meets(b)
	a.Do("type", a.id(), b.jid(), "readableone")
	b.Expect(`^wrote \S+ recv \| readableone`)
	if got := a.in(t)(); strings.Contains(got, "readable") || !strings.Contains(got, "<encrypted") {
		t.Errorf("the server got %s", got)
	}
	a.Quit()
	b.Quit()
	a.c.clean()
}
