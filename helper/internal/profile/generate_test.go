// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generator writes user directories as libpurple, old versions of it, and
// hands write them.
type generator struct {
	*rand.Rand
	nl, tab string
}

func newGenerator(seed int64) *generator {
	g := &generator{Rand: rand.New(rand.NewSource(seed))}
	g.nl, g.tab = g.pick("\n", "\r\n", "\n", ""), g.pick("\t", "  ", "")
	return g
}

func (g *generator) pick(of ...string) string { return of[g.Intn(len(of))] }
func (g *generator) maybe(text string) string { return g.pick(text, text, "") }

func (g *generator) line(depth int, text string) string {
	if text == "" {
		return ""
	}
	return g.nl + strings.Repeat(g.tab, depth) + g.pick("", "", "", "", "<!-- a note -->") + text
}

func (g *generator) text() string {
	return g.pick("x", "a&amp;b", "&lt;tag&gt;", "1", "0", " 12", "tr&#252;", "日本", "<![CDATA[<c>]]>", "&quot;&#10;&apos;", "a<!-- in -->b", "  ", "&#38;lt;", "-7", "4294967297", "99999999999999999999")
}

func (g *generator) setting() string {
	name := g.pick("connection_security", "auth_plain_in_clear", "port", "ssl", "username", "realname", "quitmsg", "old_ssl", "require_tls", "my&lt;own", "connect_server")
	kind := g.pick("string", "int", "bool", "string", "float")
	value := g.pick(g.text(), g.text(), "", "require_tls", "opportunistic_tls", "old_ssl", "0", "1", "6667", "5223")
	quote := g.pick("'", "\"")
	return fmt.Sprintf("<setting%sname=%s%s%s type=%s%s%s>%s</setting>", g.pick(" ", "  ", "\t"), quote, name, quote, quote, kind, quote, value)
}

func (g *generator) settings(ui string) string {
	open := "<settings" + ui
	if g.Intn(5) == 0 {
		return open + g.pick("/>", " />", "></settings>", ">"+g.nl+"</settings>")
	}
	text := open + ">"
	for range g.Intn(5) {
		text += g.line(3, g.setting())
	}
	if ui != "" {
		text += g.line(3, "<setting name='auto-login' type='bool'>"+g.pick("1", "0")+"</setting>")
	}
	return text + g.line(2, "</settings>")
}

func (g *generator) proxy() string {
	if g.Intn(6) == 0 {
		return g.pick("<proxy/>", "<proxy></proxy>", "<proxy />")
	}
	return "<proxy>" + g.line(3, g.maybe("<type>"+g.pick("tor", "none", "global", "socks5", "http", "socks4", "envvar", "quantum", " tor", "")+"</type>")) +
		g.line(3, g.maybe("<host>"+g.pick("127.0.0.1", "localhost", "", g.text())+"</host>")) +
		g.line(3, g.maybe("<port>"+g.pick("9050", "1", "x", g.text())+"</port>")) +
		g.line(3, g.maybe("<username>"+g.text()+"</username>")) +
		g.line(3, g.maybe("<password>"+g.text()+"</password>")) +
		g.line(3, g.pick("", "<unknown a='b'/>")) + g.line(2, "</proxy>")
}

func (g *generator) account(i int) string {
	text := "<account>" + g.line(2, "<protocol>"+g.pick("prpl-jabber", "prpl-irc")+"</protocol>") +
		g.line(2, fmt.Sprintf("<name>acc%d@x.test%s</name>", i, g.pick("", "/", "/Home"))) +
		g.line(2, g.pick("", "<password>"+g.text()+"</password>")) +
		g.line(2, g.pick("", "<statuses><status type='available' name='A' active='true'><attributes/></status></statuses>"))
	for range g.Intn(3) {
		text += g.line(2, g.settings(""))
	}
	text += g.line(2, g.maybe(g.settings(g.pick(" ui='gtk-gaim'", " ui='gnt-purple'"))))
	text += g.line(2, g.maybe(g.proxy())) + g.line(2, g.pick("", "<current_error/>", "<odd><deep>&amp;</deep></odd>"))
	return text + g.line(1, "</account>")
}

func (g *generator) accounts() string {
	text := g.pick("<?xml version='1.0' encoding='UTF-8' ?>"+g.nl+g.nl, "", "\xef\xbb\xbf<?xml version=\"1.0\"?>", "<!-- mine -->"+g.nl) + "<account version='1.0'>"
	for i := range 1 + g.Intn(5) {
		text += g.line(1, g.account(i))
	}
	return text + g.line(0, "</account>") + g.pick("", g.nl, g.nl+"<!-- end -->")
}

func (g *generator) prefs() string {
	pref := func(name, kind, value string) string {
		return fmt.Sprintf("<pref name='%s' type='%s' value='%s'/>", name, kind, value)
	}
	list := func() string {
		return g.pick("", "<pref name='loaded' type='pathlist'/>", "<pref name='loaded' type='pathlist'>"+g.line(4, "<item value='/usr/lib/a.so'/>")+g.line(3, "</pref>"))
	}
	return "<?xml version='1.0' encoding='UTF-8' ?>" + g.nl + "<pref version='1' name='/'>" +
		g.line(1, "<pref name='purple'>") + g.pick("", g.line(2, "<pref name='odd' type='weird'/>")) +
		g.line(2, "<pref name='proxy'>"+g.line(3, pref("type", g.pick("string", "int"), g.pick("tor", "none", "socks5")))+g.line(3, g.maybe(pref("host", "string", "h&amp;&#10;i")))+
			g.line(3, g.maybe(pref("port", "int", g.pick("9050", "x")))+g.maybe(pref("password", "string", "gp")))+"</pref>") +
		g.line(2, g.maybe("<pref name='network'>"+pref("auto_ip", g.pick("bool", "string"), g.pick("1", "0", "true"))+
			g.line(3, g.maybe(pref("map_ports", "bool", g.pick("1", " 1", "0"))))+g.maybe(pref("auto_ip", "bool", "1"))+
			g.line(3, g.maybe(pref("stun_server", g.pick("string", "int"), g.pick("", "stun.x.test", "a&amp;b&#10;"))))+
			g.maybe("<pref value=\"t.x.test\" type='string' name='turn_server'></pref>")+"</pref>")) +
		g.line(1, "</pref>") +
		g.line(1, g.maybe("<pref name='pidgin'>"+g.line(2, g.maybe("<pref name='plugins'>"+g.line(3, list())+g.line(2, "</pref>")))+g.line(1, "</pref>"))) +
		g.line(0, "</pref>") + g.nl
}

// generated makes a user directory from a seed.
func generated(t testing.TB, seed int64) string {
	g := newGenerator(seed)
	dir := t.TempDir()
	put(t, dir, AccountsFile, g.accounts())
	if g.Intn(4) > 0 {
		put(t, dir, PrefsFile, g.prefs())
	}
	return dir
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sample copies one of the directories that the real libpurple wrote.
func sample(t testing.TB, name string) string {
	dir := t.TempDir()
	for _, file := range []string{AccountsFile, PrefsFile, BuddiesFile} {
		put(t, dir, file, get(t, filepath.Join("testdata", name), file))
	}
	return dir
}
