// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What the helper decides about a typed message happens, and the person sees
// what did.
func TestTyped(t *testing.T) {
	tests := []struct{ name, rules, shown, sent string }{
		{"allowed", "ALLOW", `^wrote bob@server\.test send \| some words$`, ">some words<"},
		{"replaced", "TYPED|some|ALLOW|other", `^wrote bob@server\.test send \| some words$`, ">other words<"},
		{"replaced below", "IM|some|ALLOW|other", `^wrote bob@server\.test send \| some words$`, ">other words<"},
		{"held", "TYPED|some|HOLD", `^wrote bob@server\.test send nolog \| some words$`, ""},
		{"blocked", "TYPED|some|BLOCK", `^wrote bob@server\.test error nolog \| fake &lt;TYPED&gt; said no$`, ""},
		{"blocked below", "IM|some|BLOCK", `^wrote bob@server\.test error nolog \| fake &lt;IM&gt; said no$`, ""},
		{"blocked at the stanza", "STANZA|some|BLOCK", `^wrote bob@server\.test error nolog \| fake &lt;STANZA&gt; said no$`, ""},
		{"of two minds", "TYPED|some|SAYS", `^wrote bob@server\.test error nolog \| fake &lt;TYPED&gt; said no$`, ""},
		{"of two minds, the other way", "TYPED|some|WRITES", `^wrote bob@server\.test error nolog \| purple-onion.*no answer$`, ""},
		{"held below", "IM|some|HOLD", `^wrote bob@server\.test error nolog \| purple-onion.*no answer$`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := online(t, x, "secret", true, "FAKE_WIRE="+tt.rules)
			s.do("type", s.id, bob, "some words")
			s.expect(tt.shown)
			s.expect(`^typed$`)
			s.do("env", "FAKE_WIRE", "ALLOW")
			s.marker(&x.record, bob)
			if tt.sent != "" {
				x.got(t, tt.sent)
			} else {
				x.lacks(t, "some")
			}
			s.quit()
		})
	}
}

// Where nobody answers, everything that is not known to be unprotected is
// blocked, in the midst of a session too, and the person is told once.
func TestBrokenInSession(t *testing.T) {
	t.Parallel()
	x := &xmppServer{room: room}
	s := online(t, x, "tor", true)
	enter(s, x)
	s.do("env", "FAKE_BROKEN", "1")
	s.sync("broken")
	x.forget()
	for _, w := range xmppWays {
		w.do(s, "readable")
	}
	s.do("type", s.id, bob, "readable")
	s.expect(`^wrote bob@server\.test error nolog \| purple-onion.*helper gave no answer$`)
	s.do("got", s.id, bob, "unseen")
	s.sync("received")
	if line := s.Find("unseen"); line != "" {
		t.Errorf("shown: %s", line)
	}
	s.do("slash", s.id, bob, "otr status")
	s.expect(`^wrote .* system nolog \| .*helper does not work`)
	s.do("disconnect", s.id)
	s.expect(`^signed-off`)
	s.sync("off")
	if got := x.String(); got != "" {
		t.Errorf("the server got %q", got)
	}
	s.quit()
}

func TestReceived(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true, "FAKE_WIRE=RECEIVED|drop|BLOCK;RECEIVED|cipher|ALLOW|clear;RECEIVED|split|SAYS")
	// Another plugin sees what is shown, not what came; ours is not asked
	// twice.
	s.do("meddle", "receive", "-9998", "x")
	x.message(bob+"/x", "cipher")
	s.expect(`^meddler saw clear$`)
	s.expect(`^wrote bob@server\.test/x recv \| clear$`)
	x.message(bob+"/x", "drop this")
	s.expect(`^wrote bob@server\.test/x system nolog \| fake &lt;RECEIVED&gt; said no$`)
	x.message(bob+"/x", "split this")
	s.expect(`^wrote bob@server\.test/x system nolog \| purple-onion|^wrote bob@server\.test/x system nolog \| fake`)
	// A line of OTR's own is taken out without a word.
	s.do("env", "FAKE_WIRE", "BLOCK")
	s.sync("blocking")
	x.message(bob+"/x", "drop this")
	s.do("got", s.id, bob, "drop this")
	s.sync("dropped")
	s.do("env", "FAKE_WIRE", "ALLOW")
	x.message(bob+"/x", "the end")
	s.expect(`^wrote bob@server\.test/x recv \| the end$`)
	if line := s.Find(`no answer`); line != "" {
		t.Errorf("told: %s", line)
	}
	if line := s.Find(`(drop|split) this`); line != "" {
		t.Errorf("shown: %s", line)
	}
	s.quit()
}

// Lines go before the message that brought them, each by the guards; a line of
// a session that is over does not go.
func TestLines(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true, "FAKE_WIRE=STANZA|forbidden|BLOCK;RECEIVED|<b>|BLOCK;TYPED|lines|ALLOW|ciphertext",
		"FAKE_LINES=SEND|bob@server.test|line one;SAY|bob@server.test|say <b>this</b>;STALE|bob@server.test|line of before;"+
			"SEND|bob@server.test|forbidden line;SEND|bob@server.test|line two;SHOW|eve@server.test|<b>shown</b>",
		"FAKE_LATE=SAY|carol@server.test|late words;SEND|carol@server.test|late line",
		"FAKE_FAREWELL=SEND|bob@server.test|farewell")
	s.do("type", s.id, bob, "with lines")
	s.expect(`^wrote bob@server\.test system nolog \| say &lt;b&gt;this&lt;/b&gt;$`)
	s.expect(`^message .* eve@server\.test <b>shown</b>$`)
	s.expect(`^wrote eve@server\.test recv nolog \| <b>shown</b>$`)
	s.expect(`^wrote bob@server\.test send \| with lines$`)
	x.got(t, ">with ciphertext<")
	got := x.String()
	if !regexp.MustCompile(`(?s)>line one<.*>line two<.*>with ciphertext<`).MatchString(got) || strings.Contains(got, "forbidden") || strings.Contains(got, "line of before") {
		t.Errorf("the server got %q", got)
	}
	s.do("slash", s.id, bob, "otr status")
	s.expect(`^wrote carol@server\.test system nolog \| late words$`)
	x.got(t, ">late line<")
	s.do("disconnect", s.id)
	s.expect(`^signed-off`)
	x.got(t, ">farewell<")
	s.quit()
}

// Peers hear of the end also when the plugin is unloaded, and at the end of
// the program; not over a connection that never came to be.
func TestFarewell(t *testing.T) {
	for _, how := range []string{"unload", "quit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := online(t, x, "secret", true, "FAKE_FAREWELL=SEND|bob@server.test|farewell")
			if how == "unload" {
				s.do("unload", s.plugin)
				s.expect(`^unloaded .* 1$`)
			} else {
				s.quit()
			}
			x.got(t, ">farewell<")
		})
	}
}

// Another plugin's changes are seen, whatever its priority: what a handler
// does after ours meets the guard below. Of two handlers of one priority the
// one that came later runs first (signals.c), so that at 9999 it still runs
// before the one that sends.
func TestMeddlers(t *testing.T) {
	tests := []struct{ what, priority string }{
		{"im", "0"}, {"im", "9999"}, {"node", "0"}, {"node", "9997"}, {"node", "9998"}, {"node", "9999"},
	}
	for _, tt := range tests {
		t.Run(tt.what+" "+tt.priority, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := online(t, x, "secret", true, "FAKE_WIRE=TYPED|readable|BLOCK;IM|readable|BLOCK;STANZA|readable|BLOCK;TEXT|<message|BLOCK")
			s.do("type", s.id, bob, "words")
			x.got(t, "words")
			s.do("meddle", tt.what, tt.priority, "readable")
			s.do("type", s.id, bob, "words")
			s.do("type", s.id, bob, "words")
			s.sync("sent")
			s.do("disconnect", s.id)
			x.got(t, "</stream:stream>")
			x.lacks(t, "readable")
			s.quit()
		})
	}
	for _, tt := range tests {
		t.Run("control "+tt.what+" "+tt.priority, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := online(t, x, "secret", true)
			s.do("meddle", tt.what, tt.priority, "readable")
			s.do("type", s.id, bob, "words")
			s.sync("sent")
			s.do("disconnect", s.id)
			x.got(t, "</stream:stream>")
			x.got(t, "readable")
			s.quit()
		})
	}
}

// What a person typed is judged as the other plugins leave it: ours is last,
// but for another of the same priority that was there before.
func TestTypedIsLast(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true, "FAKE_WIRE=TYPED|readable|BLOCK")
	s.do("meddle", "im", "9999", "readable")
	s.do("type", s.id, bob, "words")
	s.expect(`^wrote bob@server\.test error nolog \| fake &lt;TYPED&gt; said no$`)
	x.lacks(t, "readable")
	s.quit()
}

// A stanza can go instead of another, without the first one's parts.
func TestStanzaReplaced(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true, "FAKE_WIRE=STANZA|words</body>|ALLOW|other</body><extra/>;STANZA|broken|ALLOW|<")
	for i := range 50 {
		s.do("type", s.id, bob, fmt.Sprint(i, " words"))
		s.do("type", s.id, bob, "broken")
	}
	x.got(t, ">49 other</body><extra/>")
	x.lacks(t, "words")
	x.lacks(t, "broken")
	s.quit()
}

// What XEP-0198 has libpurple send again passes the guard again (jabber.c).
func TestResentStanza(t *testing.T) {
	for _, rules := range []string{"ALLOW", "STANZA|readable|BLOCK"} {
		t.Run(rules, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{sm: true}
			s := online(t, x, "secret", true)
			s.do("type", s.id, bob, "readable")
			x.got(t, ">readable<")
			s.do("disconnect", s.id)
			s.expect(`^signed-off`)
			x.forget()
			s.do("env", "FAKE_WIRE", rules)
			s.do("connect", s.id)
			s.expect(`^signed-on`)
			s.marker(&x.record, bob)
			if got := strings.Contains(x.String(), "readable"); got != (rules == "ALLOW") {
				t.Errorf("the server got %q", x.String())
			}
			s.quit()
		})
	}
}

// A chat's messages meet guards of their own, typed and not.
func TestChat(t *testing.T) {
	t.Parallel()
	x := &xmppServer{room: room}
	s := online(t, x, "secret", true, "FAKE_WIRE=CHAT|some|BLOCK;CHAT|replace|ALLOW|other;CHAT|minds|SAYS;CHAT|hold|HOLD")
	enter(s, x)
	for _, text := range []string{"some words", "two minds", "hold it"} {
		s.do("type", s.id, room, text)
		s.expect(`^wrote room@chat\.server\.test error nolog \| `)
		s.expect(`^typed`)
		s.do("chat-send", s.id, room, text)
		s.expect(`^wrote room@chat\.server\.test error nolog \| `)
		s.expect(`^sent -1$`)
		x.lacks(t, text)
	}
	s.do("type", s.id, room, "replace")
	x.got(t, ">other<")
	s.do("chat-send", s.id, room, "replace again")
	x.got(t, ">other again<")
	s.quit()
}

// send_raw is refused whole, and what was allowed as a stanza passes as text
// in that very call alone.
func TestRawText(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true, "FAKE_WIRE=TEXT|<message|BLOCK;TEXT|swap|ALLOW|other")
	for _, raw := range [][]string{{"<message/>"}, {" @<message/>", "12"}, {" @ok", "4"}, {"swap"}} {
		s.do(append([]string{"raw", s.id}, raw...)...)
		s.expect(`^raw -1$`)
	}
	s.do("raw", s.id, " ")
	s.expect(`^raw 1$`)
	s.do("jabber-text", s.id, "swap")
	s.expect(`^text \(none\)$`)
	s.do("jabber-text", s.id, "anything")
	s.expect(`^text anything$`)
	s.do("type", s.id, bob, "words")
	x.got(t, "words</body></message>")
	stanza := x.String()[strings.Index(x.String(), "<message"):]
	s.do("jabber-text", s.id, stanza)
	s.expect(`^text \(none\)$`)
	s.quit()
}
