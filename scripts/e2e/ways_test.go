// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// way is one way in which a program sends text. Its do may use the
// conversation with a buddy, a stranger's name, and a room that was entered.
type way struct {
	name string
	do   func(h *drive.Host, id, buddy, room, text string)
	mark string // what shows that it arrived where the text itself is not in it
}

// neverTor are the ways that no protected account has.
var neverTor = []string{"send_raw", "send_raw, not a message", "/ctcp"}

func slash(command string) func(h *drive.Host, id, buddy, room, text string) {
	return func(h *drive.Host, id, buddy, _, text string) { h.Do("slash", id, buddy, command+text) }
}

func slashInRoom(command string) func(h *drive.Host, id, buddy, room, text string) {
	return func(h *drive.Host, id, _, room, text string) { h.Do("slash", id, room, command+text) }
}

var anyWays = []way{
	{"typed", func(h *drive.Host, id, buddy, _, text string) { h.Do("type", id, buddy, text) }, ""},
	{"a pounce, a plugin, an away reply", func(h *drive.Host, id, buddy, _, text string) { h.Do("send", id, buddy, text) }, ""},
	{"typed in a chat", func(h *drive.Host, id, _, room, text string) { h.Do("type", id, room, text) }, ""},
	{"chat_send", func(h *drive.Host, id, _, room, text string) { h.Do("chat-send", id, room, text) }, ""},
	{"topic", func(h *drive.Host, id, _, room, text string) { h.Do("topic", id, room, text) }, ""},
	{"status text", func(h *drive.Host, id, _, _, text string) { h.Do("status", id, "away", text) }, ""},
}

var xmppWays = append([]way{
	{"typed as HTML", func(h *drive.Host, id, buddy, _, text string) { h.Do("type", id, buddy, "<b>"+text+"</b>") }, ""},
	{"typed as OTR", func(h *drive.Host, id, buddy, _, text string) { h.Do("type", id, buddy, "?OTR:"+text) }, ""},
	{"to a resource", func(h *drive.Host, id, buddy, _, text string) { h.Do("type", id, buddy+"/x", text) }, ""},
	{"/me", func(h *drive.Host, id, buddy, _, text string) { h.Do("type", id, buddy, "/me "+text) }, ""},
	{"invitation's reason", func(h *drive.Host, id, buddy, room, text string) { h.Do("invite", id, room, buddy, text) }, ""},
	{"attention", func(h *drive.Host, id, buddy, _, _ string) { h.Do("attention", id, buddy) }, "<attention xmlns='urn:xmpp:attention:0'"},
	{"send_raw", func(h *drive.Host, id, buddy, _, text string) {
		h.Do("raw", id, "<message to='"+buddy+"'><body>"+text+"</body></message>")
	}, ""},
	{"send_raw, not a message", func(h *drive.Host, id, _, _, text string) {
		h.Do("raw", id, "<iq type='set' id='r1'><query xmlns='jabber:iq:private'><n xmlns='x:y'>"+text+"</n></query></iq>")
	}, ""},
}, anyWays...)

var ircWays = append([]way{
	{"/me", slash("me "), ""},
	{"/me in a channel", slashInRoom("me "), ""},
	{"/msg", slash("msg eve "), ""},
	{"/notice", slash("notice eve "), ""},
	{"/query", slash("query eve "), ""},
	{"/ctcp", slash("ctcp eve "), ""},
	{"/quote", slash("quote PRIVMSG eve :"), ""},
	{"/nickserv", slash("nickserv identify "), ""},
	{"/topic", slashInRoom("topic "), ""},
	{"/away", slash("away "), ""},
	{"/kick", slashInRoom("kick eve "), ""},
	{"/part", slashInRoom("part #other "), ""},
	{"send_raw", func(h *drive.Host, id, _, _, text string) { h.Do("raw", id, "PRIVMSG eve :"+text+`\r\n`) }, ""},
}, anyWays...)

// talker is a host in a client of its own, online at a level.
type talker struct {
	*drive.Host
	c   *client
	a   account
	dir string
}

// newTalker signs an account on, over Tor, with the plugin.
func newTalker(t testing.TB, name, level string, a account) *talker {
	t.Helper()
	c := newClient(t, name)
	if a.protocol == "prpl-jabber" {
		user(t, bare(a.name))
	}
	c.env = append(c.env, "GOGC=1") // what must outlive the helper's garbage collection is seen to
	s := &talker{c: c, a: a, dir: c.userDir(a)}
	if level != "none" {
		c.protect(s.dir, level, a.id())
	}
	s.Host = c.host(s.dir, true)
	settle(s.Host)
	online(s.Host, a.id())
	return s
}

func (s *talker) id() string  { return s.a.id() }
func (s *talker) jid() string { return bare(s.a.name) }

// await is Expect for a line that may have been seen already.
func (s *talker) await(pattern string) string {
	if line := s.Find(pattern); line != "" {
		return line
	}
	return s.Expect(pattern)
}

// in is received for this talker.
func (s *talker) in(t testing.TB) func() string {
	return func() string {
		if s.a.protocol == "prpl-irc" {
			nick, _, _ := strings.Cut(s.a.name, "@")
			return receivedIRC(t, nick)
		}
		return received(t, s.jid())
	}
}

func irc(nick string) account {
	return account{"prpl-irc", nick + "@irc.test",
		"<setting name='ssl' type='bool'>1</setting><setting name='port' type='int'>6698</setting>", shared}
}

// enter joins a room; a secret account is refused it, and has none.
func (s *talker) enter(room string) {
	s.Do("join", s.id(), room)
	s.Expect(`^joined `)
}

// run tells the names of this run from those of another in the same lab.
var run = func() string {
	n := time.Now().Unix()
	return string([]byte{'a' + byte(n%26), 'a' + byte(n/26%26)})
}()

// marker is a word that nobody else sends, of letters alone.
func marker(level, protocol string, i int) string {
	return fmt.Sprintf("readable%s%s%s%c%c", run, level, strings.TrimPrefix(protocol, "prpl-"), 'a'+i/26, 'a'+i%26)
}

// The control arms: without protection, the plugin loaded, the text of every
// way arrives, readable; at level tor it does, too, but for the ways that no
// protected account has.
func TestWaysArrive(t *testing.T) {
	for _, level := range []string{"none", "tor"} {
		name := "ways" + level + run
		tests := []struct {
			a           account
			buddy, room string
			ways        []way
		}{
			{jabber(name+"@a.test/", shared), name + "-friend@a.test", name + "@chat.a.test", xmppWays},
			{irc("w" + level + run), "friend", "#" + name, ircWays},
		}
		for _, tt := range tests {
			t.Run(level+" "+tt.a.protocol, func(t *testing.T) {
				t.Parallel()
				s := newTalker(t, name+tt.a.protocol[4:], level, tt.a)
				if tt.a.protocol == "prpl-jabber" {
					s.befriend(t, tt.buddy)
				}
				s.enter(tt.room)
				for i, w := range tt.ways {
					if level == "tor" && slices.Contains(neverTor, w.name) {
						continue
					}
					text := marker(level, tt.a.protocol, i)
					w.do(s.Host, s.id(), tt.buddy, tt.room, text)
					if w.mark != "" {
						text = w.mark
					}
					arrives(t, s.in(t), text)
				}
				s.Quit()
			})
		}
	}
}

// needRoom are the ways that want a room that was entered.
var needRoom = []string{"chat_send", "topic", "invitation's reason"}

// At level secret nothing readable arrives by any of the ways, the room is
// not entered, and the person is told. What was typed last shows
// that all before it was dealt with: its query arrives.
func TestWaysAtLevelSecret(t *testing.T) {
	tests := []struct {
		a                 account
		buddy, room, last string
		query             string
		ways              []way
		held, notSent     int
	}{
		{jabber("wsecret"+run+"@a.test/", direct), "friend" + run + "@a.test", "room" + run + "@chat.a.test", "last" + run + "@a.test",
			`to='last` + run + `@a\.test'[^>]*>(<[^>]*/>)*<body>\?OTRv3\?</body>`, xmppWays, 7, 2},
		{irc("wsecret" + run), "friend", "#wayssecret", "last", `PRIVMSG last :\?OTRv3\?`, ircWays, 5, 6},
	}
	for _, tt := range tests {
		t.Run(tt.a.protocol, func(t *testing.T) {
			t.Parallel()
			s := newTalker(t, "wayssecret"+tt.a.protocol[4:], "secret", tt.a)
			if tt.a.protocol == "prpl-jabber" {
				s.befriend(t, tt.buddy)
			}
			s.Do("join", s.id(), tt.room)
			s.Sync("joined")
			for i, w := range tt.ways {
				if slices.Contains(needRoom, w.name) {
					continue
				}
				w.do(s.Host, s.id(), tt.buddy, tt.room, marker("secret", tt.a.protocol, i))
				s.Sync(fmt.Sprint("way", i))
			}
			s.Do("type", s.id(), tt.last, marker("secret", tt.a.protocol, 99))
			re := regexp.MustCompile(tt.query)
			until(t, "the last query arrives", 90*time.Second, func() bool { return re.MatchString(s.in(t)()) })
			s.Sync("all")
			if held, not := count(s.Seen, "Held, not sent: "), count(s.Seen, "Not sent: "); held != tt.held || not != tt.notSent {
				t.Errorf("%d held and %d not sent were told, want %d and %d", held, not, tt.held, tt.notSent)
			}
			s.await(`^notify purple-onion \| .*The words were kept back: `) // of the status
			s.Quit()
			got := s.in(t)()
			for _, bad := range []string{"readable", "<attention", "<html", "to='" + tt.room + "/", "JOIN"} {
				if strings.Contains(got, bad) {
					t.Errorf("the server got %q:\n%s", bad, got)
				}
			}
			s.c.clean()
		})
	}
}

// count says how many lines of conversations have the words.
func count(lines []string, words string) (n int) {
	for _, line := range lines {
		if strings.HasPrefix(line, "wrote ") && strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// befriend has a friend appear who understands nudges: attention is offered to
// no one else. Her host stays online as long as the test.
func (s *talker) befriend(t testing.TB, jid string) {
	t.Helper()
	user(t, jid)
	friend := newClient(t, strings.ReplaceAll(bare(jid)[:strings.Index(jid, "@")], ".", "-"), "--no-tor")
	a := jabber(jid+"/x", direct)
	h := friend.host(friend.userDir(a), false)
	online(h, a.id())
	s.Do("add", s.id(), jid)
	h.Expect(`Recv.*<presence[^>]*type=['"]subscribe['"]`)
	h.Do("raw", a.id(), "<presence to='"+s.jid()+"' type='subscribed'/>")
	s.Patience = 60 * time.Second
	s.await(`Recv.*urn:xmpp:attention:0`) // what her program can do
	s.Sync("befriended")
}
