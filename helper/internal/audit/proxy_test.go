// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/profile"
)

// The differential test: what the real libpurple answers for generated user
// directories and environments (testdata/proxyhost.c), and what we do.
const (
	generatedCases = 400
	accountsOfCase = 6
)

// A diffCase is one user directory and environment.
type diffCase struct {
	dir string
	env []string
}

func TestProxyAgreesWithLibpurple(t *testing.T) {
	host := buildC(t, "proxyhost")
	rng := rand.New(rand.NewPCG(1, 2))
	var cases []diffCase
	for range generatedCases {
		cases = append(cases, generate(t, rng))
	}
	// directories that libpurple itself wrote
	for _, sample := range []string{"../profile/testdata/sample", "../profile/testdata/sample-otr"} {
		for _, env := range [][]string{nil, {"HTTP_PROXY=http://proxy.example:3128/"}, {"http_proxy=http://u:p@h"}} {
			cases = append(cases, diffCase{copyDir(t, sample), env})
		}
	}
	seen := map[string]int{}
	var mu sync.Mutex
	t.Run("batch", func(t *testing.T) {
		const batches = 4
		for i := range batches {
			part := cases[i*len(cases)/batches : (i+1)*len(cases)/batches]
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				answers := ask(t, host, part)
				mu.Lock()
				defer mu.Unlock()
				for j, answer := range answers {
					compare(t, part[j], answer, seen)
				}
			})
		}
	})
	// The generator is worth something only where it reaches everything.
	for _, what := range []string{"none", "http", "socks4", "socks5", "tor", "invalid", "account", "global", "environment", "no_proxy", "no_proxy-empty", "user", "tls", "no-tls"} {
		if seen[what] < 5 {
			t.Errorf("only %d cases with %s", seen[what], what)
		}
	}
	t.Logf("%d directories, %d accounts: %v", len(cases), seen["accounts"], seen)
}

// answer is what libpurple said about one case.
type answer struct {
	accounts []purpleAccount
	noProxy  int
}

type purpleAccount struct {
	name, host, user, security string
	typ, port                  int
	refused, plain, ssl        bool
}

func compare(t *testing.T, c diffCase, a answer, seen map[string]int) {
	t.Helper()
	d, err := profile.Read(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Errors) > 0 {
		t.Fatalf("%s: %v", c.dir, d.Errors)
	}
	lookup := lookupIn(c.env)
	s := setup{readGlobal(d.Prefs), lookup, func(string) bool { return false }}
	if len(d.Accounts) != len(a.accounts) {
		t.Fatalf("%s: %d accounts, libpurple has %d", c.dir, len(d.Accounts), len(a.accounts))
	}
	for i, theirs := range a.accounts {
		ours := d.Accounts[i]
		compareOne(t, c, ours, s.proxyOf(ours.Proxy), theirs)
		p := s.proxyOf(ours.Proxy)
		seen["accounts"]++
		seen[string(p.Type)]++
		seen[string(p.Source)]++
		if p.user != "" {
			seen["user"]++
		}
		seen[map[bool]string{true: "tls", false: "no-tls"}[tlsRequired(ours)]]++
	}
	if n := noProxyEntries(lookup); n != a.noProxy {
		t.Errorf("%q: %d no_proxy entries, libpurple has %d", c.env, n, a.noProxy)
	}
	if a.noProxy > 0 {
		seen["no_proxy"]++
	} else if strings.Contains(strings.ToLower(strings.Join(c.env, " ")), "no_proxy=") {
		seen["no_proxy-empty"]++
	}
}

// libpurple's numbers (proxy.h).
var typeNames = map[int]string{-1: "unknown", 0: "none", 1: "http", 2: "socks4", 3: "socks5", 4: "http", 5: "tor"}

func compareOne(t *testing.T, c diffCase, a profile.Account, ours Proxy, theirs purpleAccount) {
	t.Helper()
	want := typeNames[theirs.typ]
	if theirs.refused {
		want = "invalid"
	}
	if a.Name != theirs.name || string(ours.Type) != want || ours.Host != theirs.host || ours.Port != theirs.port || ours.user != theirs.user {
		accounts, _ := os.ReadFile(filepath.Join(c.dir, "accounts.xml"))
		prefs, _ := os.ReadFile(filepath.Join(c.dir, "prefs.xml"))
		t.Fatalf("%s: ours %+v user %q, libpurple %s %+v\nenvironment %q\n%s\n%s", a.Name, ours, ours.user, want, theirs, c.env, accounts, prefs)
	}
	if a.Protocol != "prpl-jabber" && a.Protocol != "prpl-irc" {
		return
	}
	// The protocols' own defaults: jabber.h (JABBER_DEFAULT_REQUIRE_TLS is
	// "require_starttls", which jabber.c never compares with), irc.c.
	required := theirs.security == "require_tls" || theirs.security == "old_ssl"
	if a.Protocol == "prpl-irc" {
		required = theirs.ssl
	}
	if tlsRequired(a) != required {
		t.Fatalf("%s: ours requires TLS: %v; libpurple: %+v", a.Name, tlsRequired(a), theirs)
	}
	if plainAllowed(a) != theirs.plain {
		t.Fatalf("%s: ours allows plain passwords: %v; libpurple: %+v", a.Name, plainAllowed(a), theirs)
	}
}

// buildC builds a program of testdata on the real libpurple.
func buildC(t *testing.T, name string) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "purple").Output()
	if err != nil {
		t.Fatalf("cannot build the libpurple host: pkg-config purple: %v", err)
	}
	host := filepath.Join(t.TempDir(), name)
	args := append([]string{"-Wall", "-Wextra", "-Werror", "-o", host, "testdata/" + name + ".c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cannot build the libpurple host: %v\n%s", err, out)
	}
	return host
}

func ask(t *testing.T, host string, cases []diffCase) []answer {
	t.Helper()
	var in, stderr bytes.Buffer
	for _, c := range cases {
		in.WriteString(strings.Join(append([]string{c.dir}, c.env...), "\t") + "\n")
	}
	cmd := exec.Command(host, t.TempDir()) // a directory, or profile.Running takes it for any
	cmd.Env = []string{"PATH=/nonexistent", "HOME=" + t.TempDir(), "DBUS_SESSION_BUS_ADDRESS=disabled:"}
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	answers := parseAnswers(t, out)
	if len(answers) != len(cases) {
		t.Fatalf("%d answers for %d cases\n%s", len(answers), len(cases), stderr.String())
	}
	return answers
}

func parseAnswers(t *testing.T, out []byte) []answer {
	t.Helper()
	var list []answer
	var a answer
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		f := strings.Split(s.Text(), "\t")
		switch f[0] {
		case "account":
			a.accounts = append(a.accounts, purpleAccount{
				name: unhex(t, f[1]), typ: number(t, f[2]), host: unhex(t, f[3]), port: number(t, f[4]), user: unhex(t, f[5]),
				refused: f[6] == "1", security: unhex(t, f[7]), plain: f[8] == "1", ssl: f[9] == "1",
			})
		case "no_proxy":
			a.noProxy = number(t, f[1])
		case "end":
			list, a = append(list, a), answer{}
		}
	}
	return list
}

func unhex(t *testing.T, s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func lookupIn(env []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v, true
			}
		}
		return "", false
	}
}

func generate(t *testing.T, rng *rand.Rand) diffCase {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'>\n")
	for i := range accountsOfCase {
		protocol := pick(rng, "prpl-jabber", "prpl-jabber", "prpl-irc", "prpl-nosuch")
		fmt.Fprintf(&b, "<account><protocol>%s</protocol><name>user%d@a.test/</name>%s%s</account>\n", protocol, i, genSettings(rng), genProxy(rng))
	}
	b.WriteString("</account>\n")
	writeFile(t, dir, "accounts.xml", b.String())
	writeFile(t, dir, "prefs.xml", genPrefs(rng))
	return diffCase{dir, genEnv(rng)}
}

func genSettings(rng *rand.Rand) string {
	setting := func(name, kind string, values ...string) string {
		v := pick(rng, append(values, "absent", "absent")...)
		if v == "absent" {
			return ""
		}
		return fmt.Sprintf("<setting name='%s' type='%s'>%s</setting>", name, kind, v)
	}
	if rng.IntN(4) == 0 {
		return "" // an account without any setting
	}
	return "<settings>" + setting("connection_security", pick(rng, "string", "string", "string", "int"), "require_tls", "opportunistic_tls", "old_ssl", "none", "require_starttls", "") +
		setting("old_ssl", "bool", "1", "0") + setting("require_tls", "bool", "1", "0") + setting("auth_plain_in_clear", "bool", "1", "0", "yes", "") +
		setting("ssl", "bool", "1", "0", "01") + "<setting name='x' type='int'>1</setting></settings>" +
		pick(rng, "", "<settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting></settings>")
}

func genProxy(rng *rand.Rand) string {
	if rng.IntN(6) == 0 {
		return pick(rng, "", "<proxy/>", "<proxy></proxy>", "<proxy><type/></proxy>")
	}
	element := func(name string, values ...string) string {
		v := pick(rng, values...)
		if v == "absent" {
			return ""
		}
		return "<" + name + ">" + v + "</" + name + ">"
	}
	return "<proxy>" +
		element("type", "global", "none", "http", "socks4", "socks5", "tor", "tor", "envvar", "envvar", "quantum", "Tor", " tor", "", "absent") +
		element("host", "127.0.0.1", "127.0.0.1", "localhost", "proxy.example", "::1", "\n", "", "absent") +
		element("port", "9050", "9150", "1080", "0", "-1", "70000", " 9050", "9050x", "x", "4294976346", "", "absent") +
		element("username", "u", "a&amp;b", "&lt;torS0X&gt;", "", "absent", "absent") +
		element("password", "p", "", "absent", "absent") + "</proxy>"
}

// A port of another type than int is left out: libpurple takes the text's
// address for a number.
func genPrefs(rng *rand.Rand) string {
	pref := func(name, kind string, values ...string) string {
		v := pick(rng, values...)
		if v == "absent" {
			return ""
		}
		return fmt.Sprintf("<pref name='%s' type='%s' value='%s'/>", name, kind, v)
	}
	return "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='purple'><pref name='proxy'>" +
		pref("type", pick(rng, "string", "string", "string", "string", "int"), "none", "http", "socks4", "socks5", "tor", "tor", "envvar", "envvar", "quantum", "global", "", "absent") +
		pref("host", "string", "127.0.0.1", "127.0.0.1", "localhost", "proxy.example", "", "absent") +
		pref("port", "int", "9050", "9150", "0", "-1", "70000", "9050x", "", "absent") +
		pref("username", "string", "gu", "", "absent") + pref("password", "string", "gp", "", "absent") +
		"</pref></pref></pref>\n"
}

// A URL with nothing where the host should be is left out: libpurple
// reads memory that it never set there (util.c, sscanf gives EOF).
func genEnv(rng *rand.Rand) []string {
	var env []string
	add := func(name string, chance int, values ...string) {
		if rng.IntN(chance) == 0 {
			env = append(env, name+"="+pick(rng, values...))
		}
	}
	urls := []string{
		"http://proxy.example:3128/", "http://proxy.example", "HTTP://Proxy.Example:80/path", "https://proxy.example", "https://u@proxy.example:80/",
		"http://u:p@proxy.example:3128", "http://u%41:p%20x@10.0.0.1:8080/a?b", "proxy.example:8080", "proxy.example", "socks5://127.0.0.1:9050",
		"http://[::1]:3128/", "http://:3128/", "http:///", "/", "@h:5", "http://u:p:q@h:1/", "http://a@b@c:2/", "http://h:", "http://h:x", "http://h:123456/",
		"http://h:0/", "x http://h:5/", "http://u,v:p@h:7", "http://:p@h:7", "http://h/u@x", "http://http://h:9", "http://" + strings.Repeat("a", 300) + ":9/",
		"http://" + strings.Repeat("u", 300) + ":p@h:9/", "http://h_x:99/", "http://h:80", "https://h:443", "http:// h:9", "http://\u00e9.example:9/",
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPPROXY"} {
		add(name, 3, urls...)
	}
	for _, name := range []string{"HTTP_PROXY_PORT", "http_proxy_port", "HTTPPROXYPORT"} {
		add(name, 6, "8080", "0", "-5", "x", "", "81x")
	}
	for _, name := range []string{"HTTP_PROXY_USER", "http_proxy_user", "HTTPPROXYUSER", "HTTP_PROXY_PASS", "http_proxy_pass", "HTTPPROXYPASS"} {
		add(name, 8, "eu", "", "a b")
	}
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		add(name, 4, "", "*", "localhost,127.0.0.1", " ", ",", ", ,a", "a b", "a,,b", " a ", "192.0.2.9")
	}
	return env
}

func pick(rng *rand.Rand, values ...string) string { return values[rng.IntN(len(values))] }

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := xml.Unmarshal([]byte(text), new(struct{})); strings.HasSuffix(name, ".xml") && err != nil {
		t.Fatalf("the generator wrote broken XML: %v\n%s", err, text)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}
