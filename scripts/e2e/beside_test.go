// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// friends has the server a.test know that all these see each other's
// presence; none of them has signed on yet.
func friends(t testing.TB, jids ...string) {
	t.Helper()
	for _, jid := range jids {
		user, _, _ := strings.Cut(jid, "@")
		var roster strings.Builder
		for _, other := range jids {
			if other != jid {
				fmt.Fprintf(&roster, "[%q] = { subscription = \"both\"; groups = {}; };\n", other)
			}
		}
		write(t, filepath.Join(os.Getenv("LAB_DIR"), "xmpp/a/a%2etest/roster", user+".dat"),
			"return {\n[false] = { version = 1; pending = {}; };\n"+roster.String()+"};\n")
	}
}

// types types a line into the conversation with a buddy, as a person does.
func (p *peer) types(buddy, line string) {
	p.t.Helper()
	until(p.t, "the tab of "+buddy, 20*time.Second, func() bool {
		if _, err := p.try("xdotool", "search", "--onlyvisible", "--name", "@a.test", "windowactivate", "--sync"); err != nil {
			return false
		}
		name, err := p.try("xdotool", "getactivewindow", "getwindowname")
		if err == nil && strings.HasPrefix(name, buddy) {
			return true
		}
		_, _ = p.try("xdotool", "key", "--delay", "100", "ctrl+Page_Down")
		return false
	})
	p.x("xdotool", "type", "--delay", "20", line)
	p.x("xdotool", "key", "Return")
}

// togglePidginOTR ticks or unticks pidgin-otr in Pidgin's list of plugins,
// and waits until the program has done it.
func (p *peer) togglePidginOTR(loaded bool) {
	p.t.Helper()
	p.keys("Buddy List", "ctrl+u")
	p.window("Plugins")
	p.x("xdotool", "type", "--delay", "100", "Off-the-")
	p.x("xdotool", "key", "--delay", "200", "Escape", "Left", "space")
	until(p.t, fmt.Sprint("pidgin-otr is loaded: ", loaded), 20*time.Second, func() bool {
		return strings.Contains(p.call("PurplePrefsGetPathList", "string:/pidgin/plugins/loaded"), "pidgin-otr.so") == loaded
	})
	p.keys("Plugins", "alt+c")
	p.gone("Plugins")
}

// otrState is what the three files are, their inodes and times with it:
// pidgin-otr writes into a file, and purple-onion replaces it.
func otrState(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "otr.*"))
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		info, serr := os.Stat(file)
		if err != nil || serr != nil {
			t.Fatal(err, serr)
		}
		state[filepath.Base(file)] = fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino, info.ModTime(), info.Mode(), "\n", string(data))
	}
	return state
}

// beside is an account with purple-onion and pidgin-otr, and two buddies: b has
// purple-onion alone, q pidgin-otr alone.
type beside struct {
	*peer
	b *talker
	q *peer
}

// talks has both of two say something that the other reads.
func (s beside) talks(word string) {
	s.t.Helper()
	s.says(s.b.jid(), "readableto"+word)
	s.b.Expect(`^wrote \S+ recv .*readableto` + word)
	s.b.Do("type", s.b.id(), bare(s.a.name), "readablefrom"+word)
	s.reads("readablefrom" + word)
}

// The real Pidgin with purple-onion and pidgin-otr, which keeps the
// cryptography: both buddies have private conversations, the server reads
// nothing, and purple-onion touches none of pidgin-otr's files.
func TestBesidePidginOTR(t *testing.T) {
	t.Parallel()
	name := func(who string) account { return jabber("beside"+who+run+"@a.test/", direct) }
	a := name("a")
	her := bare(a.name)
	friends(t, her, bare(name("b").name), bare(name("q").name))
	s := beside{b: newTalker(t, "beside-b", "secret", name("b")), q: newPeer(t, "besideq"+run)}
	s.b.Patience = 90 * time.Second
	user(t, her)
	c := newClient(t, "beside-a")
	dir := c.realDir(inPidgin, a)
	s.peer = c.besidePidginOTR(dir, a)
	his := bare(s.q.a.name)

	// The control arm: without the guard, pidgin-otr sends in clear.
	s.q.says("nobody@a.test", "readablecontrol")
	arrives(t, func() string { return received(t, his) }, "readablecontrol")

	s.says(his, "readableclear")
	s.reads("Not sent: this account sends nothing unencrypted")
	until(t, "a private conversation with pidgin-otr", 90*time.Second, func() bool {
		return strings.Contains(s.shown(), "onversation with") && strings.Contains(s.q.shown(), "onversation with")
	})
	s.says(his, "readabletoq")
	s.q.reads("readabletoq")
	s.q.says(her, "readablefromq")
	s.reads("readablefromq")

	s.meet(s.b, "readablefirst")
	s.talks("b")

	s.keepsOut(dir)
	s.fallsBack()
	s.changesHands(dir)
	s.ends()
	if got := received(t, her) + received(t, s.b.jid()); strings.Contains(got, "readable") || !strings.Contains(got, "?OTR:AAMD") {
		t.Errorf("the server got %.3000s", got)
	}
	if shown := s.q.shown(); strings.Contains(shown, "readableclear") {
		t.Errorf("what was not sent arrived: %s", shown)
	}
	s.b.Quit()
	s.b.c.clean()
	c.clean()
}

// keepsOut: purple-onion's own commands and forms say whose affair it is, and
// leave pidgin-otr's files as they are.
func (s beside) keepsOut(dir string) {
	s.t.Helper()
	before := otrState(s.t, dir)
	commands := []string{"start", "accept", "end", "refresh", "verify " + bobsKey, "secret x", "key new", "key take"}
	for _, verb := range commands {
		s.types(s.b.jid(), "/otr "+verb)
	}
	s.types(s.b.jid(), "/otr status")
	s.reads("Beside pidgin-otr: it encrypts")
	if got := strings.Count(s.shown(), "pidgin-otr encrypts this account&apos;s messages"); got != len(commands) {
		s.t.Errorf("%d of %d commands say that pidgin-otr encrypts: %s", got, len(commands), s.shown())
	}
	s.keys("Buddy List", "alt+t", "Up", "Right", "Down", "Return")
	s.keys("Keys and fingerprints", "Tab", "Tab", "Tab", "Down", "Down", "Down", "Down", "Return") // Forget
	s.window("purple-onion")
	s.see("beside-forget")
	s.keys("purple-onion", "Escape")
	s.gone("purple-onion")
	if after := otrState(s.t, dir); len(before) != 3 || !reflect.DeepEqual(after, before) {
		s.t.Errorf("purple-onion wrote pidgin-otr's files: %v became %v", before, after)
	}
}

const bobsKey = "0123456789abcdef0123456789abcdef01234567"

// fallsBack: what came readable is marked; pidgin-otr's words about a message
// that it cannot read are the guard's, and the buddy begins anew.
func (s beside) fallsBack() {
	s.t.Helper()
	s.talks("before")
	her, sent := bare(s.a.name), s.b.sent(s.t)
	inject(s.t, s.b.jid(), her, "forgedplain")
	s.reads("[was NOT encrypted]</b> forgedplain")
	inject(s.t, s.b.jid(), her, sent[len(sent)-1]) // a replay
	s.b.Expect(`^wrote \S+ system .*reports: You sent an encrypted message that cannot be read here`)
	s.b.Expect(`^wrote \S+ system .*The last message was sent again, encrypted to the same key`)
	if got := received(s.t, her); strings.Count(got, "?OTR Error") != strings.Count(got, "<body>?OTR Error: You sent an encrypted message that cannot be read here.</body>") {
		s.t.Errorf("pidgin-otr's own words left: %.3000s", got)
	}
	s.reads("[resent] readablefrombefore")
	s.talks("error")
}

// changesHands: unloaded, pidgin-otr leaves the account to purple-onion, with
// its key; loaded again, it has it back.
func (s beside) changesHands(dir string) {
	s.t.Helper()
	her, his, keys := bare(s.a.name), bare(s.q.a.name), s.c.otr(dir, "keys")
	s.togglePidginOTR(false)
	s.b.Do("type", s.b.id(), her, "readablemeanwhile") // to a session that is no more
	s.reads("An encrypted message could not be read")
	s.types(s.b.jid(), "readablenative")
	s.b.Expect(`^wrote \S+ recv .*readablenative`)
	s.reads("[resent] readablemeanwhile")
	s.types(s.b.jid(), "/otr status")
	s.reads("OTR by purple-onion: Unverified")

	s.togglePidginOTR(true)
	s.reads("pidgin-otr encrypts from now on. The private conversation has ended (Not private)")
	s.b.Expect(`^wrote \S+ system .*has ended the private conversation \(Finished\)`)
	s.b.Do("slash", s.b.id(), her, "otr start")
	s.b.Do("type", s.b.id(), her, "readableagain")
	s.reads("readableagain")
	s.talks("again")
	until(s.t, "a session with him, whom pidgin-otr has forgotten", 60*time.Second, func() bool {
		s.says(his, "readablequit")
		time.Sleep(time.Second)
		return strings.Contains(s.q.shown(), "readablequit")
	})
	if now := s.c.otr(dir, "keys"); !reflect.DeepEqual(now, keys) {
		s.t.Errorf("the keys %+v became %+v", keys, now)
	}
}

// ends: Pidgin quits, pidgin-otr's last words leave, encrypted, and the buddy
// sees that the conversation has ended. (pidgin-otr has none for a buddy who is
// not online as far as it knows.)
func (s beside) ends() {
	s.t.Helper()
	s.quit()
	until(s.t, "Finished", 60*time.Second, func() bool { return strings.Contains(s.b.status(bare(s.a.name)), "Finished") })
}
