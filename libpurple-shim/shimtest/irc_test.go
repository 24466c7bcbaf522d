// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"fmt"
	"strings"
	"testing"
)

const channel = "#room"

var ircWays = []way{
	{"typed", func(s session, text string) { s.do("type", s.id, "bob", text) }, false},
	{"a pounce, a plugin, an away reply", func(s session, text string) { s.do("send", s.id, "bob", text) }, false},
	{"typed in a channel", func(s session, text string) { s.do("type", s.id, channel, text) }, true},
	{"chat_send", func(s session, text string) { s.do("chat-send", s.id, channel, text) }, true},
	{"/me", func(s session, text string) { s.do("slash", s.id, "bob", "me "+text) }, false},
	{"/me in a channel", func(s session, text string) { s.do("slash", s.id, channel, "me "+text) }, true},
	{"/msg", func(s session, text string) { s.do("slash", s.id, "bob", "msg eve "+text) }, false},
	{"/notice", func(s session, text string) { s.do("slash", s.id, "bob", "notice eve "+text) }, false},
	{"/query", func(s session, text string) { s.do("slash", s.id, "bob", "query eve "+text) }, false},
	{"/ctcp", func(s session, text string) { s.do("slash", s.id, "bob", "ctcp eve "+text) }, false},
	{"/quote", func(s session, text string) { s.do("slash", s.id, "bob", "quote PRIVMSG eve :"+text) }, false},
	{"/nickserv", func(s session, text string) { s.do("slash", s.id, "bob", "nickserv identify "+text) }, false},
	{"/topic", func(s session, text string) { s.do("slash", s.id, channel, "topic "+text) }, true},
	{"topic", func(s session, text string) { s.do("topic", s.id, channel, text) }, true},
	{"/away", func(s session, text string) { s.do("slash", s.id, "bob", "away "+text) }, false},
	{"status text", func(s session, text string) { s.do("status", s.id, "away", text) }, false},
	{"/kick", func(s session, text string) { s.do("slash", s.id, channel, "kick eve "+text) }, true},
	{"send_raw", func(s session, text string) { s.do("raw", s.id, "PRIVMSG eve :"+text+`\r\n`) }, false},
	{"/part", func(s session, text string) { s.do("slash", s.id, channel, "part #other "+text) }, true},
	{"/wallops", func(s session, text string) { s.do("slash", s.id, channel, "wallops "+text) }, true},
}

func enterChannel(s session) {
	s.do("join", s.id, channel)
	s.expect(`^joined `)
	s.sync("entered")
}

// Every way to send on IRC ends at a guard; the guard of the lines alone is
// enough, and the queue lives on behind each line that it took out.
func TestIRCWays(t *testing.T) {
	for name, rules := range map[string]string{"all guards": "*|readable|BLOCK", "lines alone": "IRC|readable|BLOCK"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &ircServer{}
			s := onIRC(t, x, "secret", true)
			enterChannel(s)
			s.do("env", "FAKE_WIRE", rules)
			s.sync("guarded")
			for i, w := range ircWays {
				w.do(s, fmt.Sprint("readable-", i, "-"))
			}
			s.marker(&x.record, "dave")
			for i, w := range ircWays {
				if strings.Contains(x.String(), fmt.Sprint("readable-", i, "-")) {
					t.Errorf("%s: the server got %q", w.name, x.String())
				}
			}
			s.quit()
		})
	}
}

func TestIRCWaysControl(t *testing.T) {
	for _, plugin := range []bool{true, false} {
		t.Run(fmt.Sprint("plugin ", plugin), func(t *testing.T) {
			t.Parallel()
			x := &ircServer{}
			s := onIRC(t, x, "none", plugin)
			enterChannel(s)
			for i, w := range ircWays {
				w.do(s, fmt.Sprint("readable-", i, "-"))
			}
			for i := range ircWays {
				x.got(t, fmt.Sprint("readable-", i, "-"))
			}
			s.quit()
		})
	}
}

// line gives what goes instead of a line of IRC's queue.
func (s session) line(text string) string {
	s.t.Helper()
	s.do("irc-line", s.id, strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(text))
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(strings.TrimPrefix(s.expect(`^line `), "line "))
}

// What goes instead of a line is never shorter than it, or the queue would
// send the rest of the old one, and consists of lines that a server takes.
func TestIRCLineLengths(t *testing.T) {
	t.Parallel()
	s := onIRC(t, &ircServer{}, "secret", true, "FAKE_WIRE=IRC|secret|BLOCK;IRC|offered|BLOCK|;IRC|AWAY :gone|ALLOW|AWAY;IRC|QUIT|ALLOW")
	for _, n := range []int{9, 10, 17, 18, 200, 399, 400, 401, 408, 409, 410, 799, 800, 801, 4000} {
		long, other := strings.Repeat("y", n), strings.Repeat("z", n)
		for _, tt := range []struct{ line, want string }{
			{"secret" + long[6:n-2] + "\r\n", ""},
			{"AWAY :gone" + long + "\r\n", "AWAY" + long + "\r\n"},
			{other + "\r\n", other + "\r\n"},
		} {
			got := s.line(tt.line)
			if len(got) < len(tt.line) || len(got) > len(tt.line)+9 {
				t.Errorf("%d bytes instead of %d", len(got), len(tt.line))
			}
			rest, found := strings.CutPrefix(got, tt.want)
			if !found {
				t.Errorf("%q instead of %q", got, tt.line)
			}
			for _, l := range strings.SplitAfter(rest, "\r\n") {
				if l != "" && (!strings.HasPrefix(l, "PING :x") || !strings.HasSuffix(l, "x\r\n") || len(l) > 400) {
					t.Errorf("%q goes instead of %q", l, tt.line)
				}
			}
		}
	}
	if got := s.line("s\r\n"); got != "s\r\n" {
		t.Errorf("a short line became %q", got)
	}
	s.do("env", "FAKE_WIRE", "BLOCK")
	if got := s.line("s\r\n"); got != "PING :x\r\n" {
		t.Errorf("a short line became %q", got)
	}
	s.do("env", "FAKE_WIRE", "ALLOW")
	s.quit()
}

// The rest of a line that the socket did not take whole comes by again. It is
// completed with what went, and with nothing of what did not.
func TestIRCPartialLines(t *testing.T) {
	t.Parallel()
	const otr = "PRIVMSG bob :?OTR:AAMDabcdefghij.\r\n"
	const plain = "PRIVMSG bob :secret JOIN #plain\r\n"
	s := onIRC(t, &ircServer{}, "secret", true)
	s.do("env", "FAKE_WIRE", "IRC|secret|BLOCK;IRC|?OTR:|ALLOW;IRC|JOIN|ALLOW;IRC||BLOCK")
	if got := s.line(otr); got != otr {
		t.Errorf("%q instead of an encrypted line", got)
	}
	for n := len("PRIVMSG bob :") + 1; n < len(otr); n++ {
		if got := s.line(otr[n:]); got != otr[n:] {
			t.Errorf("%q instead of the rest %q", got, otr[n:])
		}
	}
	instead := s.line(plain)
	for n := 1; n < len(plain); n++ {
		if got := s.line(plain[n:]); got != instead[n:] {
			t.Errorf("%q instead of the rest %q", got, instead[n:])
		}
	}
	// A command is not the rest of one, even if one ended like it.
	s.line("PRIVMSG bob :?OTR:JOIN me WHO me\r\n")
	if got := s.line("WHO me\r\n"); got == "WHO me\r\n" {
		t.Error("a command passed as the rest of a line")
	}
	s.do("env", "FAKE_WIRE", "ALLOW")
	s.quit()
}

// OTR's end does not reach IRC's queue: the queue dies with the connection,
// and only QUIT overtakes it. The lines go with it.
func TestIRCFarewell(t *testing.T) {
	for _, how := range []string{"disconnect", "quit", "/quit"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			x := &ircServer{}
			s := onIRC(t, x, "secret", true, "FAKE_WIRE=IRC|forbidden|BLOCK", "FAKE_FAREWELL=SEND|bob|farewell one;SEND|bob|forbidden;SEND|eve|farewell two")
			switch how {
			case "quit":
				s.quit()
			case "/quit":
				s.do("slash", s.id, "bob", "quit")
			default:
				s.do("disconnect", s.id)
			}
			x.got(t, "QUIT")
			x.got(t, "PRIVMSG bob :farewell one\r\n")
			x.got(t, "PRIVMSG eve :farewell two\r\n")
			x.lacks(t, "forbidden")
		})
	}
}
