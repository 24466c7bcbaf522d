// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// atStart begins the program with an account enabled, as it was left, and
// gives what comes of it.
func atStart(t *testing.T, lvl, config string) (s session, x *xmppServer) {
	t.Helper()
	state := t.TempDir()
	x = &xmppServer{tls: certificate(t)}
	a := direct("alice@server.test/")
	a.proxy += "<settings ui='host'><setting name='auto-login' type='bool'>1</setting></settings>"
	s = prepared(t, lvl, []account{a}, x.tls, 5222, x.handle, config, "XDG_STATE_HOME="+state)
	s.quit()
	x.forget()
	s.host = run(t, s.dir, s.plugin, "XDG_STATE_HOME="+state, "XDG_CONFIG_HOME="+s.config, "HOST_START=1")
	return s, x
}

// A secret account does not sign on because the program starts, nor because
// something else connects it; a person's word makes it.
func TestNotAtStart(t *testing.T) {
	t.Parallel()
	s, x := atStart(t, "secret", "")
	refused := `^error .* fatal purple-onion: secret accounts do not sign on when the program starts.*\(not-at-start\)`
	if s.Find(refused) == "" {
		t.Error("it signs on with the program")
	}
	s.expect(`^signed-off `)
	s.do("connect", s.id)
	s.expect(refused)
	s.expect(`^signed-off `)
	if got := x.String(); got != "" {
		t.Errorf("the server got %q", got)
	}
	s.do("enable", s.id, "0")
	s.do("enable", s.id, "1")
	s.expect(`^signed-on `)
	s.do("disconnect", s.id)
	s.expect(`^signed-off `)
	s.do("connect", s.id) // as after an error of the network
	s.expect(`^signed-on `)
	s.quit()
}

// Setting the program's status is a person's word too, once it runs.
func TestNotAtStartButByStatus(t *testing.T) {
	t.Parallel()
	s, _ := atStart(t, "secret", "")
	s.expect(`^signed-off `)
	s.do("saved", "offline")
	s.sync("offline")
	s.do("saved", "available")
	s.expect(`^signed-on `)
	s.quit()
}

func TestNotAtStartControl(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{"level tor": {"tor", ""}, "autologin": {"secret", "autologin = true\n"}} {
		s, _ := atStart(t, c[0], c[1])
		s.expect(`^signed-on `)
		if s.Find(`not-at-start`) != "" {
			t.Errorf("%s: it was refused", name)
		}
		s.quit()
	}
}

// idle is what libpurple says of a person who does nothing.
const idle = "<query xmlns='jabber:iq:last' seconds="

func TestIdle(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"tor", "secret", "none"} {
		x := &xmppServer{}
		s := online(t, x, lvl, true)
		x.forget()
		s.do("idle", s.id, "600")
		s.do("status", s.id, "dnd")
		x.got(t, "<show>dnd</show>")
		if said := strings.Contains(x.String(), idle); said != (lvl == "none") {
			t.Errorf("%s: idle time was sent: %v: %q", lvl, said, x.String())
		}
		s.quit()
	}
}

// A secret account is available whatever the program is, and what was set for
// it alone stays; level tor follows the program.
func TestStatusOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"secret", "tor", "none"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := online(t, x, lvl, true)
			x.forget()
			s.do("saved", "away", "gone fishing")
			if lvl != "secret" {
				x.got(t, "<show>away</show>")
				x.got(t, "gone fishing")
				s.quit()
				return
			}
			s.marker(&x.record, bob)
			x.lacks(t, "<presence")
			s.do("active", s.id)
			s.expect(`^active available`)
			s.do("status", s.id, "dnd")
			x.got(t, "<show>dnd</show>")
			x.forget()
			for _, program := range []string{"available", "away"} {
				s.do("saved", program)
			}
			s.do("idle-away", "1")
			s.do("idle-away", "0")
			s.marker(&x.record, bob)
			x.lacks(t, "<presence")
			s.do("active", s.id)
			s.expect(`^active dnd`)
			s.do("status", s.id, "available")
			x.got(t, "<presence")
			x.lacks(t, "<show>")
			s.quit()
		})
	}
}

// Where the program is away already, a secret account signs on available.
func TestStatusAtSignOn(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"secret", "none"} {
		x := &xmppServer{}
		s := online(t, x, lvl, true)
		s.do("saved", "away", "gone fishing")
		s.do("disconnect", s.id)
		s.expect(`^signed-off`)
		x.forget()
		s.do("enable", s.id, "0")
		s.do("saved", "dnd", "do not")
		s.do("enable", s.id, "1")
		s.expect(`^signed-on`)
		x.got(t, "<presence")
		s.sync("on")
		if told := strings.Contains(x.String(), "<show>"); told != (lvl == "none") {
			t.Errorf("%s: the status was told: %v: %q", lvl, told, x.String())
		}
		s.quit()
	}
}

// What follows the program's status waits as long as the helper says; what
// was set for one account alone goes at once.
func TestStatusApart(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "tor", true, "FAKE_DELAY=3600000")
	x.forget()
	s.do("saved", "away")
	s.marker(&x.record, bob)
	x.lacks(t, "<show>")
	s.do("status", s.id, "dnd")
	x.got(t, "<show>dnd</show>")
	s.do("disconnect", s.id)
	s.expect(`^signed-off`)
	s.do("env", "FAKE_DELAY", "100")
	s.do("saved", "available")
	s.expect(`^signed-on`)
	x.forget()
	s.do("saved", "dnd")
	s.do("saved", "away")
	x.got(t, "<show>away</show>") // the newest, once
	x.lacks(t, "<show>dnd</show>")
	s.quit()
}

// The helper hears that a person signs an account off before anything of it
// is sent; of an end that nobody chose it hears afterwards alone.
func TestLeaving(t *testing.T) {
	t.Parallel()
	states := filepath.Join(t.TempDir(), "states")
	x := &xmppServer{}
	s := online(t, x, "tor", true, "FAKE_STATES="+states)
	s.do("disconnect", s.id)
	s.expect(`^signed-off`)
	s.do("connect", s.id)
	s.expect(`^signed-on`)
	x.send("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
	s.expect(`^signed-off`)
	s.quit()
	if got, err := os.ReadFile(states); err != nil || !strings.HasPrefix(string(got), "1201") {
		t.Errorf("states %q, %v", got, err)
	}
}

// A picture and a card of the person stay here.
func TestPictureAndCard(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"secret", "none"} {
		x := &xmppServer{}
		s := online(t, x, lvl, true)
		x.got(t, "vcard-temp") // libpurple looks at the old one first
		s.sync("had")
		s.do("icon", s.id, "no picture, but bytes")
		s.do("info", s.id, "<vCard xmlns='vcard-temp'><FN>Alice Real</FN></vCard>")
		if lvl == "none" {
			x.got(t, "Alice Real")
			x.got(t, "<PHOTO>")
		} else {
			s.marker(&x.record, bob)
			x.lacks(t, "Alice Real")
			x.lacks(t, "<PHOTO>")
		}
		s.quit()
	}
}

// The resource in an account's name stays here: the server chooses one, or the
// configuration does.
func TestResource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lvl, config, got string }{
		{"tor", "", ""}, {"secret", "", ""}, {"none", "", "<resource>my-laptop</resource>"},
		{"tor", "resource = \"here\"\n", "<resource>here</resource>"},
	} {
		x := &xmppServer{tls: certificate(t)}
		a := direct("alice@server.test/my-laptop")
		var s session
		if c.lvl == "none" {
			x.tls = nil
			port := serve(t, x.handle)
			a = xmppAccount("none", port)
			a.name = "alice@server.test/my-laptop"
			s = begin(t, a, port, true)
		} else {
			s = prepared(t, c.lvl, []account{a}, x.tls, 5222, x.handle, "")
			if c.config != "" {
				conf := filepath.Join(s.config, "purple-onion", "config.toml")
				text, err := os.ReadFile(conf)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(conf, append(text, c.config...), 0o600); err != nil {
					t.Fatal(err)
				}
				s.do("unload", s.plugin)
				s.do("load", s.plugin)
				s.expect(`^loaded .* 1`)
			}
			s.signOn()
		}
		x.got(t, "xmpp-bind'")
		got := x.String()
		if c.got == "" && strings.Contains(got, "<resource>") || !strings.Contains(got, c.got) {
			t.Errorf("%+v: the server got %q", c, got)
		}
		x.lacks(t, map[bool]string{true: "nothing of this", false: "my-laptop"}[c.lvl == "none"])
		s.quit()
	}
}

// Who protects an account hears where its resource names the computer or them.
func TestPlanWarnsOfTheResource(t *testing.T) {
	t.Parallel()
	for resource, told := range map[string]bool{"annettes-laptop": true, "Home": false} {
		x := &xmppServer{}
		s := prepared(t, "tor", []account{direct("alice@server.test/" + resource)}, certificate(t), 5222, x.handle, "", "USER=annette")
		if found := s.Find(`^ask .*This will change.*warning: the resource "`+resource+`" names`) != ""; found != told {
			t.Errorf("%s: told: %v", resource, found)
		}
		s.quit()
	}
}

// written lists the files below a user directory whose path has one of the
// words in it.
func written(t *testing.T, dir string, words ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		for _, w := range words {
			if err == nil && !d.IsDir() && strings.Contains(path[len(dir):], w) {
				found = append(found, path[len(dir):])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// An account's own log, its buddies' pictures and its server's certificate
// are not kept.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"secret", "none"} {
		x := &xmppServer{picture: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}
		var s session
		if lvl == "secret" {
			s = realAt(t, x, lvl, "")
		} else {
			s = online(t, x, lvl, true)
		}
		s.do("boolpref", "/purple/logging/log_system", "1")
		s.do("disconnect", s.id)
		s.expect(`^signed-off`)
		s.do("connect", s.id)
		s.expect(`^signed-on ` + s.id)
		s.do("buddy", s.id, bob)
		s.sync("known")
		x.send("<presence from='" + bob + "/x' to='alice@server.test/here'><x xmlns='vcard-temp:x:update'><photo>0123456789012345678901234567890123456789</photo></x></presence>")
		x.got(t, "to='"+bob+"'")
		s.sync("shown")
		s.do("caching")
		s.expect(map[string]string{"secret": `^caching 0`, "none": `^caching 1`}[lvl])
		s.do("disconnect", s.id)
		s.expect(`^signed-off`)
		s.quit()
		got := written(t, s.dir, "logs/", "icons/", "tls_peers/")
		if lvl == "secret" && len(got) > 0 {
			t.Errorf("kept: %q", got)
		}
		if all := strings.Join(got, " "); lvl == "none" && (!strings.Contains(all, "logs/jabber/alice@server.test/.system/") || !strings.Contains(all, "icons/")) {
			t.Errorf("nothing is kept without protection: %q", got)
		}
	}
}

// Pictures are kept in files again once no secret account is enabled.
func TestPicturesAreKeptAgain(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "secret", true)
	s.do("enable", s.id, "0")
	s.do("caching")
	s.expect(`^caching 1`)
	s.do("enable", s.id, "1")
	s.do("caching")
	s.expect(`^caching 0`)
	s.expect(`^signed-on`)
	s.do("unload", s.plugin)
	s.expect(`^unloaded .* 1`)
	s.do("caching")
	s.expect(`^caching 1`)
	s.quit()
}

// A status text, set for the program or for the account alone, on line or off,
// does not stay in accounts.xml.
func TestStatusTextIsNotKept(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"secret", "tor"} {
		x := &xmppServer{}
		s := online(t, x, lvl, true)
		s.do("saved", "away", "gone-fishing")
		s.do("status", s.id, "dnd", "writing-a-book")
		s.sync("told")
		s.do("disconnect", s.id)
		s.expect(`^signed-off`)
		s.do("status", s.id, "extended_away", "far-away")
		s.sync("off")
		s.quit()
		text, err := os.ReadFile(filepath.Join(s.dir, "accounts.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"gone-fishing", "writing-a-book", "far-away"} {
			kept := strings.Contains(string(text), "<attribute id='message' value='"+words+"'/>")
			if kept != (lvl == "tor") || lvl == "secret" && strings.Contains(string(text), words) {
				t.Errorf("%s: %s is kept: %v", lvl, words, kept)
			}
		}
	}
}

// What a person calls a buddy, and the group, stay here also when the server
// tells the roster as it knows it.
func TestRosterStaysHere(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := realAt(t, x, "secret", "")
	x.got(t, "<presence/>") // libpurple adds nobody before it has the roster
	s.sync("known")
	s.do("add", s.id, bob)
	s.do("alias", s.id, bob, "Deep Throat")
	s.do("group", s.id, bob, "sources")
	x.got(t, "jabber:iq:roster'><item")
	x.send("<iq type='set' id='push' to='alice@server.test/here'><query xmlns='jabber:iq:roster'><item jid='" + bob + "' subscription='both'/></query></iq>")
	x.got(t, "id='push'")
	s.sync("pushed")
	x.lacks(t, "Deep Throat")
	x.lacks(t, "sources")
	s.quit()
	text, err := os.ReadFile(filepath.Join(s.dir, "blist.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"Deep Throat", "<group name='sources'>"} {
		if !strings.Contains(string(text), words) {
			t.Errorf("%s is lost:\n%s", words, text)
		}
	}
}

// When a buddy of a secret account was seen last is not kept: it tells when
// the person was on line.
func TestLastSeenIsNotKept(t *testing.T) {
	t.Parallel()
	const eve = "eve@server.test"
	for _, lvl := range []string{"secret", "tor"} {
		x := &xmppServer{}
		s := online(t, x, lvl, true)
		for _, who := range []string{bob, eve} {
			s.do("buddy", s.id, who)
			s.sync("known")
			x.send("<presence from='" + who + "/x' to='alice@server.test/here'/>")
			s.marker(&x.record, who)
		}
		x.send("<presence type='unavailable' from='" + bob + "/x' to='alice@server.test/here'/>")
		s.marker(&x.record, bob)
		s.do("disconnect", s.id)
		s.expect(`^signed-off`)
		s.quit()
		text, err := os.ReadFile(filepath.Join(s.dir, "blist.xml"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "'last_seen'"); (n > 0) != (lvl == "tor") || !strings.Contains(string(text), eve) {
			t.Errorf("%s: kept %d times: %s", lvl, n, text)
		}
	}
}
