// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"fmt"
	"strings"
	"testing"
)

// questions are what anybody who knows the address may ask; libpurple answers
// each by itself, with a word that tells something.
var questions = []struct{ name, query, tells string }{
	{"version", "<query xmlns='jabber:iq:version'/>", "<version>"},
	{"last activity", "<query xmlns='jabber:iq:last'/>", "seconds="},
	{"time", "<time xmlns='urn:xmpp:time'/>", "<tzo>"},
	{"features", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "<feature "},
	{"items", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "type='result'"},
}

func (s session) question(x *xmppServer, id, query string) {
	x.send("<iq type='get' from='eve@server.test/x' to='alice@server.test/here' id='" + id + "'>" + query + "</iq>")
}

// A stranger's question gets the answer of a program that does not know it,
// once, and nothing else.
func TestArrivedQuestions(t *testing.T) {
	for _, lvl := range []string{"tor", "secret"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := realAt(t, x, lvl, "")
			x.forget()
			for _, q := range questions {
				s.question(x, "q-"+strings.ReplaceAll(q.name, " ", "-"), q.query)
				x.got(t, "id='q-"+strings.ReplaceAll(q.name, " ", "-"))
			}
			s.question(x, "ping", "<ping xmlns='urn:xmpp:ping'/>")
			x.got(t, "id='ping'")
			s.sync("answered")
			got := x.String()
			for _, q := range questions {
				if strings.Contains(got, q.tells) && q.tells != "type='result'" {
					t.Errorf("%s: the server got %q", q.name, got)
				}
				if n := strings.Count(got, "id='q-"+strings.ReplaceAll(q.name, " ", "-")+"'"); n != 1 {
					t.Errorf("%s was answered %d times: %q", q.name, n, got)
				}
			}
			if n := strings.Count(got, "<service-unavailable"); n != len(questions) {
				t.Errorf("%d refusals: %q", n, got)
			}
			s.quit()
		})
	}
}

func TestArrivedQuestionsControl(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := realAt(t, x, "none", "")
	for _, q := range questions {
		x.forget()
		s.question(x, "q", q.query)
		x.got(t, q.tells)
	}
	s.quit()
}

// What a helper refuses without a word of what to answer is answered by
// nobody, and one that is broken lets nothing in.
func TestArrivedAndNoHelper(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "tor", true, "FAKE_WIRE=ARRIVED|jabber:iq:time|ALLOW;ARRIVED|query|BLOCK")
	x.forget()
	s.question(x, "q1", questions[0].query)
	s.question(x, "q2", "<query xmlns='jabber:iq:time'/>")
	x.got(t, "id='q2'")
	s.do("env", "FAKE_BROKEN", "1")
	s.sync("broken")
	x.message(bob+"/x", "hello")
	s.question(x, "q3", questions[1].query)
	s.do("ping", "x")
	s.sync("asked")
	x.lacks(t, "q1")
	x.lacks(t, "q3")
	if s.Find(`^message .*hello`) != "" {
		t.Error("a message came in past a broken helper")
	}
	s.quit()
}

// offers are files and calls that a contact may offer.
var offers = []string{
	"<si xmlns='http://jabber.org/protocol/si' id='s' profile='http://jabber.org/protocol/si/profile/file-transfer'><file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='f' size='9'/>" +
		"<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'><field var='stream-method' type='list-single'><option><value>http://jabber.org/protocol/bytestreams</value></option></field></x></feature></si>",
	"<query xmlns='jabber:iq:oob'><url>http://127.0.0.1:1/f</url></query>",
	"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='1' initiator='bob@server.test/x'/>",
	"<open xmlns='http://jabber.org/protocol/ibb' block-size='4096' sid='1'/>",
}

func TestArrivedOffers(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"tor", "none"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := realAt(t, x, lvl, "")
			s.do("buddy", s.id, bob)
			for _, o := range offers {
				x.forget()
				x.send("<iq type='set' from='bob@server.test/x' to='alice@server.test/here' id='offer'>" + o + "</iq>")
				if lvl != "none" {
					x.got(t, "<error type='cancel'><service-unavailable")
				}
			}
			s.question(x, "ping", "<ping xmlns='urn:xmpp:ping'/>")
			x.got(t, "id='ping'")
			s.sync("offered")
			if seen := s.Find(`^xfer `) != ""; seen != (lvl == "none") {
				t.Errorf("the offer of a file was seen: %v", seen)
			}
			s.quit()
		})
	}
}

// A contact's avatar may name an address: libpurple fetches it, in no
// account's name, and frees memory twice when the account goes offline.
func TestAvatarAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lvl string
		stripped  bool
		namespace string
	}{
		{"level tor", "tor", true, ""}, {"level secret", "secret", true, ""}, {"other namespaces", "secret", true, "b:"},
		{"control", "none", false, ""}, {"control, other namespaces", "none", false, "b:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port, first := listener(t)
			x := &xmppServer{}
			s := realAt(t, x, c.lvl, "")
			s.do("buddy", s.id, bob)
			s.sync("known")
			x.send("<message type='headline' from='" + bob + "' to='alice@server.test/here'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'><item id='0123456789012345678901234567890123456789'>" +
				"<metadata xmlns='urn:xmpp:avatar:metadata' xmlns:b='urn:b'><" + c.namespace + "info bytes='9' id='0123456789012345678901234567890123456789' type='image/png' " + c.namespace + "url='http://127.0.0.1:" + port + "/a.png'/></metadata></item></items></event></message>")
			if !c.stripped {
				if got := take(t, first); !strings.HasPrefix(got, "GET ") {
					t.Errorf("nobody fetched it: %q", got)
				}
				return // libpurple would crash
			}
			x.message(bob+"/x", "behind it")
			s.expect(`^message .*behind it`)
			s.do("disconnect", s.id)
			s.expect(`^signed-off`)
			s.quit()
			select {
			case got := <-first:
				t.Errorf("it was fetched: %q", got)
			default:
			}
		})
	}
}

// ctcps are questions and offers by CTCP.
var ctcps = []string{"\x01VERSION\x01", "\x01PING 12345\x01", "\x01DCC SEND secret.txt 2130706433 9 10\x01"}

func TestArrivedCTCP(t *testing.T) {
	t.Parallel()
	for _, protect := range []bool{true, false} {
		t.Run(map[bool]string{true: "protected", false: "control"}[protect], func(t *testing.T) {
			t.Parallel()
			x := &ircServer{}
			var s session
			if protect {
				s = realIRC(t, x)
			} else {
				s = onIRC(t, x, "none", true)
			}
			for _, c := range ctcps {
				x.send(":eve!e@e.test PRIVMSG al :" + c + "\r\n")
			}
			x.send("PING :still-there\r\n")
			x.got(t, "still-there")
			s.sync("asked")
			told := strings.Contains(x.String(), "\x01VERSION") && strings.Contains(x.String(), "\x01PING 12345")
			if told == protect {
				t.Errorf("answers went: %v: %q", told, x.String())
			}
			if offered := s.Find(`^xfer `) != ""; offered == protect {
				t.Errorf("the file was offered: %v", offered)
			}
			x.send(":eve!e@e.test PRIVMSG al :\x01ACTION waves\x01\r\n")
			s.expect(`^message .*/me waves`)
			s.quit()
		})
	}
}

// What the helper gives instead of a line of IRC is taken only where it is as
// long as the line; else libpurple has nothing of it.
func TestArrivedIRCLengths(t *testing.T) {
	t.Parallel()
	x := &ircServer{}
	s := onIRC(t, x, "tor", true, "FAKE_WIRE=LINE|same|ALLOW|SAME;LINE|short|ALLOW|s;LINE|long|ALLOW|longer;LINE|bare|BLOCK")
	for _, text := range []string{"same", "short", "long", "bare", "end"} {
		x.send(":eve!e@e.test PRIVMSG al :" + text + "\r\n")
	}
	s.expect(`^message .* end$`)
	if s.Find(`^message .* SAME$`) == "" || s.Find(`^message .*(short|long|bare| s$|xx)`) != "" {
		t.Error("not what was to be seen")
	}
	s.quit()
}

// libpurple reads elements nested however deep, and frees them by a call
// within a call: a million of them end the program.
func TestArrivedTooDeep(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("<a>", 1e6) + "x" + strings.Repeat("</a>", 1e6)
	x := &xmppServer{}
	s := realAt(t, x, "tor", "")
	s.Patience *= 3
	for _, open := range []string{"message from='eve@server.test/x'", "presence from='eve@server.test/x'", "iq type='result' id='x'", "iq type='get' id='y'", "challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"} {
		name, _, _ := strings.Cut(open, " ")
		x.send("<" + open + "><b/>" + nested + "<c/></" + name + ">")
	}
	x.message("bob@server.test/x", "the last of them")
	s.expect(`^message .*the last of them`)
	s.quit()
}

// Of a flood of questions a few are answered, and none is let through to
// libpurple; a roster push in it is taken.
func TestArrivedFlood(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := realAt(t, x, "tor", "")
	x.forget()
	var all strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&all, "<iq type='get' from='eve@server.test/x' id='flood%d'><query xmlns='jabber:iq:version'/></iq>", i)
	}
	x.send(all.String() + "<iq type='set' id='push'><query xmlns='jabber:iq:roster'><item jid='pushed@server.test' subscription='both'/></query></iq>")
	x.got(t, "id='push'")
	s.sync("flooded")
	got := x.String()
	if n := strings.Count(got, "<service-unavailable"); n == 0 || n > 1000 || strings.Contains(got, "<version>") {
		t.Errorf("%d questions of a flood were answered: %.3000s", n, got)
	}
	s.quit()
}
