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
	{"typed", func(s session, text string) { s.do("type", s.id, "bob", text) }},
	{"a pounce, a plugin, an away reply", func(s session, text string) { s.do("send", s.id, "bob", text) }},
	{"typed in a channel", func(s session, text string) { s.do("type", s.id, channel, text) }},
	{"chat_send", func(s session, text string) { s.do("chat-send", s.id, channel, text) }},
	{"/me", func(s session, text string) { s.do("slash", s.id, "bob", "me "+text) }},
	{"/me in a channel", func(s session, text string) { s.do("slash", s.id, channel, "me "+text) }},
	{"/msg", func(s session, text string) { s.do("slash", s.id, "bob", "msg eve "+text) }},
	{"/notice", func(s session, text string) { s.do("slash", s.id, "bob", "notice eve "+text) }},
	{"/query", func(s session, text string) { s.do("slash", s.id, "bob", "query eve "+text) }},
	{"/ctcp", func(s session, text string) { s.do("slash", s.id, "bob", "ctcp eve "+text) }},
	{"/quote", func(s session, text string) { s.do("slash", s.id, "bob", "quote PRIVMSG eve :"+text) }},
	{"/nickserv", func(s session, text string) { s.do("slash", s.id, "bob", "nickserv identify "+text) }},
	{"/topic", func(s session, text string) { s.do("slash", s.id, channel, "topic "+text) }},
	{"topic", func(s session, text string) { s.do("topic", s.id, channel, text) }},
	{"/away", func(s session, text string) { s.do("slash", s.id, "bob", "away "+text) }},
	{"status text", func(s session, text string) { s.do("status", s.id, "away", text) }},
	{"/kick", func(s session, text string) { s.do("slash", s.id, channel, "kick eve "+text) }},
	{"send_raw", func(s session, text string) { s.do("raw", s.id, "PRIVMSG eve :"+text+`\r\n`) }},
	{"/part", func(s session, text string) { s.do("slash", s.id, channel, "part #other "+text) }},
	{"/wallops", func(s session, text string) { s.do("slash", s.id, channel, "wallops "+text) }},
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
