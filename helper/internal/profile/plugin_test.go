// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

func loaded(t *testing.T, o Options, path string) string {
	t.Helper()
	d, err := read(o.UserDir, "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	return strings.Join(d.Prefs.List(path), " ")
}

func TestPluginStaysUntilTheLastAccountIsReleased(t *testing.T) {
	o := options(t, t.TempDir())
	put(t, o.UserDir, AccountsFile, "<account>"+fmt.Sprintf(account+account, "prpl-jabber", "a@x.test/", "", "prpl-irc", "n@h", "")+"</account>")
	protect(t, o)
	agree(t, o.UserDir)
	o.All = false
	for i, want := range []string{shim, ""} {
		o.Accounts = []policy.Account{{Protocol: "prpl-jabber", Name: "a@x.test/"}, {Protocol: "prpl-irc", Name: "n@h"}}[i : i+1]
		release(t, o)
		for _, path := range pluginPrefs {
			if got := loaded(t, o, path); got != want {
				t.Errorf("%s after %d: %q", path, i, got)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(o.UserDir, PrefsFile)); err == nil {
		t.Error("the prefs.xml that protect made stays")
	}
}

func TestPluginAmongOthers(t *testing.T) {
	const prefs = "<pref name='/'><pref name='pidgin'><pref name='plugins'><pref name='loaded' type='pathlist'><item value='/a.so'/>%s</pref></pref></pref></pref>"
	for name, c := range map[string]struct{ item, protected, released string }{
		"added":             {"", "/a.so " + shim, "/a.so"},
		"already":           {"<item value='" + shim + "'/>", "/a.so " + shim, "/a.so " + shim},
		"by another folder": {"<item value='/home/x/purple-onion.so'/>", "/a.so /home/x/purple-onion.so", "/a.so /home/x/purple-onion.so"},
	} {
		t.Run(name, func(t *testing.T) {
			o := oneAccount(t, "prpl-jabber", "")
			put(t, o.UserDir, PrefsFile, fmt.Sprintf(prefs, c.item))
			protect(t, o)
			if got := loaded(t, o, pluginPrefs[0]); got != c.protected {
				t.Errorf("protected: %q", got)
			}
			put(t, o.UserDir, PrefsFile, get(t, o.UserDir, PrefsFile)+"<!-- written meanwhile -->")
			text := strings.Replace(get(t, o.UserDir, PrefsFile), "<item value='/a.so'/>", " <item value='/a.so'/>", 1)
			put(t, o.UserDir, PrefsFile, text)
			release(t, o)
			if got := loaded(t, o, pluginPrefs[0]); got != c.released {
				t.Errorf("released: %q", got)
			}
		})
	}
}

func TestPluginNotInstalledIsAWarning(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	o.Shim = ""
	if r := protect(t, o); len(r.Warnings) != 1 || len(r.Prefs) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestPluginListOfAnotherTypeRefuses(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	before := get(t, o.UserDir, AccountsFile)
	put(t, o.UserDir, PrefsFile, "<pref name='/'><pref name='pidgin'><pref name='plugins'><pref name='loaded' type='int' value='1'/></pref></pref></pref>")
	if _, err := Protect(o); ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
	if get(t, o.UserDir, AccountsFile) != before {
		t.Error("accounts.xml was changed")
	}
}

// TestManyAccounts would take minutes if anything grew with the square.
func TestManyAccounts(t *testing.T) {
	o := options(t, t.TempDir())
	var b strings.Builder
	b.WriteString("<account>")
	for i := range 5000 {
		fmt.Fprintf(&b, "\n\t"+account, "prpl-jabber", fmt.Sprintf("a%d@x.test/", i), "<proxy><type>none</type></proxy>")
	}
	b.WriteString("\n</account>\n")
	put(t, o.UserDir, AccountsFile, b.String())
	start := time.Now()
	protect(t, o)
	release(t, o)
	if got := get(t, o.UserDir, AccountsFile); got != b.String() {
		t.Error("not given back")
	}
	t.Log(time.Since(start))
}

// TestSlowDocuments would run into the time limit of go test if anything in the
// parser grew with the square.
func TestSlowDocuments(t *testing.T) {
	half := userfile.MaxBytes / 2
	for name, text := range map[string]string{
		"comments in text": "<a>" + strings.Repeat("x<!---->", 350_000) + "</a>",
		"references":       "<a>" + strings.Repeat("&#65;", half/5) + "</a>",
		"ampersands":       "<a>" + strings.Repeat("&", half) + "</a>",
		"elements":         "<a>" + strings.Repeat("<b/>", maxElements-1) + "</a>",
		"attributes":       "<a>" + strings.Repeat("<b c='1' d='2'/>", maxElements-1) + "</a>",
		"quotes":           "<a b=" + strings.Repeat("'", half) + "/>",
		"instructions":     "<a>" + strings.Repeat("<?x?>", half/5) + "</a>",
	} {
		start := time.Now()
		_, err := parseXML([]byte(text))
		t.Log(name, err, time.Since(start))
	}
}
