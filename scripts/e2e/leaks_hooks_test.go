// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// The hooks' cases: what libpurple does beside an account's own connection,
// and what it tells of the person. What is seen at the server or by somebody
// else counts as what went elsewhere.
var hookCases = []leakCase{
	{"hooks", "avatar-url", unhooked, leakAvatar, nil},
	{"hooks", "file-sent", unhooked, leakFileSent, nil},
	{"hooks", "file-offered", unhooked, leakFileOffered, nil},
	{"hooks", "oob-offered", unhooked, leakOOBOffered, nil},
	{"hooks", "jingle-offer", unhooked, leakJingle, nil},
	{"hooks", "questions", unhooked, leakQuestions, nil},
	{"hooks", "host-name", unhooked, leakHostName, []string{"--no-hostname"}},
	{"hooks", "link", unhooked, leakLink, nil},
	{"hooks", "names", unhooked, leakNames, nil},
	{"hooks", "presence", unhooked, leakPresence, nil},
	{"hooks", "status-text", unhooked, leakStatus, nil},
	{"hooks", "status-together", unhooked, leakTogether, nil},
	{"hooks", "old-profile", off, leakOldProfile, nil},
	{"hooks", "probes-turned-on", off, leakProbesTurnedOn, nil},
	{"hooks", "at-start", unhooked, leakAtStart, nil},
	{"hooks", "tor-browser", unhooked, leakTorBrowser, nil},
	{"hooks", "media-abilities", unhooked, leakMedia, nil},
	{"hooks", "dcc", unhooked, leakDCC, nil},
	{"hooks", "ctcp", unhooked, leakCTCP, nil},
}

// trait is something that was seen of the person.
func (a *arm) trait(n int, what string) {
	a.traits += n
	if n > 0 {
		a.told = append(a.told, fmt.Sprintf("%d %s", n, what))
	}
}

// meet signs an account on and has a buddy.
func (a *arm) meet() (h *drive.Host, acc account, b *buddy) {
	a.t.Helper()
	acc = a.user("a.test", shared)
	h = a.begin(acc)
	online(h, acc.id())
	return h, acc, a.buddy()
}

// after has the account say something that the buddy gets: what it said
// before came, too.
func (b *buddy) after(h *drive.Host, acc account) {
	b.a.t.Helper()
	word := rand.Text()
	h.Do("send", acc.id(), b.name, word)
	b.expect(word)
}

// leakAvatar is a buddy whose avatar has an address: libpurple goes there
// (useravatar.c), by the global libpurple proxy.
func leakAvatar(a *arm) {
	h, acc, b := a.meet()
	h.Do("buddy", acc.id(), bare(b.name))
	b.send("<message type='headline' to='%s'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'>"+
		"<item id='da39a3ee5e6b4b0d3255bfef95601890afd80709'><metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='1' "+
		"id='da39a3ee5e6b4b0d3255bfef95601890afd80709' type='image/png' url='http://10.77.0.7/avatar.png'/></metadata></item></items></event></message>", a.full(acc))
	b.send("<message type='chat' to='%s'><body>after the avatar</body></message>", a.full(acc))
	h.Expect(`^message .* after the avatar`)
	b.after(h, acc)
	h.Sync("avatar")
	h.Kill() // unhooked, libpurple crashes as it signs off
}

func leakFileSent(a *arm) {
	h, acc, b := a.meet()
	path := a.file("of-the-person.txt", "words\n")
	for _, way := range []string{"send-file", "push-file"} {
		h.Do(way, acc.id(), b.name, path)
	}
	if !a.plugin {
		id := regexp.MustCompile(` id='([^']*)'`).FindStringSubmatch(b.expect(`^<iq .*disco#info`))[1]
		b.send("<iq type='result' id='%s' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'><feature var='http://jabber.org/protocol/si/profile/file-transfer'/>"+
			"<feature var='http://jabber.org/protocol/ibb'/><feature var='http://jabber.org/protocol/bytestreams'/></query></iq>", id, a.full(acc))
		b.expect(`of-the-person`)
	}
	b.after(h, acc)
	a.trait(b.saw(`of-the-person|<iq .*disco#info`), "stanzas about a file")
	h.Quit()
}

func leakFileOffered(a *arm) {
	h, acc, b := a.meet()
	b.offers(h, acc, "<si xmlns='http://jabber.org/protocol/si' id='s1' mime-type='text/plain' profile='http://jabber.org/protocol/si/profile/file-transfer'>"+
		"<file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='offered.txt' size='4'/><feature xmlns='http://jabber.org/protocol/feature-neg'>"+
		"<x xmlns='jabber:x:data' type='form'><field var='stream-method' type='list-single'><option><value>http://jabber.org/protocol/bytestreams</value></option>"+
		"<option><value>http://jabber.org/protocol/ibb</value></option></field></x></feature></si>")
}

// leakOOBOffered is a file at an address, which libpurple fetches itself.
func leakOOBOffered(a *arm) {
	h, acc, b := a.meet()
	b.offers(h, acc, "<query xmlns='jabber:iq:oob'><url>http://10.77.0.7/offered.txt</url></query>")
}

// offers has the buddy offer a file; the person may be asked, or not.
func (b *buddy) offers(h *drive.Host, acc account, offer string) {
	b.a.t.Helper()
	b.send("<iq type='set' id='offer' to='%s'>%s</iq>", b.a.full(acc), offer)
	if b.a.plugin {
		b.expect(`^<iq [^>]*type='error'.*`)
	} else {
		h.Expect(`^ask .*offered\.txt`)
	}
	h.Sync("offer")
	if h.Find(`^ask .*offered\.txt`) != "" {
		b.a.trait(1, "file to accept")
	}
	h.Quit()
}

// answered sends questions to the account, and counts those that it answers
// otherwise than by an error.
func (b *buddy) answered(to, kind string, questions ...string) (n int) {
	b.a.t.Helper()
	for i, q := range questions {
		b.send("<iq type='%s' id='question-%d' to='%s'>%s</iq>", kind, i, to, q)
	}
	for i := range questions {
		for b.saw(fmt.Sprintf(`^<iq .*id='question-%d'`, i)) == 0 {
			b.expect(`^<iq .*id='question-`)
		}
	}
	return b.saw(`^<iq (.* )?type='result'`)
}

func leakJingle(a *arm) {
	h, acc, b := a.meet()
	h.Do("set-caps", "7") // as a program that can do voice and video
	const call = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='%s' sid='call'><content creator='initiator' name='voice'>" +
		"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='0' name='PCMU' clockrate='8000'/></description>" +
		"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='someone' pwd='abcdefghijklmnopqrstuv'><candidate component='1' foundation='1' generation='0' id='c1' " +
		"ip='10.77.0.7' network='0' port='3478' priority='2130706431' protocol='udp' type='host'/></transport></content></jingle>"
	a.trait(b.answered(a.full(acc), "set", fmt.Sprintf(call, b.name)), "answers to a call")
	h.Quit()
}

func leakQuestions(a *arm) {
	h, acc, b := a.meet()
	a.trait(b.answered(a.full(acc), "get", "<query xmlns='jabber:iq:version'/>", "<query xmlns='jabber:iq:last'/>", "<time xmlns='urn:xmpp:time'/>",
		"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='jabber:iq:time'/>"), "answers")
	h.Quit()
}

// leakHostName is a computer that does not know its own name: an XMPP login
// asks DNS for it, also by libpurple proxy type tor.
func leakHostName(a *arm) {
	acc := a.user("a.test", shared)
	h := a.begin(acc)
	if a.plugin {
		refused(h, acc.id(), "hostname-lookup")
	} else {
		online(h, acc.id())
	}
	h.Quit()
}

func leakLink(a *arm) {
	h, acc, b := a.meet()
	b.send("<message type='chat' to='%s'><body>see</body><x xmlns='jabber:x:oob'><url>https://10.77.0.7/oob</url></x></message>", a.full(acc))
	h.Expect(`^message .*oob`)
	h.Do("link", "https://10.77.0.7/clicked")
	h.Sync("clicked")
	if h.Find(`^uri .*10\.77\.0\.7`) != "" {
		a.trait(1, "address for the browser")
	}
	h.Quit()
}

// leakNames is a part of libpurple that asks for names in no account's name.
func leakNames(a *arm) {
	h, _, _ := a.meet()
	h.Do("dns", "elsewhere.test")
	h.Expect(`^dns elsewhere\.test`)
	h.Do("srv", "elsewhere.test")
	h.Expect(`^srv elsewhere\.test`)
	h.Quit()
}

func leakPresence(a *arm) {
	acc := a.user("a.test", shared)
	h := a.begin(acc)
	online(h, acc.id())
	h.Do("idle", acc.id(), "1234")
	a.leave(h, acc)
	sent := received(a.t, bare(acc.name))
	a.trait(strings.Count(sent, "http://jabber.org/protocol/caps"), "times caps")
	a.trait(strings.Count(sent, "jabber:iq:last"), "times idle")
}

// leave ends the program: all that it sent came to the server.
func (a *arm) leave(h *drive.Host, all ...account) {
	a.t.Helper()
	h.Quit()
	for _, acc := range all {
		until(a.t, "the server sees "+acc.name+" go", h.Patience, func() bool {
			return strings.Contains(lab(a.t, "sessions"), "\tclosed\t"+bare(acc.name)+"/")
		})
	}
}

// leakStatus sets the program's status: libpurple tells every server, with the
// same words, in the same moment.
func leakStatus(a *arm) {
	a.level = "secret"
	one, two := a.user("a.test", shared), a.user("a.test", shared)
	h := a.begin(one, two)
	online(h, one.id())
	online(h, two.id())
	h.Do("saved", "away", "gone-fishing")
	h.Sync("status")
	a.leave(h, one, two)
	for _, acc := range []account{one, two} {
		sent := received(a.t, bare(acc.name))
		a.trait(strings.Count(sent, "gone-fishing"), "times the words")
		a.trait(strings.Count(sent, "<show>away"), "times away")
	}
}

// leakTogether sets the program's status for accounts that follow it. Ours
// tell it each at a time of its own, out of half a minute: that all five fall
// into two seconds is a matter of one in ten thousand.
func leakTogether(a *arm) {
	write(a.t, filepath.Join(a.home, "config/purple-onion/config.toml"), "signon_delay_max = \"30s\"\n[tor]\nmode = \"system\"\n")
	var all []account
	for range 5 {
		all = append(all, a.user("a.test", shared))
	}
	h := a.begin(all...)
	for _, acc := range all {
		h.Do("enable", acc.id(), "1")
	}
	for on := 0; on < len(all); {
		what, id, _ := strings.Cut(h.Expect(`^signed-(on|off) `), " ")
		if what == "signed-on" {
			on++
		} else {
			h.Do("connect", id)
		}
	}
	h.Do("saved", "away", "x")
	seen := map[string]bool{}
	var first time.Time
	until(a.t, "all are away", h.Patience, func() bool {
		for _, acc := range all {
			if strings.Contains(received(a.t, bare(acc.name)), "<show>away") {
				seen[acc.name] = true
			}
		}
		if len(seen) > 0 && first.IsZero() {
			first = time.Now()
		}
		return len(seen) == len(all)
	})
	if over := time.Since(first); over < 2*time.Second {
		a.trait(1, "moment in which all changed")
	}
	h.Quit()
}

// onIRC signs an account on, and has a friend.
func (a *arm) onIRC() (h *drive.Host, acc account, b *buddy) {
	a.t.Helper()
	acc = irc(a.nick())
	h = a.begin(acc)
	online(h, acc.id())
	return h, acc, a.friend()
}

// nick is one that nobody else has; the server takes nine letters.
func (a *arm) nick() string { return "l" + strings.ToLower(rand.Text()[:7]) }

func leakDCC(a *arm) {
	h, acc, b := a.onIRC()
	nick, _, _ := strings.Cut(acc.name, "@")
	h.Do("send-file", acc.id(), b.name, a.file("of-the-person.txt", "words\n"))
	b.send("PRIVMSG %s :\x01DCC SEND offered.txt 168644615 4321 4\x01\r", nick) // 10.77.0.7
	b.send("PRIVMSG %s :after the offer\r", nick)
	h.Expect(`^message .* after the offer`)
	if h.Find(`^ask .*offered\.txt`) != "" {
		a.trait(1, "file to accept")
	}
	b.after(h, acc)
	a.trait(b.saw(`DCC SEND`), "offers, with the address")
	h.Quit()
}

func leakCTCP(a *arm) {
	h, acc, b := a.onIRC()
	nick, _, _ := strings.Cut(acc.name, "@")
	for _, what := range []string{"VERSION", "PING 12345", "TIME", "USERINFO", "CLIENTINFO", "FINGER"} {
		b.send("PRIVMSG %s :\x01%s\x01\r", nick, what)
	}
	b.send("PRIVMSG %s :after the questions\r", nick)
	h.Expect(`^message .* after the questions`)
	b.after(h, acc)
	a.trait(b.saw(`NOTICE .*\x01`), "answers")
	h.Quit()
}

// probing is what older versions of Pidgin left in prefs.xml, and a STUN server.
const probing = "<?xml version='1.0' encoding='UTF-8' ?>\n\n<pref version='1' name='/'>\n\t<pref name='purple'>\n\t\t<pref name='network'>\n" +
	"\t\t\t<pref name='auto_ip' type='bool' value='1'/>\n\t\t\t<pref name='map_ports' type='bool' value='1'/>\n" +
	"\t\t\t<pref name='stun_server' type='string' value='10.77.0.7'/>\n\t\t</pref>\n\t</pref>\n</pref>\n"

// leakOldProfile is a profile in which libpurple searches routers and asks a
// STUN server as it starts, before any plugin is loaded.
func leakOldProfile(a *arm) {
	acc := a.user("a.test", shared)
	dir := a.userDir(acc)
	write(a.t, filepath.Join(dir, "prefs.xml"), probing)
	h := a.again(a.guard(dir, a.asan))
	online(h, acc.id())
	h.Sync("probed")
	h.Quit()
}

// leakProbesTurnedOn is another plugin, or the person, that turns them on
// during a session; Pidgin's button then asks for the address at once. The
// start after it is the one that would search routers.
func leakProbesTurnedOn(a *arm) {
	h, acc, _ := a.meet()
	for _, name := range []string{"auto_ip", "map_ports"} {
		h.Do("boolpref", "/purple/network/"+name, "1")
	}
	h.Do("pref", "/purple/network/stun_server", "10.77.0.7")
	h.Do("my-ip")
	h.Expect(`^my-ip `)
	h.Quit()
	h = a.again(filepath.Join(a.home, ".purple"))
	online(h, acc.id())
	h.Sync("probed")
	h.Quit()
}

// leakAtStart is a secret account that is enabled when the real Pidgin starts.
func leakAtStart(a *arm) {
	a.level = "secret"
	write(a.t, filepath.Join(a.home, "config/purple-onion/config.toml"), "[tor]\nmode = \"system\"\n")
	acc := a.user("a.test", shared)
	d := a.desk(nil, acc)
	if a.plugin {
		d.told("not-at-start")
	} else {
		a.bound(1, acc)
	}
	a.trait(a.binds(acc), "sign-ons that nobody asked for")
}

// leakTorBrowser is a link where Tor Browser is there: a program of its place
// and name writes down what it is started with.
func leakTorBrowser(a *arm) {
	const link = "https://10.77.0.7/clicked?a=b&c=$(d);e"
	saw, browser := filepath.Join(a.home, "saw"), filepath.Join(a.home, "tor-browser/Browser/start-tor-browser")
	write(a.t, browser, "#!/bin/sh\nfor w; do printf '[%s]' \"$w\"; done >'"+saw+".new' && mv '"+saw+".new' '"+saw+"'\n")
	if err := os.Chmod(browser, 0o700); err != nil {
		a.t.Fatal(err)
	}
	h, _, _ := a.meet()
	h.Do("link", link)
	h.Sync("clicked")
	if a.plugin {
		until(a.t, "Tor Browser is started", h.Patience, func() bool {
			words, err := os.ReadFile(saw)
			return err == nil && string(words) == "["+link+"]"
		})
	}
	if h.Find(`^uri `) != "" {
		a.trait(1, "link for the program's browser")
	}
	h.Quit()
}

// leakMedia is what the real Pidgin says that it can do with voice and video:
// once for the program, so by an account beside the protected one.
func leakMedia(a *arm) {
	closed, open := a.user("a.test", shared), a.user("a.test", shared)
	dir := a.realDir(inPidgin, closed, open)
	if a.plugin {
		a.install(dir, a.plain, a.helper)
		a.protect(dir, a.level, closed.id())
	}
	a.pidgin(dir)
	a.bound(1, closed)
	a.bound(1, open)
	b := a.buddy()
	b.send("<iq type='get' id='abilities' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", a.full(open))
	answer := b.expect(`^<iq .*id='abilities'`)
	a.trait(strings.Count(answer, "urn:xmpp:jingle:apps:rtp:audio")+strings.Count(answer, "urn:xmpp:jingle:apps:rtp:video"), "abilities")
}
