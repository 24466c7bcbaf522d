// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package otr

import (
	"crypto/rand"
	"fmt"
	"math/big"
	mathrand "math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/otr/libotrtest"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

const generatedNames = 240

// oracle is a libotr user who only reads and writes files.
func oracle(t testing.TB) *libotrtest.Peer {
	return libotrtest.New(t, libotrtest.Account{Name: "oracle", Protocol: "prpl-x"}, "nobody")
}

func libotrName(a policy.Account) libotrtest.Account {
	return libotrtest.Account{Name: a.Name, Protocol: a.Protocol}
}

// sameKeys holds what libotr has read against what we wrote or read.
func sameKeys(t *testing.T, got []libotrtest.Key, want *keyFile) {
	t.Helper()
	slices.Reverse(got) // libotr puts each in front
	if len(got) != len(want.entries) {
		t.Fatalf("libotr has %d keys, the file %d", len(got), len(want.entries))
	}
	for i, g := range got {
		e := &want.entries[i]
		counts := want.find(e.account).fingerprint().String() // of two of one account, the one that libotr finds
		if g.Account != libotrName(e.account) || g.Fingerprint != counts {
			t.Fatalf("key %d: libotr has %q, %s; we %q, %s", i, g.Account, g.Fingerprint, e.account, counts)
		}
		for j, digits := range g.Numbers {
			if n, ok := new(big.Int).SetString(digits, 16); !ok || n.Cmp(e.numbers[j]) != 0 {
				t.Fatalf("key %d of %q: another %s", i, e.account, numberNames[j])
			}
		}
	}
}

// TestLibotrReadsOurKeys writes keys of generated names; libotr reads them,
// writes them in its own way, and we read that, edit it, and libotr again.
func TestLibotrReadsOurKeys(t *testing.T) {
	names := someNames(generatedNames, true)
	f := &keyFile{}
	for i, k := range someKeys(t, len(names)) {
		var err error
		if f, err = parseKeys(f.add(names[i], k)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), KeysFile)
	write(t, path, f.data)
	p := oracle(t)
	if err := p.ReadKeys(path); err != nil {
		t.Fatal(err)
	}
	sameKeys(t, p.Keys(), f)

	// As libotr writes them, with one more.
	if err := p.GenerateKey(libotrtest.Account{Name: "one more", Protocol: "prpl-x"}, path); err != nil {
		t.Fatal(err)
	}
	f, err := parseKeys(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.entries) != generatedNames+1 {
		t.Fatalf("%d keys", len(f.entries))
	}
	sameKeys(t, p.Keys(), f)
	s := OpenStore(filepath.Dir(path))
	for i, e := range f.entries {
		k, err := s.Key(e.account)
		if err != nil || k.Fingerprint() != e.fingerprint() {
			t.Fatalf("key of %q: %v", e.account, err)
		}
		to := policy.Account{Protocol: "prpl-jabber", Name: strings.Repeat(`"é\`, i%3) + "new@" + e.account.Name}
		if i%40 != 0 || checkAccount(to) != nil {
			continue
		}
		if err := s.RenameKey(e.account, to); err != nil {
			t.Fatal(err)
		}
		if f, err = parseKeys(read(t, path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.ReadKeys(path); err != nil {
		t.Fatal(err)
	}
	sameKeys(t, p.Keys(), f)
}

// TestLibotrUsesOurKeys has libotr sign with keys that we made and wrote, and
// us take one that libotr made.
func TestLibotrUsesOurKeys(t *testing.T) {
	s := OpenStore(t.TempDir())
	names := []policy.Account{{Protocol: "prpl-jabber", Name: "ours@a.test/"}, {Protocol: "prpl-irc", Name: "é \"ours\""}}
	for i, k := range someKeys(t, len(names)) {
		if err := s.SaveKey(names[i], k); err != nil {
			t.Fatal(err)
		}
	}
	other := libotrtest.Account{Name: "other", Protocol: "prpl-jabber"}
	for _, a := range names {
		p, q := libotrtest.New(t, libotrName(a), other.Name), libotrtest.New(t, other, a.Name)
		if err := p.ReadKeys(s.path(KeysFile)); err != nil {
			t.Fatal(err)
		}
		for lines, at := []string{"?OTRv3?"}, p; len(lines) > 0; {
			var next []string
			for _, line := range lines {
				next = append(next, at.Receive(line).Lines...)
			}
			if lines = next; at == p {
				at = q
			} else {
				at = p
			}
		}
		k, err := s.Key(a)
		if err != nil || q.Status().State != libotrtest.Encrypted || q.Status().Fingerprint != k.Fingerprint().String() {
			t.Errorf("%s: %+v, %v", a, q.Status(), err)
		}
	}
	p := oracle(t)
	if err := p.GenerateKey(other, s.path(KeysFile)); err != nil {
		t.Fatal(err)
	}
	if k, err := s.Key(policy.Account{Protocol: other.Protocol, Name: other.Name}); err != nil || k.Fingerprint().String() != p.Keys()[0].Fingerprint {
		t.Errorf("%v, %v", k, err)
	} else if _, err := sign(rand.Reader, k.dsa, make([]byte, 20)); err != nil {
		t.Error(err)
	}
}

// TestKeysAsLibotrReadsThem is one file after the other that is not as libotr
// writes it. We and libotr read the same, or neither reads it; but we read a
// file with a byte order mark, and refuse three kinds that nothing writes.
func TestKeysAsLibotrReadsThem(t *testing.T) {
	keys := someKeys(t, 3)
	alice, bob := policy.Account{Protocol: "prpl-jabber", Name: "alice@a.test/"}, policy.Account{Protocol: "prpl-jabber", Name: "bob@b.test/"}
	text := "(privkeys\n" + accountText(alice, keys[0]) + accountText(bob, keys[1]) + ")\n"
	for name, edited := range map[string]string{
		"CRLF":              strings.ReplaceAll(text, "\n", "\r\n"),
		"no last newline":   strings.TrimSpace(text),
		"space all over":    " \n\t" + strings.ReplaceAll(text, "(", " ( \v\f"),
		"lower-case digits": strings.ReplaceAll(strings.ReplaceAll(text, "A", "a"), "F", "f"),
		"unknown field":     strings.ReplaceAll(text, "(protocol", "(colour \"blue\" (x y) #00#)\n(protocol"),
		"unknown before":    strings.ReplaceAll(text, "(name", "(x (name hidden))\n(name"),
		"quoted protocol":   strings.ReplaceAll(text, "prpl-jabber", `"prpl-jabber"`),
		"quoted words":      strings.ReplaceAll(text, "(account", `("account"`),
		"counted":           strings.ReplaceAll(text, "prpl-jabber", `11:prpl-jabber`),
		"escapes":           strings.ReplaceAll(text, `alice@a`, `\x61\154i\ce`),
		"escapes of C":      strings.ReplaceAll(text, `alice@a`, `\x61\154i\t\b\v\f\r\n\"\'\\`),
		"line goes on":      strings.ReplaceAll(text, `alice@a`, "al\\\nic\\\r\ne\\\n\re"),
		"newline in it":     strings.ReplaceAll(text, `alice@a`, "al\nice"),
		"digits in pieces":  strings.ReplaceAll(text, "#00", "# 0\n0 "),
		"high bytes":        strings.ReplaceAll(text, `"alice@a.test/"`, "\"al\xc3\xa9\""),
		"NUL in a name":     strings.ReplaceAll(text, `alice@a.test`, `al\x00ice`),
		"empty name":        strings.ReplaceAll(text, `"alice@a.test/"`, `""`),
		"twice":             "(privkeys" + accountText(alice, keys[0]) + accountText(alice, keys[1]) + accountText(bob, keys[2]) + ")",
		"none":              "(privkeys)",
		"BOM":               "\xef\xbb\xbf" + text,
		"behind the end":    text + "x",
		"two lists":         text + text,
		"cut":               text[:len(text)-3],
		"odd digits":        strings.Replace(text, "#00", "#0", 1),
		"base64":            strings.ReplaceAll(text, `"alice@a.test/"`, "|YWxpY2U=|"),
		"hint":              strings.ReplaceAll(text, `"alice@a.test/"`, `[text]"alice"`),
		"comment":           "; comment\n" + text,
		"no name":           strings.ReplaceAll(text, "(name", "(nom"),
		"no key":            strings.ReplaceAll(text, "(private-key", "(key"),
		"no dsa":            strings.ReplaceAll(text, "(dsa", "(rsa"),
		"other words":       strings.ReplaceAll(text, "(privkeys", "(keys"),
		"an atom":           strings.ReplaceAll(text, "(privkeys", "(privkeys x"),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), KeysFile)
			write(t, path, []byte(edited))
			p := oracle(t)
			theirErr := p.ReadKeys(path)
			f, err := parseKeys([]byte(edited))
			switch ours := map[string]bool{"BOM": true, "hint": false, "base64": false, "behind the end": false}; {
			case theirErr == nil && err == nil:
				sameKeys(t, p.Keys(), f)
			case (theirErr == nil) == (err == nil):
			default:
				if reads, differs := ours[name]; !differs || reads != (err == nil) {
					t.Errorf("libotr: %v; we: %v", theirErr, err)
				}
			}
		})
	}
}

// TestMutatedKeyFiles holds that a file which we read is one that libotr reads
// alike, so that we never make one that it cannot; and that we refuse beyond
// libotr only for these reasons.
func TestMutatedKeyFiles(t *testing.T) {
	keys := someKeys(t, 2)
	text := "(privkeys\n" + accountText(policy.Account{Protocol: "prpl-jabber", Name: "alice \"\\"}, keys[0]) + accountText(policy.Account{Protocol: "prpl-irc", Name: "é"}, keys[1]) + ")\n"
	pieces := []string{"(", ")", "\"", "\\", "#", "0", "A", " ", "\n", "(name x)", "(protocol y)", "(private-key", "(dsa", "(p #0B#)", "x", "3:a(b", "\\x41", "\\101", "\\\n", "\xe9", "'", ";"}
	runs := 6000
	if testing.Short() {
		runs = 600
	}
	r := mathrand.New(mathrand.NewSource(11))
	path := filepath.Join(t.TempDir(), KeysFile)
	p, both := oracle(t), 0
	for range runs {
		data := text
		for range 1 + r.Intn(3) {
			at := r.Intn(len(data))
			if r.Intn(2) == 0 { // where names and brackets are
				at = strings.Index(data, "(account") + r.Intn(90)
			}
			if at = max(0, min(at, len(data)-1)); r.Intn(3) == 0 {
				data = data[:at] + data[min(len(data), at+1+r.Intn(4)):]
			} else {
				data = data[:at] + pieces[r.Intn(len(pieces))] + data[at:]
			}
		}
		write(t, path, []byte(data))
		theirErr := p.ReadKeys(path)
		f, err := parseKeys([]byte(data))
		switch {
		case err == nil && theirErr != nil:
			t.Fatalf("%v; but we read %q", theirErr, data)
		case err == nil:
			both++
			sameKeys(t, p.Keys(), f)
		case theirErr == nil && !slices.ContainsFunc(stricter, func(reason string) bool { return strings.Contains(err.Error(), reason) }):
			t.Fatalf("libotr reads it, we: %v: %q", err, data)
		}
	}
	if both < runs/20 {
		t.Errorf("only %d of %d files were read", both, runs)
	}
}

// stricter is why we refuse what libotr reads: numbers that are no key, and
// what neither libotr nor we write.
var stricter = []string{"a private key that is none", "a private key without x", "behind the end"}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// someKnown generates fingerprints of buddies with awkward names.
func someKnown(n int) []Known {
	names := someNames(2*n, false)
	trusts := []Trust{Unverified, Verified, SMP, "by phone", "ünder\u202e", "with a\ttab"}
	var out []Known
	for i := range n {
		k := Known{Account: names[i/3], Buddy: names[n+i].Name, Trust: trusts[i%len(trusts)]}
		for j := range k.Fingerprint {
			k.Fingerprint[j] = byte(i * (j + 1))
		}
		out = append(out, k)
	}
	return out
}

func sameKnown(t *testing.T, got []libotrtest.Known, want []Known) {
	t.Helper()
	ours := map[libotrtest.Known]bool{}
	for _, k := range want {
		ours[libotrtest.Known{Account: libotrName(k.Account), Buddy: k.Buddy, Fingerprint: k.Fingerprint.String(), Trust: string(k.Trust)}] = true
	}
	if len(got) != len(ours) || len(want) != len(ours) {
		t.Fatalf("libotr has %d, we %d, %d different ones", len(got), len(want), len(ours))
	}
	for _, g := range got {
		if !ours[g] {
			t.Fatalf("libotr has %q, and we do not", g)
		}
	}
}

// TestLibotrReadsOurFingerprints goes both ways too.
func TestLibotrReadsOurFingerprints(t *testing.T) {
	want := someKnown(generatedNames)
	path := filepath.Join(t.TempDir(), FingerprintsFile)
	s := OpenStore(filepath.Dir(path))
	for _, k := range want {
		trust := k.Trust
		if k.Trust = ""; strings.Contains(string(trust), "\t") { // we keep such a trust, and add none
			k.Trust = "x"
		}
		if err := s.SetFingerprint(k); err != nil {
			t.Fatal(err)
		}
		k.Trust = trust
		if err := s.SetFingerprint(k); err != nil {
			t.Fatal(err)
		}
	}
	p := oracle(t)
	if err := p.ReadFingerprints(path); err != nil {
		t.Fatal(err)
	}
	sameKnown(t, p.Fingerprints(), want)
	if err := p.WriteFingerprints(path); err != nil {
		t.Fatal(err)
	}
	got, err := s.AllFingerprints()
	if err != nil {
		t.Fatal(err)
	}
	sameKnown(t, p.Fingerprints(), got)
	for i, k := range got {
		switch {
		case i%5 == 0:
			k.Trust = "smp"
			err = s.SetFingerprint(k)
		case i%5 == 1:
			err = s.Forget(k)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err = s.AllFingerprints(); err != nil || len(got) != generatedNames-generatedNames/5 {
		t.Fatalf("%d left, %v", len(got), err)
	}
	p = oracle(t)
	if err := p.ReadFingerprints(path); err != nil {
		t.Fatal(err)
	}
	sameKnown(t, p.Fingerprints(), got)
}

// TestTablesAsLibotrReadsThem: of fingerprints and tags that are written
// otherwise we read what libotr reads, but also a last line without an end.
func TestTablesAsLibotrReadsThem(t *testing.T) {
	const digits = "1688c9873c4ba01e78a102815bba618be24e1a43"
	good := "bob@b.test\talice@a.test/\tprpl-jabber\t" + digits + "\tverified\n"
	other := strings.ReplaceAll(good, "bob", "carol")
	for name, text := range map[string]string{
		"good": good + other, "CRLF": strings.ReplaceAll(good+other, "\n", "\r\n"), "upper case": strings.ToUpper(good),
		"no trust": strings.ReplaceAll(good, "\tverified", ""), "empty trust": strings.ReplaceAll(good, "verified", ""),
		"CRLF, no trust": strings.ReplaceAll(good, "\tverified\n", "\r\n"), "tab in trust": strings.ReplaceAll(good, "verified", "a\tb"),
		"CR in trust": strings.ReplaceAll(good, "verified", "a\rb"), "CR in name": strings.ReplaceAll(good, "bob", "b\rb"),
		"comment": "# x\n\n" + good + "# a\tb\n", "few fields": "a\tb\tc\n" + good, "39 digits": strings.ReplaceAll(good, digits, digits[1:]),
		"41 digits": strings.ReplaceAll(good, digits, digits+"0"), "twice": good + strings.ReplaceAll(good, "verified", "smp"),
		"NUL": strings.ReplaceAll(good, "bob", "b\x00b") + other, "empty names": "\t\t\t" + digits + "\t\n", "long": strings.Repeat("x", 950) + good + other,
		"just not too long": strings.Repeat("x", maxTableLine-len(good)) + good + other, "just too long": strings.Repeat("x", maxTableLine+1-len(good)) + good + other,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FingerprintsFile)
			write(t, path, []byte(text))
			p := oracle(t)
			if err := p.ReadFingerprints(path); err != nil {
				t.Fatal(err)
			}
			sameKnown(t, p.Fingerprints(), parseFingerprints([]byte(text)).all())
		})
	}
	p := oracle(t)
	path := filepath.Join(t.TempDir(), TagsFile)
	text := "# x\na@a.test/\tprpl-jabber\tb2d94507\nb\tprpl-irc\tABCDEF01\r\nc\tp\t000000ff\nx\tp\t00000100\ne\tp\t1234567\nf\tp\t123456789\na@a.test/\tprpl-jabber\t00001234\n\tp\t00002345\n"
	write(t, path, []byte(text))
	if err := p.ReadTags(path); err != nil {
		t.Fatal(err)
	}
	sameTags(t, p.Tags(), []byte(text))
}

func sameTags(t *testing.T, got []libotrtest.Tag, data []byte) {
	t.Helper()
	f := parseTags(data)
	want := map[libotrtest.Tag]bool{}
	for i := range f.lines {
		if a, tag, ok := f.tag(i); ok {
			want[libotrtest.Tag{Account: libotrName(a), Tag: tag}] = true
		}
	}
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("libotr has %d tags, we %d", len(got), len(want))
	}
	for _, g := range got {
		if !want[g] {
			t.Fatalf("libotr has %q, %08x, and we do not", g.Account, g.Tag)
		}
	}
}

func TestLibotrReadsOurTags(t *testing.T) {
	names := someNames(generatedNames, false)
	path := filepath.Join(t.TempDir(), TagsFile)
	s := OpenStore(filepath.Dir(path))
	tags := map[policy.Account]uint32{}
	for _, a := range names {
		tag, err := s.InstanceTag(a)
		if err != nil {
			t.Fatal(err)
		}
		tags[a] = tag
	}
	p := oracle(t)
	if err := p.ReadTags(path); err != nil {
		t.Fatal(err)
	}
	sameTags(t, p.Tags(), read(t, path))
	if err := p.GenerateTag(libotrtest.Account{Name: "one more", Protocol: "prpl-x"}, path); err != nil {
		t.Fatal(err)
	}
	sameTags(t, p.Tags(), read(t, path))
	for a, tag := range tags {
		if got, err := s.InstanceTag(a); err != nil || got != tag {
			t.Fatalf("tag of %q: %08x, %v", a, got, err)
		}
	}
}

// someNames generates accounts of every awkward kind, and no two alike. With
// controls some have tabs and ends of lines, which only otr.private_key can
// hold.
func someNames(n int, controls bool) []policy.Account {
	r := mathrand.New(mathrand.NewSource(7))
	pieces := []string{`"`, `\`, `'`, " ", "#", "(", ")", "é", "ü", "日本", "\u202e", "😀", "@", "/", "|", "a", "Z", "9", "-", "=", "\x7f", "\xa0", "\xff", ":", ";", "{", "[", "%s", "&"}
	if controls {
		pieces = append(pieces, "\t", "\n", "\r", "\b", "\v", "\f", "\x01", "\x1b")
	}
	out := []policy.Account{{Protocol: "prpl-jabber", Name: "alice@a.test/"}, {Protocol: "prpl-irc", Name: "alice@a.test/"}, {Protocol: "prpl-jabber", Name: "7"}, {Protocol: "prpl-jabber", Name: "ü@x.test/é"}}
	for i := len(out); i < n; i++ {
		var name strings.Builder
		for range 1 + r.Intn(12) {
			name.WriteString(pieces[r.Intn(len(pieces))])
		}
		fmt.Fprintf(&name, "%d", i)
		protocol := []string{"prpl-jabber", "prpl-irc", "an odd \"one\"", "prpl-é"}[r.Intn(4)]
		out = append(out, policy.Account{Protocol: protocol, Name: name.String()})
	}
	return out
}
