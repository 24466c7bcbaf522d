// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// hostile are documents that libpurple, or we, must not take.
var hostile = map[string]struct {
	text string
	line int
}{
	"empty":                {"", 1},
	"truncated":            {"<account>\n<account>\n<name>x", 3},
	"two roots":            {"<account/>\n<account/>", 2},
	"text after root":      {"<account/>\nx", 2},
	"wrong end":            {"<account>\n</accounts>", 2},
	"no quotes":            {"<account version=1/>", 1},
	"attribute twice":      {"<account>\n<a b='1' b='2'/></account>", 2},
	"lt in attribute":      {"<account a='<'/>", 1},
	"bare ampersand":       {"<account>\na & b</account>", 2},
	"unknown entity":       {"<account>\n&nbsp;</account>", 2},
	"code 0":               {"<account>&#0;</account>", 1},
	"surrogate":            {"<account>&#xd800;</account>", 1},
	"huge code":            {"<account>&#99999999;</account>", 1},
	"NUL":                  {"<account>\n\x00</account>", 2},
	"control character":    {"<account>\x07</account>", 1},
	"Latin-1":              {"<account>\n\xfc</account>", 2},
	"declared Latin-1":     {"<?xml version='1.0' encoding='ISO-8859-1'?>\n<account/>", 1},
	"UTF-16":               {"\xff\xfe<\x00a\x00/\x00>\x00", 1},
	"entity bomb":          {"<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'xx'><!ENTITY c '&b;&b;'>]>\n<a>&c;</a>", 2},
	"external entity":      {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", 1},
	"namespaces":           {"<account>\n<x:proxy xmlns:x='y'/></account>", 2},
	"default namespace":    {"<account xmlns='y'/>", 1},
	"comment with --":      {"<account><!-- a -- b --></account>", 1},
	"late declaration":     {"\n<?xml version='1.0'?><account/>", 2},
	"CDATA end in text":    {"<account>]]></account>", 1},
	"unclosed comment":     {"<account>\n\n<!-- </account>", 3},
	"unclosed CDATA":       {"<account>\n<![CDATA[ </account>", 2},
	"unclosed instruction": {"<account><?x </account>", 1},
	"too deep":             {strings.Repeat("<a>", maxDepth+1), 1},
	"too many elements":    {"<a>" + strings.Repeat("<b/>", maxElements) + "</a>", 1},
	"no xml":               {"PK\x03\x04", 1},
}

func seedAccounts(f *testing.F) {
	f.Add([]byte(get(f, "testdata/sample-otr", AccountsFile)))
	for seed := range int64(12) {
		f.Add([]byte(newGenerator(seed).accounts()))
	}
	for _, c := range hostile {
		if len(c.text) < 4096 {
			f.Add([]byte(c.text))
		}
	}
}

// FuzzEdit: of what is accepted, an edit of nothing changes no byte; an edit
// of each account gives it its new values and leaves the others as they are
// (edit checks that itself, and must not fail on what is well-formed); taken
// back, every byte is there again; and a backup is well-formed, and has none
// of the passwords.
func FuzzEdit(f *testing.F) {
	seedAccounts(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := parseXML(data)
		if err != nil {
			return
		}
		if out, _, err := edit(data, nil, nil); err != nil || !bytes.Equal(out, data) {
			t.Fatalf("an edit of nothing: %v", err)
		}
		for _, a := range readAccounts(root) {
			changes, err := Changes(a, policy.LevelTor)
			if err != nil || a.Twice {
				continue
			}
			editOne(t, data, a, changes)
		}
		copied, err := withoutSecrets(data)
		if err != nil {
			t.Fatalf("backup: %v", err)
		}
		again, err := parseXML(copied)
		if err != nil {
			t.Fatalf("backup: %v", err)
		}
		for _, a := range readAccounts(again) {
			if a.PasswordStored || a.Proxy != nil && !a.Proxy.Password.Empty() {
				t.Fatal("a backup with a password")
			}
		}
	})
}

func editOne(t *testing.T, data []byte, a Account, changes []Change) {
	t.Helper()
	out, done, err := edit(data, map[policy.Account][]Change{a.Account: changes}, nil)
	if err != nil {
		t.Fatalf("%v: %v", changes, err)
	}
	root, err := parseXML(out)
	if err != nil {
		t.Fatal(err)
	}
	n := elements(root)[a.Account]
	old, ok := revert(out[n.start:n.end], done[0].undo)
	if !ok {
		t.Fatal("an edit cannot be taken back")
	}
	whole := append(append(append([]byte{}, out[:n.start]...), old...), out[n.end:]...)
	if !bytes.Equal(whole, data) {
		t.Fatal("an edit was not taken back to the byte")
	}
	now := readAccounts(root)
	if left, err := Changes(now[find(now, a.Account)], policy.LevelTor); err != nil || len(left) > 0 {
		t.Fatalf("still to change: %v %v", left, err)
	}
}

// FuzzPrefs: adding the plugin and setting off what asks the network leaves
// every other preference as it is, and can be taken back, to the byte or by value.
func FuzzPrefs(f *testing.F) {
	f.Add([]byte(get(f, "testdata/sample", PrefsFile)))
	f.Add([]byte(minimalPrefs))
	for seed := range int64(12) {
		f.Add([]byte(newGenerator(seed).prefs()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		edit, err := prefsForProtection(data, shim)
		if err != nil {
			return
		}
		if len(edit.added)+len(edit.stopped) == 0 && !bytes.Equal(edit.out, data) {
			t.Fatal("changed without a reason")
		}
		if old, ok := revert(edit.out, edit.undo); !ok || !bytes.Equal(old, data) {
			t.Fatal("not taken back to the byte")
		}
		if again, err := prefsForProtection(edit.out, shim); err != nil || len(again.undo) > 0 {
			t.Fatalf("changed twice: %v %v", again.undo, err)
		}
		back, _, err := giveProbesBack(edit.out, edit.probes)
		if err != nil {
			t.Fatal(err)
		}
		root, err := parseXML(back)
		if err != nil || !maps.Equal(readPrefs(root).Probes(), edit.probes) {
			t.Fatalf("not given back: %v, %v", edit.probes, err)
		}
	})
}

// FuzzRecord: what is accepted re-encodes, and an error gives no account.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"user_dir":"/d","accounts":[{"protocol":"prpl-jabber","name":"a@x","level":"tor","before":{"proxy_known":true},"after":{}}]}`))
	f.Add([]byte(`{"schema":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseRecord(data)
		if err != nil {
			if len(c.Accounts) > 0 {
				t.Fatal("an error with accounts")
			}
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRecord(text)
		if err != nil || len(again.Accounts) != len(c.Accounts) {
			t.Fatal(err)
		}
		for _, e := range c.Accounts {
			if again.find(e.account()) == nil || again.find(e.account()).Level != e.Level {
				t.Fatal("an account was lost")
			}
		}
	})
}
