// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

const (
	xmppID = "prpl-jabber:alice@server.test/"
	ircID  = "prpl-irc:al@irc.test"
	bob    = "bob@server.test"
	room   = "room@chat.server.test"
)

// run starts the host without strace. plugin may be empty.
func run(t *testing.T, dir, plugin string, env ...string) *host {
	t.Helper()
	return runHost(t, "build/asan/test/host", dir, plugin, env...)
}

func runHost(t *testing.T, program, dir, plugin string, env ...string) *host {
	t.Helper()
	cmd := exec.Command(filepath.Join(root, program), dir)
	if plugin != "" {
		cmd.Args = append(cmd.Args, plugin)
	}
	home := t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "XDG_STATE_HOME=" + home,
		"ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0"}, env...)
	h := &host{drive.Start(t, cmd), t, ""}
	if plugin != "" && h.Find(`^loaded .* 1$`) == "" {
		t.Fatal("the plugin does not load")
	}
	return h
}

// level gives a setting of the protection level; none has none.
func level(name string) string {
	if name == "none" {
		return ""
	}
	return "<setting name='purple-onion/protection' type='string'>" + name + "</setting>"
}

// session is an account online at a server of ours. With level none and with
// plugin false it is a control arm: there is no gate and no TLS.
type session struct {
	*host
	id     string
	plugin string
	dir    string
	config string // XDG_CONFIG_HOME of the real helper
}

// xmppAccount is alice, at one of the levels.
func xmppAccount(lvl, port string) account {
	a := account{"prpl-jabber", "alice@server.test/", level(lvl), deadProxy}
	if lvl == "none" {
		a.proxy = "<proxy><type>none</type></proxy>"
		a.settings += "<setting name='connect_server' type='string'>127.0.0.1</setting><setting name='port' type='int'>" + port +
			"</setting><setting name='connection_security' type='string'>opportunistic_tls</setting><setting name='auth_plain_in_clear' type='bool'>1</setting>"
	}
	return a
}

func ircAccount(lvl, port string) account {
	a := account{"prpl-irc", "al@irc.test", level(lvl), deadProxy}
	a.settings += "<setting name='ratelimit-interval' type='int'>0</setting><setting name='autodetect_utf8' type='bool'>0</setting>"
	if lvl == "none" {
		a.name = "al@127.0.0.1"
		a.proxy = "<proxy><type>none</type></proxy>"
		a.settings += "<setting name='port' type='int'>" + port + "</setting>"
	}
	return a
}

// online brings alice online at x.
func online(t *testing.T, x *xmppServer, lvl string, plugin bool, env ...string) session {
	t.Helper()
	var port string
	if lvl == "none" {
		port = serve(t, x.handle)
	} else {
		x.tls = certificate(t)
		port = gate(t, x.handle)
	}
	return begin(t, xmppAccount(lvl, port), port, plugin, env...)
}

// onIRC brings al online at s.
func onIRC(t *testing.T, s *ircServer, lvl string, plugin bool, env ...string) session {
	t.Helper()
	var port string
	if lvl == "none" {
		port = serve(t, s.handle)
	} else {
		port = gate(t, s.handle)
	}
	return begin(t, ircAccount(lvl, port), port, plugin, env...)
}

func begin(t *testing.T, a account, port string, plugin bool, env ...string) session {
	t.Helper()
	s := session{id: a.protocol + ":" + a.name, dir: userDir(t, a)}
	if plugin {
		s.plugin = install(t, fake)
	}
	s.host = run(t, s.dir, s.plugin, append(allowing(port), env...)...)
	s.signOn()
	return s
}

// allowing is the environment of a fake helper that lets everything through.
func allowing(port string) []string {
	return []string{"FAKE_HELPER=allow:" + port, "FAKE_ACCEPTS=1", "FAKE_WIRE=ALLOW"}
}

func (s session) signOn() {
	s.t.Helper()
	s.do("enable", s.id, "1")
	s.expect(`^signed-on `)
	s.sync("online")
}

func (s session) quit() { s.t.Helper(); s.Quit() }

// marker sends what is allowed, behind what is not, and waits for it: what was
// to come before has come.
func (s session) marker(r *record, who string) {
	s.t.Helper()
	s.do("type", s.id, who, "marker")
	r.got(s.t, "marker")
}

// way is one way to send; do sends a text on it. In a chat that one was let
// into, or not.
type way struct {
	name string
	do   func(s session, text string)
	chat bool
}

var xmppWays = []way{
	{"typed", func(s session, text string) { s.do("type", s.id, bob, text) }, false},
	{"typed as HTML", func(s session, text string) { s.do("type", s.id, bob, "<b>"+text+"</b>") }, false},
	{"to a resource", func(s session, text string) { s.do("type", s.id, bob+"/x", text) }, false},
	{"a pounce, a plugin, an away reply", func(s session, text string) { s.do("send", s.id, bob, text) }, false},
	{"me", func(s session, text string) { s.do("type", s.id, bob, "/me "+text) }, false},
	{"typed in a chat", func(s session, text string) { s.do("type", s.id, room, text) }, true},
	{"chat_send", func(s session, text string) { s.do("chat-send", s.id, room, text) }, true},
	{"topic", func(s session, text string) { s.do("topic", s.id, room, text) }, true},
	{"invitation", func(s session, text string) { s.do("invite", s.id, room, bob, text) }, true},
	{"status text", func(s session, text string) { s.do("status", s.id, "away", text) }, false},
	{"nudge", func(s session, _ string) { s.do("attention", s.id, bob) }, false},
	{"send_raw", func(s session, text string) {
		s.do("raw", s.id, "<message to='bob@server.test'><body>"+text+"</body></message>")
	}, false},
	{"send_raw with a length", func(s session, text string) {
		s.do("raw", s.id, " @<message to='bob@server.test'><body>"+text+"</body></message>", "60")
	}, false},
}

// meet lets bob, who understands nudges, appear.
func meet(s session, x *xmppServer) {
	s.do("buddy", s.id, bob)
	s.sync("known")
	x.send("<presence from='" + bob + "/x' to='alice@server.test/here'><c xmlns='http://jabber.org/protocol/caps' node='n' ver='v'/></presence>")
	x.got(s.t, "disco#info' node='n#v'")
	s.sync("met")
}

// enter joins the room too.
func enter(s session, x *xmppServer) {
	s.do("join", s.id, room)
	s.expect(`^joined `)
	meet(s, x)
}

// Every way to send on XMPP ends at a guard: what it does not allow does not
// arrive. Without protection it does, or the test would show nothing. The
// stanza guard alone is enough, whatever the ones above it let through.
func TestXMPPWays(t *testing.T) {
	const stanzas = "*|marker|ALLOW;STANZA|<message|BLOCK;STANZA|readable|BLOCK;TEXT|message|BLOCK"
	for name, rules := range map[string]string{"all guards": stanzas + ";*|readable|BLOCK", "stanzas alone": stanzas} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{room: room}
			s := online(t, x, "secret", true)
			enter(s, x)
			s.do("env", "FAKE_WIRE", rules)
			s.sync("guarded")
			for _, w := range xmppWays {
				x.forget()
				w.do(s, "readable")
				s.marker(&x.record, bob)
				s.sync(w.name)
				got := strings.ReplaceAll(x.String(), "<body>marker</body>", "")
				if strings.Contains(got, "readable") || strings.Contains(got, "urn:xmpp:attention:0'/></message>") || strings.Contains(got, "body>") {
					t.Errorf("%s: the server got %q", w.name, got)
				}
			}
			if line := s.Find(`^wrote ` + room + `/alice`); line != "" {
				t.Errorf("told of a presence: %s", line)
			}
			s.quit()
		})
	}
}

func TestXMPPWaysControl(t *testing.T) {
	for _, plugin := range []bool{true, false} {
		t.Run(fmt.Sprint("plugin ", plugin), func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{room: room}
			s := online(t, x, "none", plugin)
			enter(s, x)
			for _, w := range xmppWays {
				w.do(s, "readable")
				if w.name == "nudge" {
					x.got(t, "urn:xmpp:attention:0'/></message>")
				} else {
					x.got(t, "readable")
				}
				s.sync(w.name)
				x.forget()
			}
			s.quit()
		})
	}
}
