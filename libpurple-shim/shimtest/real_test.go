// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keyMaking is how long the search for an OTR key's primes may take on a busy
// machine: the first query comes after it.
const keyMaking = 3 * time.Minute

// imitation imitates Tor as far as the helper proves it (THREATS.md: a program
// of the same user is not told apart), and hands each connection for a port
// to the server of that port.
func imitation(t *testing.T, servers map[int]func(net.Conn)) (port string) {
	t.Helper()
	return serve(t, func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, 512)
		read := func(n int) bool { _, err := io.ReadFull(c, buf[:n]); return err == nil }
		if !read(2) || !read(int(buf[1])) {
			return
		}
		_, _ = c.Write([]byte{5, 2})
		if !read(2) || !read(int(buf[1])) || !read(1) || !read(int(buf[0])) {
			return
		}
		_, _ = c.Write([]byte{1, 0})
		if !read(4) {
			return
		}
		command, kind := buf[1], buf[3]
		if kind != 3 || !read(1) {
			return
		}
		length := int(buf[0])
		if !read(length + 2) {
			return
		}
		handle := servers[int(buf[length])<<8|int(buf[length+1])]
		address, err := netip.ParseAddr(string(buf[:length]))
		switch {
		case command == 0xF0 && err == nil:
			ip := address.As4()
			_, _ = c.Write(append(append([]byte{5, 0, 0, 1}, ip[:]...), 0, 0))
		case command == 1 && handle != nil:
			_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			handle(c)
		default:
			_, _ = c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		}
	})
}

// withRealHelper brings a secret account online at a server of ours: the real
// libpurple, plugin and helper, and an imitation of Tor.
func withRealHelper(t *testing.T, a account, cert *tls.Config, port int, handle func(net.Conn), env ...string) session {
	t.Helper()
	s := prepared(t, "secret", []account{a}, cert, port, handle, "", env...)
	s.signOn()
	return s
}

// prepared is as withRealHelper, but not online yet, at any level. The first
// account is the one that gets it; more is added to config.toml, in front.
func prepared(t *testing.T, lvl string, accounts []account, cert *tls.Config, port int, handle func(net.Conn), more string, env ...string) session {
	t.Helper()
	a := accounts[0]
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificates[0].Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "purple-onion", "config.toml")
	if err := os.Mkdir(filepath.Dir(conf), 0o700); err != nil {
		t.Fatal(err)
	}
	tor := imitation(t, map[int]func(net.Conn){port: handle})
	id := a.protocol + ":" + a.name
	text := more + fmt.Sprintf("[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:%s\"\n[accounts.%s]\nca_file = %s\n", tor, strconv.Quote(id), strconv.Quote(ca))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := session{id: id, dir: userDir(t, accounts...), plugin: install(t, real), config: dir}
	s.host = run(t, s.dir, s.plugin, append([]string{"XDG_CONFIG_HOME=" + dir}, env...)...)
	s.do("forms", "1")
	s.do("answer", id, map[string]string{"none": "0", "tor": "1", "secret": "2"}[lvl])
	if lvl != "none" {
		s.do("action", "Protect")
		s.expect(`^pressed`)
	}
	return s
}

func realXMPP(t *testing.T, x *xmppServer, env ...string) session {
	t.Helper()
	x.tls = certificate(t)
	return withRealHelper(t, direct("alice@server.test/"), x.tls, 5222, x.handle, env...)
}

// realAt is as realXMPP, at any level; at level none, and where plugin is
// false, it is a control arm. Another account is enabled and not protected.
func realAt(t *testing.T, x *xmppServer, lvl, more string, env ...string) session {
	t.Helper()
	if lvl == "none" {
		return online(t, x, lvl, true, env...)
	}
	x.tls = certificate(t)
	other := direct("other@127.0.0.1/")
	other.settings = "<setting name='port' type='int'>" + closedPort(t) + "</setting>"
	s := prepared(t, lvl, []account{direct("alice@server.test/"), other}, x.tls, 5222, x.handle, more, env...)
	s.do("enable", "prpl-jabber:other@127.0.0.1/", "1")
	s.signOn()
	return s
}

func realIRC(t *testing.T, x *ircServer) session {
	t.Helper()
	cert := certificate(t)
	a := account{"prpl-irc", "al@server.test", "<setting name='ratelimit-interval' type='int'>0</setting>", "<proxy><type>none</type></proxy>"}
	return withRealHelper(t, a, cert, 6697, func(c net.Conn) { x.handle(tls.Server(c, cert)) })
}

// alone gives the ways that need no chat: a secret account gets into none.
func alone(ways []way) (out []way) {
	for _, w := range ways {
		if !w.chat {
			out = append(out, w)
		}
	}
	return out
}

// With the real helper too: no way of sending brings a readable word to the
// server, and the account stays online and asks for OTR.
func TestRealXMPPWays(t *testing.T) {
	t.Parallel()
	x := &xmppServer{room: room}
	s := realXMPP(t, x)
	meet(s, x)
	for range 2 {
		s.do("join", s.id, room)
	}
	s.expect(`^notify purple-onion \| alice@server\.test.* multi-user chats are not end-to-end encrypted`)
	x.forget()
	for _, w := range alone(xmppWays) {
		w.do(s, "readable")
		s.sync(w.name)
		x.lacks(t, "readable")
	}
	x.gotWithin(t, "<body>?OTRv3?</body>", keyMaking)
	if s.Find(`^wrote bob@server\.test system nolog \| .*key is being made`) == "" || s.Find(`^wrote bob@server\.test system nolog \| Held, not sent`) == "" {
		t.Error("the person was not told")
	}
	s.do("slash", s.id, bob, "otr status")
	s.expect(`^wrote .* system nolog \| .*held`)
	s.do("disconnect", s.id)
	s.expect(`^signed-off`)
	x.lacks(t, "readable")
	s.quit()
}

func TestRealIRCWays(t *testing.T) {
	t.Parallel()
	x := &ircServer{}
	s := realIRC(t, x)
	for i, w := range alone(ircWays) {
		w.do(s, fmt.Sprint("readable-", i, "-"))
	}
	s.do("slash", s.id, "bob", "nickserv identify readable-password")
	s.expect(`^notify purple-onion \| .*log in by SASL`)
	s.do("join", s.id, "#room")
	s.expect(`^notify purple-onion \| .* multi-user chats are not end-to-end encrypted`)
	x.gotWithin(t, "PRIVMSG bob :?OTRv3?\r\n", keyMaking)
	s.do("slash", s.id, "bob", "nick other")
	x.got(t, "NICK")
	x.lacks(t, "readable")
	s.quit()
	x.lacks(t, "readable")
}

// A helper that panics in the midst of a session lets nothing out any more.
func TestRealHelperPanics(t *testing.T) {
	t.Parallel()
	x := &xmppServer{room: room}
	s := realXMPP(t, x, "PURPLE_ONION_TEST_PANIC=decide_send")
	meet(s, x)
	s.do("type", s.id, bob, "readable")
	s.expect(`^wrote bob@server\.test error nolog \| .*internal error`)
	x.forget()
	for _, w := range xmppWays[:5] {
		w.do(s, "readable")
	}
	s.expect(`^signed-off`)
	s.sync("off")
	if got := x.String(); got != "" {
		t.Errorf("the server got %q", got)
	}
	s.quit()
}

// ... and one that panics over a certificate is no false certificate.
func TestRealHelperPanicsOverACertificate(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	x.tls = certificate(t)
	s := prepared(t, "secret", []account{direct("alice@server.test/")}, x.tls, 5222, x.handle, "", "PURPLE_ONION_TEST_PANIC=decide_certificate")
	s.do("enable", s.id, "1")
	s.expect(`^error ` + s.id + ` fatal purple-onion: an internal error.*\(internal-error\)`)
	s.expect(`^signed-off`)
	x.lacks(t, "<auth")
	s.quit()
}

// What a status or a command says goes without its words, and the person is
// told once: in the conversation that they look at, else in a window.
func TestWordsKeptBack(t *testing.T) {
	t.Parallel()
	t.Run("IRC", func(t *testing.T) {
		t.Parallel()
		x := &ircServer{}
		s := realIRC(t, x)
		s.do("slash", s.id, "bob", "away readable-away")
		s.expect(`^notify purple-onion \| al@server\.test \| The words were kept back`)
		for _, line := range []string{"quote TOPIC #room :readable-topic", "quote KICK #room eve :readable-kick", "part #room readable-part"} {
			s.do("slash", s.id, "#room", line)
		}
		s.sync("told")
		if n := count(s.Seen, "The words were kept back"); n != 1 {
			t.Errorf("told %d times", n)
		}
		x.got(t, "AWAY")
		x.got(t, "KICK #room eve")
		s.quit()
		x.lacks(t, "readable")
	})
	t.Run("looked at", func(t *testing.T) {
		t.Parallel()
		s := realIRC(t, &ircServer{})
		s.do("look", s.id, "bob")
		s.do("slash", s.id, "bob", "away readable-away")
		s.expect(`^wrote bob error nolog \| The words were kept back`)
		s.do("look", s.id)
		s.quit()
		if s.Find(`^notify .*kept back`) != "" {
			t.Error("told twice")
		}
	})
	t.Run("XMPP", func(t *testing.T) {
		t.Parallel()
		x := &xmppServer{}
		s := realXMPP(t, x)
		s.do("status", s.id, "away", "readable-status")
		s.expect(`^notify purple-onion \| alice@server\.test/ \| The words were kept back`)
		x.got(t, "<presence><show>away</show></presence>")
		s.do("node", s.id, "<iq type='set' id='1' to='room@chat.server.test'><query xmlns='http://jabber.org/protocol/muc#admin'><item nick='e' role='none'><reason>readable-kick</reason></item></query></iq>")
		s.expect(`^notify purple-onion \| alice@server\.test/ \| Not sent: multi-user chats`)
		s.expect(`^node kept back`)
		s.quit()
		x.lacks(t, "readable")
	})
}

func count(lines []string, words string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// What is held when the program ends is gone; the next start says so, once, and
// nothing on disk tells what it was, or to whom.
func TestHeldAtTheEnd(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := realXMPP(t, x)
	s.do("type", s.id, bob, "readable-one")
	s.do("type", s.id, bob, "readable-two")
	s.expect(`^wrote bob@server\.test send nolog \| readable-two`)
	s.quit()
	prefs, err := os.ReadFile(filepath.Join(s.dir, "prefs.xml"))
	if err != nil || !strings.Contains(string(prefs), "dropped") || strings.Contains(string(prefs), "bob") || strings.Contains(string(prefs), "readable") {
		t.Errorf("prefs.xml (%v): %s", err, prefs)
	}
	for i, want := range []bool{true, false} {
		s.host = run(t, s.dir, s.plugin, "XDG_CONFIG_HOME="+s.config)
		s.sync("started")
		if told := s.Find(`^notify purple-onion \| Held messages were dropped \| .* 2 messages were held, and not sent\.`) != ""; told != want {
			t.Errorf("start %d after it: told %v", i+1, told)
		}
		s.quit()
	}
	x.lacks(t, "readable")
}
