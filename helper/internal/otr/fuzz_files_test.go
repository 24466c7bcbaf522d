// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

func seeds(f *testing.F, name string, more ...string) {
	data, err := os.ReadFile("testdata/pidgin-otr/" + name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data), "alice@xmpp.test/", "x")
	f.Add(strings.ReplaceAll(string(data), "\n", "\r\n"), "alice@xmpp.test/", "\"")
	for _, text := range more {
		f.Add(text, "é\\", "")
	}
}

// FuzzKeyFile: what is accepted says the same when it is written in our own
// way; adding an account, or renaming one, leaves every other key as it is, and
// the bytes around.
func FuzzKeyFile(f *testing.F) {
	seeds(f, KeysFile, "", "(privkeys)", "((((", "(privkeys (account (name #C3A9#)(protocol \"\\x41\\101\\\n\")", "\xef\xbb\xbf(privkeys\r\n)")
	key, err := firstKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, name, protocol string) {
		file, err := parseKeys([]byte(text))
		if err != nil {
			if file != nil && len(file.entries) > 0 {
				t.Error("keys and an error")
			}
			return
		}
		if file.root != nil {
			again, err := parseSexp([]byte(written(file.root)))
			if err != nil || written(again) != written(file.root) {
				t.Fatalf("%q is %q: %v", text, written(file.root), err)
			}
		}
		a := policy.Account{Protocol: "p" + cText([]byte(protocol)), Name: "n" + cText([]byte(name))}
		out := file.add(a, key)
		now, err := parseKeys(out)
		if err != nil || len(now.entries) != len(file.entries)+1 {
			t.Fatalf("after add: %v", err)
		}
		if got := now.find(a); got.account != a || got.fingerprint() != key.Fingerprint() || got.numbers[4].Cmp(key.numbers()[4]) != 0 {
			t.Fatalf("added %q, read %q", a, got.account)
		}
		sameEntries(t, file.entries, now.entries, -1)
		if !containsAround(out, []byte(text)) {
			t.Fatal("add changed other bytes")
		}
		for i := range now.entries {
			to := policy.Account{Protocol: "q", Name: fmt.Sprintf("%s %d", name, i)}
			to.Name = cText([]byte(to.Name))
			e := &now.entries[i]
			renamed, err := parseKeys(now.rename(e, to))
			if err != nil || len(renamed.entries) != len(now.entries) || renamed.entries[i].account != to {
				t.Fatalf("after rename: %v", err)
			}
			sameEntries(t, now.entries, renamed.entries, i)
		}
	})
}

// containsAround says whether out is old with something put in.
func containsAround(out, old []byte) bool {
	head := 0
	for head < len(old) && out[head] == old[head] {
		head++
	}
	return bytes.HasSuffix(out, old[head:])
}

func sameEntries(t *testing.T, before, after []keyEntry, but int) {
	for i, e := range before {
		if i != but && after[i].account != e.account {
			t.Fatalf("entry %d: %q became %q", i, e.account, after[i].account)
		}
		for j, n := range e.numbers {
			if after[i].numbers[j].Cmp(n) != 0 {
				t.Fatalf("entry %d: another %s", i, numberNames[j])
			}
		}
	}
}

// written writes an expression without any space that it does not need.
func written(n *sexp) string {
	if !n.isList {
		return writeAtom(string(n.atom))
	}
	var parts []string
	for _, c := range n.list {
		parts = append(parts, written(c))
	}
	return "(" + strings.Join(parts, " ") + ")"
}

// FuzzName: a name as libgcrypt may write it, in each of its ways, is that
// name.
func FuzzName(f *testing.F) {
	for _, name := range []string{"alice@a.test/", `"\'`, "é", "\x00\x7f\xff", "", "7", "a\n\r\t"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var hex, octal, simple strings.Builder
		for _, c := range []byte(name) {
			fmt.Fprintf(&hex, `\x%02X`, c)
			fmt.Fprintf(&octal, `\%03o`, c)
			escaped := false
			for short, plain := range simpleEscapes {
				if plain == c {
					simple.WriteString(`\` + string(short))
					escaped = true
				}
			}
			if !escaped {
				simple.WriteByte(c)
			}
		}
		for _, form := range []string{writeAtom(name), `"` + hex.String() + `"`, `"` + octal.String() + `"`, `"` + simple.String() + `"`,
			fmt.Sprintf("#%x#", name), fmt.Sprintf("%d:%s", len(name), name)} {
			if name == "" && form[0] == '0' {
				continue // libgcrypt takes no length of 0
			}
			n, err := parseSexp([]byte("(" + form + ")"))
			if err != nil || len(n.list) != 1 || string(n.list[0].atom) != name {
				t.Fatalf("%q as %q: %v", name, form, err)
			}
		}
	})
}

// FuzzFingerprints: an edit of one fingerprint changes that one alone, by what
// a reader sees and by lines.
func FuzzFingerprints(f *testing.F) {
	seeds(f, FingerprintsFile, "", "#\n", "a\tb\tc\t"+strings.Repeat("0f", 20), "a\tb\tc\t"+strings.Repeat("0F", 20)+"\tx\ty\r\n\n\n")
	f.Fuzz(func(t *testing.T, text, name, trust string) {
		file := parseFingerprints([]byte(text))
		all := file.all()
		targets := append([]Known{}, all...)
		targets = append(targets, Known{Account: policy.Account{Protocol: "p", Name: name}, Buddy: name, Fingerprint: Fingerprint{7}})
		for _, k := range targets {
			k.Trust = Trust(trust)
			out, err := file.set(k)
			if err != nil {
				continue
			}
			now := parseFingerprints(out)
			if i := now.find(k); i < 0 {
				t.Fatalf("%q is not there", k)
			} else if got, _ := now.known(i); got != k {
				t.Fatalf("%q became %q", k, got)
			}
			sameBut(t, all, now.all(), k)
			forgotten := parseFingerprints(now.forget(k))
			if forgotten.find(k) >= 0 {
				t.Fatalf("%q is still there", k)
			}
			sameBut(t, all, forgotten.all(), k)
			sameLines(t, file, forgotten, k)
		}
	})
}

func sameBut(t *testing.T, before, after []Known, but Known) {
	without := func(list []Known) (out []Known) {
		for _, k := range list {
			if !k.same(but) {
				out = append(out, k)
			}
		}
		return out
	}
	if a, b := fmt.Sprintf("%q", without(before)), fmt.Sprintf("%q", without(after)); a != b {
		t.Fatalf("%s became %s", a, b)
	}
}

// sameLines holds that all lines but one entry's are as they were; the last
// one may have got an end, and a CR of it be part of that.
func sameLines(t *testing.T, before, after fingerprintFile, but Known) {
	lines := func(f fingerprintFile) (out []string) {
		for i, l := range f.lines {
			if k, ok := f.known(i); !ok || !k.same(but) {
				out = append(out, strings.TrimRight(string(f.data[l.start:l.end]), "\r"))
			}
		}
		return out
	}
	a, b := fmt.Sprintf("%q", lines(before)), fmt.Sprintf("%q", lines(after))
	if a != b {
		t.Fatalf("%s became %s", a, b)
	}
}

// FuzzTags: a tag that is added is found, and nothing else changes.
func FuzzTags(f *testing.F) {
	seeds(f, TagsFile, "", "a\tb\t00000100", "# x\r\n")
	f.Fuzz(func(t *testing.T, text, name, protocol string) {
		file := parseTags([]byte(text))
		a := policy.Account{Protocol: protocol, Name: name}
		if checkAccount(a) != nil {
			return
		}
		out, err := file.set(a, 0xfedcba98)
		if err != nil {
			return
		}
		now := parseTags(out)
		if tag, ok := now.find(a); !ok || tag != 0xfedcba98 {
			t.Fatalf("%q: %08x", out, tag)
		}
		if !bytes.HasPrefix(out, []byte(text)) {
			t.Fatalf("%q became %q", text, out)
		}
		for i := range file.lines {
			other, tag, ok := file.tag(i)
			other2, tag2, ok2 := now.tag(i)
			if ok != ok2 || other != other2 || tag != tag2 {
				t.Fatalf("line %d changed", i)
			}
		}
	})
}

// FuzzFingerprintText: forty digits, and nothing else.
func FuzzFingerprintText(f *testing.F) {
	f.Add(strings.Repeat("aB ", 20))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFingerprint(text)
		if err != nil {
			return
		}
		n, ok := new(big.Int).SetString(strings.Join(strings.Fields(text), ""), 16)
		if again, err := ParseFingerprint(got.String()); err != nil || again != got || !ok || n.Cmp(new(big.Int).SetBytes(got[:])) != 0 {
			t.Fatalf("%q is %s", text, got)
		}
	})
}
