// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bufio"
	"bytes"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

var oddNames = []string{
	"prpl-jabber:alice@a.test/", "", "-x", "it's", "a b", "$(touch /tmp/x)", "`x`", "a\nb", "tab\tx", "\x1b[31mred", "e\u009b31m", "\u202eevil",
	"back\\slash'", strings.Repeat("long", 60), strings.Repeat("l'o ", 60), strings.Repeat("\u4e2d", 90), "#x", "a  # b", "x\\", "bad\xffutf8",
}

// What a remedy's line gives to a shell is the name itself, also when the
// line was wrapped for the terminal.
func TestRemediesCanBeTyped(t *testing.T) {
	words := []string{}
	for _, name := range oddNames {
		words = append(words, quote(name))
	}
	line := "printf '%s\\0' " + strings.Join(words, " ")
	var wrapped bytes.Buffer
	w := &writer{bufio.NewWriter(&wrapped), false}
	w.command("", line)
	w.Flush()
	for _, script := range []string{line, wrapped.String()} {
		out, err := exec.Command("bash", "-c", script).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !reflect.DeepEqual(got, oddNames) {
			t.Errorf("%s\ngot  %q\nwant %q", script, got, oddNames)
		}
		for _, r := range script {
			if r != '\n' && !printable(r) {
				t.Errorf("%U in %q", r, script)
			}
		}
	}
	for _, l := range strings.Split(wrapped.String(), "\n") {
		if wide(l) > columns {
			t.Errorf("%d columns: %s", wide(l), l)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"alice@a.test/": "alice@a.test/", "\u4e2d\u00e9": "\u4e2d\u00e9", "\x1b]0;x\x07": `\x1b]0;x\x07`, "a\u009bb": `a\u009bb`,
		"\u202e": `\u202e`, "\u200b\u2066": `\u200b\u2066`, "\u2028": `\u2028`, "a\xffb": `a\xffb`, "\U000e0041": `\U000e0041`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestFitKeepsBothEnds(t *testing.T) {
	for _, name := range oddNames {
		for width := 5; width < 90; width++ {
			if got := fit(Printable(name), width); wide(got) > width {
				t.Errorf("%q at %d: %q", name, width, got)
			}
		}
	}
	if got := fit("abcdefghij", 7); got != "ab...ij" {
		t.Error(got)
	}
}

// Every word about a check is there, and none that promises too much.
func TestChecksAreComplete(t *testing.T) {
	want := "protection-broken below-floor environment-proxy unknown-proxy-type not-over-tor socks5-leaks-names no-proxy-bypass circuit-shared tls-not-required plain-auth-allowed files-readable tor-isolation-off " +
		"proxy-by-name global-proxy password-stored network-probes hostname-lookup certificate-accepted-by-hand traces-kept pidgin-bus-exposed track-host-exits isolation-not-proven"
	var names []string
	for i, c := range Checks {
		names = append(names, c.Name)
		for _, text := range []string{c.Why, c.Threat, c.Looks, c.Limits, c.Remedy} {
			if text == "" || strings.Contains(text, "\n") {
				t.Errorf("%s: %q", c.Name, text)
			}
			for _, word := range []string{"anonymous", "safe", "secure"} {
				if strings.Contains(strings.ToLower(text), word) {
					t.Errorf("%s says %q", c.Name, word)
				}
			}
		}
		if fail := i < 12; (c.Severity == Fail) != fail {
			t.Errorf("%s is %s", c.Name, c.Severity)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("checks %s", got)
	}
}

func TestHostnameLookup(t *testing.T) {
	for _, c := range []struct {
		order  string
		known  bool
		name   string
		answer bool
	}{
		{"hosts: files dns", true, "box", true},
		{"hosts: files dns", false, "box", false},
		{"hosts: dns files", true, "box", false},
		{"hosts: files myhostname dns", false, "box", true},
		{"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns", true, "box", false},
		{"hosts: files mdns4_minimal [NOTFOUND=return] dns", false, "box", false},
		{"hosts: mdns4_minimal [NOTFOUND=return] files dns", true, "box", true},
		{"hosts: mdns4_minimal [NOTFOUND=return] files dns", true, "box.local", false},
		{"hosts: files mdns4 dns", false, "box", false},
		{"# hosts: files\nhosts:\tfiles # dns", false, "box", true},
		{"passwd: files", true, "box", false},
		{"", true, "box", false},
		{"hosts:", false, "box", true},
	} {
		if got := answeredHere(c.order, c.known, c.name); got != c.answer {
			t.Errorf("%+v: %v", c, got)
		}
	}
	hosts := "127.0.0.1 localhost # box\n\t::1\tip6-localhost Box.lan BOX\n#1 other\n"
	for name, want := range map[string]bool{"box": true, "localhost": true, "box.lan": true, "other": false, "127.0.0.1": false, "": false} {
		if inHosts(hosts, name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
