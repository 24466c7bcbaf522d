// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// onTrace brings one protected and one unprotected account, on server
// "open.test", into a host under strace; plugin false is a control arm.
func onTrace(t *testing.T, plugin, enabled bool, env ...string) *host {
	t.Helper()
	other := direct("other@open.test/")
	other.settings = "<setting name='connect_server' type='string'>127.0.0.1</setting><setting name='port' type='int'>" + closedPort(t) + "</setting>"
	dir := userDir(t, protected("alice@server.test/"), other)
	path := ""
	if plugin {
		path = install(t, fake)
	}
	h := start(t, dir, path, append([]string{"FAKE_HELPER=block"}, env...)...)
	h.do("enable", "prpl-jabber:other@open.test/", "1")
	if enabled && plugin {
		h.do("enable", "prpl-jabber:alice@server.test/", "1")
		h.expect(`^error prpl-jabber:alice@server\.test/ passing`)
	}
	return h
}

func askedDNS(addresses []string) (n int) {
	for _, a := range addresses {
		if strings.HasSuffix(a, ":53") {
			n++
		}
	}
	return n
}

// While a protected account is enabled a name that is nobody's is not asked of
// DNS, and whoever asked hears of it.
func TestNamesOfNobody(t *testing.T) {
	t.Parallel()
	h := onTrace(t, true, true)
	for _, name := range []string{"avatar.elsewhere.test", "server.test", "xopen.test", "open.test.elsewhere.test"} {
		h.do("dns", name)
		h.expect(`^dns ` + name + ` failed`)
		h.do("srv", name)
		h.expect(`^srv ` + name + ` 0`)
		h.do("txt", name)
		h.expect(`^txt 0`)
	}
	h.do("dns", "gone.elsewhere.test")
	h.do("dns-cancel")
	h.sync("cancelled")
	if h.Find(`^dns gone`) != "" {
		t.Error("a question that was cancelled is answered")
	}
	if got := h.quit(); askedDNS(got) > 0 {
		t.Errorf("DNS was asked: %q", got)
	}
}

// The control arms: without the plugin, and while no protected account is
// enabled, the same names are asked.
func TestNamesControl(t *testing.T) {
	t.Parallel()
	for _, plugin := range []bool{false, true} {
		for _, kind := range []string{"dns", "srv"} {
			h := onTrace(t, plugin, false)
			h.do(kind, "avatar.elsewhere.test")
			for end := time.Now().Add(deadline); askedDNS(inet(t, h.strace)) == 0; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("plugin %v: %s: DNS was not asked", plugin, kind)
				}
			}
		}
	}
}

// Names of an enabled unprotected account pass, also those that SRV records
// of its domain name; on the way that the user interface had set.
func TestNamesOfAnUnprotectedAccount(t *testing.T) {
	t.Parallel()
	h := onTrace(t, true, true, "HOST_DNS=1")
	for _, name := range []string{"open.test", "OPEN.test", "proxy65.open.test"} {
		h.do("dns", name)
		h.expect(`^ui-resolve ` + name)
	}
	h.do("dns", "target.elsewhere.test")
	h.expect(`^dns target\.elsewhere\.test failed`)
	h.do("srv", "elsewhere.test")
	h.expect(`^srv elsewhere\.test 0`)
	h.do("srv", "open.test")
	h.expect(`^ui-srv _xmpp-client\._tcp\.open\.test`)
	h.expect(`^srv open\.test 1`)
	h.do("dns", "target.elsewhere.test")
	h.expect(`^ui-resolve target\.elsewhere\.test`)
	h.sync("done")
	if h.Find(`^ui-srv .*elsewhere`) != "" || h.Find(`^ui-resolve avatar`) != "" {
		t.Error("a name that is nobody's was looked up")
	}
}

// Unloaded, what was there before is there again, also for a question that
// waits at that moment.
func TestNamesGiveBack(t *testing.T) {
	t.Parallel()
	dir := userDir(t, protected("alice@server.test/"))
	plugin := install(t, fake)
	h := start(t, dir, plugin, "FAKE_HELPER=block", "HOST_DNS=1")
	h.do("enable", "prpl-jabber:alice@server.test/", "1")
	h.expect(`^error `)
	h.do("ops")
	h.expect(`^ops others`)
	h.do("dns", "waits.test")
	h.do("unload", plugin)
	h.expect(`^unloaded .* 1`)
	h.do("ops")
	h.expect(`^ops own`)
	h.sync("unloaded")
	h.do("dns", "after.test")
	h.expect(`^ui-resolve after\.test`)
	h.quit()
}

// browser lays a program where Tor Browser would be, which writes down what it
// was started with.
func browser(t *testing.T, dir string) (saw string) {
	t.Helper()
	saw = filepath.Join(dir, "saw")
	path := filepath.Join(dir, "tor-browser", "Browser", "start-tor-browser")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nfor w; do printf '[%s]' \"$w\"; done > '" + saw + ".new' && mv '" + saw + ".new' '" + saw + "'\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return saw
}

const link = "https://elsewhere.test/?a=b&c=$(d);e"

// While a protected account is enabled a link goes to Tor Browser where there
// is one, else it is shown; never to the program's browser.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config     string
		browser, opened  bool
		link, wantsShown string
	}{
		{"shown", "", false, false, link, `^input .* \| .*Tor Browser was not found.* \| ` + regexpQuote(link)},
		{"opened", "", true, true, link, ""},
		{"never", "tor_browser = \"never\"\n", true, false, link, `^input .*can copy it into Tor Browser.*` + regexpQuote(link)},
		{"no web page", "", true, false, "file:///etc/passwd", `^input .*not the address of a web page.*file:///etc/passwd`},
		{"an option", "", true, false, "--profile=x", `^input .*--profile=x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			saw := ""
			if c.browser {
				saw = browser(t, home)
			}
			x := &xmppServer{}
			s := realAt(t, x, "tor", c.config, "HOME="+home)
			s.do("link", c.link)
			if c.opened {
				for end := time.Now().Add(deadline); ; time.Sleep(20 * time.Millisecond) {
					if got, err := os.ReadFile(saw); err == nil {
						if string(got) != "["+c.link+"]" {
							t.Errorf("started with %q", got)
						}
						break
					}
					if time.Now().After(end) {
						t.Fatal("Tor Browser was not started")
					}
				}
			} else {
				s.expect(c.wantsShown)
			}
			s.sync("shown")
			if s.Find(`^uri `) != "" {
				t.Error("the program's browser was asked")
			}
			s.quit()
			if _, err := os.Stat(saw); c.browser && !c.opened && err == nil {
				t.Error("Tor Browser was started")
			}
		})
	}
}

func regexpQuote(s string) string {
	return strings.NewReplacer("?", `\?`, "$", `\$`, "(", `\(`, ")", `\)`, ".", `\.`).Replace(s)
}

func TestLinksControl(t *testing.T) {
	t.Parallel()
	for _, plugin := range []bool{true, false} {
		h := onTrace(t, plugin, false)
		h.do("link", link)
		h.expect(`^uri ` + regexpQuote(link))
		h.quit()
	}
}

// Without a helper nothing is opened, and unloaded the program's own way is
// there again.
func TestLinksWithoutAHelper(t *testing.T) {
	t.Parallel()
	plugin := install(t, "")
	h := start(t, userDir(t, protected("alice@server.test/")), plugin)
	h.do("enable", "prpl-jabber:alice@server.test/", "1")
	h.expect(`^error `)
	h.do("link", link)
	h.expect(`^input .*helper does not work.*` + regexpQuote(link))
	h.do("unload", plugin)
	h.expect(`^unloaded .* 1`)
	h.do("link", link)
	h.expect(`^uri `)
	h.quit()
}

// A server may send a person to a web page to register (XEP-0066).
func TestLinkAtRegistration(t *testing.T) {
	t.Parallel()
	for _, lvl := range []string{"tor", "none"} {
		x := &xmppServer{register: "<query xmlns='jabber:iq:register'><instructions>go there</instructions><x xmlns='jabber:x:oob'><url>" +
			"https://elsewhere.test/register</url></x></query>"}
		var s session
		if lvl == "none" {
			port := serve(t, x.handle)
			a := xmppAccount("none", port)
			s = session{id: a.protocol + ":" + a.name, plugin: install(t, fake)}
			s.host = run(t, userDir(t, a), s.plugin, allowing(port)...)
		} else {
			x.tls = certificate(t)
			s = prepared(t, lvl, []account{direct("alice@server.test/")}, x.tls, 5222, x.handle, "")
			s.do("enable", s.id, "1")
			s.expect(`^signed-on `)
			s.do("disconnect", s.id)
			s.expect(`^signed-off `)
			s.do("enable", s.id, "0") // who registers has not enabled it yet
		}
		s.do("register", s.id)
		if lvl == "none" {
			s.expect(`^uri https://elsewhere\.test/register`)
		} else {
			s.expect(`^input .*https://elsewhere\.test/register`)
		}
		s.quit()
	}
}

// A file or a call that a person begins does not begin, and they hear why; no
// port is opened for it.
func TestPeers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f.txt")
	if err := os.WriteFile(file, []byte("words"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lvl := range []string{"tor", "none"} {
		t.Run("IRC "+lvl, func(t *testing.T) {
			t.Parallel()
			x := &ircServer{}
			s := onIRC(t, x, lvl, true)
			s.do("send-file", s.id, "bob", file)
			s.do("call", s.id, "bob")
			s.expect(`^call 0 0`)
			if lvl == "none" {
				x.got(t, "\x01DCC SEND")
			} else {
				if s.Find(`^wrote bob error nolog .*\(peer-to-peer\)`) == "" {
					t.Error("the person does not hear why")
				}
				s.marker(&x.record, "dave")
				x.lacks(t, "DCC")
			}
			s.do("offer", s.id, "eve")
			// PURPLE_XFER_STATUS_CANCEL_LOCAL, UNKNOWN
			s.expect(map[string]string{"tor": `^offered 5`, "none": `^offered [^5]`}[lvl])
			s.quit()
		})
		t.Run("XMPP "+lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{features: "<feature var='http://jabber.org/protocol/si/profile/file-transfer'/><feature var='http://jabber.org/protocol/bytestreams'/><feature var='http://jabber.org/protocol/ibb'/>"}
			s := online(t, x, lvl, true)
			meet(s, x)
			s.do("send-file", s.id, bob+"/x", file)
			s.do("can-file", s.id, bob+"/x")
			if lvl == "none" {
				s.expect(`^can-file 1`)
				x.got(t, "<si xmlns='http://jabber.org/protocol/si'")
			} else {
				s.expect(`^can-file 0`)
				s.do("push-file", s.id, bob+"/x", file)
				s.expect(`^wrote .* error nolog .*\(peer-to-peer\)`)
				s.marker(&x.record, bob)
				x.lacks(t, "http://jabber.org/protocol/si'")
			}
			s.do("call", s.id, bob+"/x")
			s.expect(`^call 0 0`)
			s.quit()
		})
	}
}

// What this program can do with voice and video is nothing while a protected
// account is enabled, whoever sets it, and what it was afterwards.
func TestMediaAbilities(t *testing.T) {
	t.Parallel()
	const id = "prpl-jabber:alice@server.test/"
	plugin := install(t, fake)
	h := start(t, userDir(t, protected("alice@server.test/")), plugin, "FAKE_HELPER=block")
	h.do("set-caps", "3")
	h.do("caps")
	h.expect(`^caps 3`)
	h.do("enable", id, "1")
	h.do("caps")
	h.expect(`^caps 0`)
	h.do("set-caps", "7")
	h.do("enable", id, "0")
	h.do("enable", id, "1")
	h.do("caps")
	h.expect(`^caps 0`)
	h.do("enable", id, "0")
	h.do("caps")
	h.expect(`^caps 7`)
	h.do("enable", id, "1")
	h.do("unload", plugin)
	h.expect(`^unloaded .* 1`)
	h.do("caps")
	h.expect(`^caps 7`)
	h.quit()
}
