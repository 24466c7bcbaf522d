// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package otr

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

var (
	alice = policy.Account{Protocol: "prpl-jabber", Name: "alice@a.test/"}
	bob   = policy.Account{Protocol: "prpl-jabber", Name: "bob@b.test/"}
)

// sample is a user directory that the real Pidgin with pidgin-otr wrote.
func sample(t *testing.T) *Store {
	t.Helper()
	s := OpenStore(t.TempDir())
	if err := os.CopyFS(s.dir, os.DirFS("testdata/pidgin-otr")); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (s *Store) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSampleOfPidgin(t *testing.T) {
	s := sample(t)
	a, b := policy.Account{Protocol: "prpl-jabber", Name: "alice@xmpp.test/"}, policy.Account{Protocol: "prpl-jabber", Name: "bob@xmpp.test/"}
	keys, err := s.Keys()
	if err != nil || len(keys) != 2 || keys[0].Account != b || keys[1].Account != a {
		t.Fatalf("%v, %v", keys, err)
	}
	known, err := s.AllFingerprints()
	if err != nil || len(known) != 2 {
		t.Fatalf("%v, %v", known, err)
	}
	// Each knows the other: so the fingerprints are those of the keys.
	for _, k := range known {
		key, err := s.Key(policy.Account{Protocol: k.Account.Protocol, Name: k.Buddy + "/"})
		if err != nil || key == nil || key.Fingerprint() != k.Fingerprint || k.Trust != Unverified {
			t.Errorf("%v, %v", k, err)
		}
	}
	for name, want := range map[policy.Account]uint32{a: 0x3b5e6091, b: 0xb2d94507} {
		if tag, err := s.InstanceTag(name); err != nil || tag != want {
			t.Errorf("tag of %s: %08x, %v", name, tag, err)
		}
	}
}

func TestKeysOfAnEmptyDirectory(t *testing.T) {
	s := OpenStore(filepath.Join(t.TempDir(), "new"))
	if list, err := s.Keys(); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if k, err := s.Key(alice); k != nil || err != nil {
		t.Errorf("%v, %v", k, err)
	}
	for _, text := range []string{"", "\n", "\xef\xbb\xbf", " \r\n\t"} {
		s := OpenStore(t.TempDir())
		s.put(t, KeysFile, text)
		key := someKeys(t, 1)[0]
		if list, err := s.Keys(); err != nil || len(list) != 0 {
			t.Errorf("%q: %v, %v", text, list, err)
		}
		if err := s.SaveKey(alice, key); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if k, err := s.Key(alice); err != nil || k.Fingerprint() != key.Fingerprint() {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSaveKeyRefuses(t *testing.T) {
	s, keys := OpenStore(t.TempDir()), someKeys(t, 2)
	if err := s.SaveKey(alice, keys[0]); err != nil {
		t.Fatal(err)
	}
	before := s.text(t, KeysFile)
	if err := s.SaveKey(bob, keys[0]); !errors.Is(err, ErrKeyShared) {
		t.Errorf("one key on two accounts: %v", err)
	}
	if err := s.SaveKey(alice, keys[1]); !errors.Is(err, ErrHasKey) {
		t.Errorf("another key: %v", err)
	}
	if err := s.SaveKey(alice, keys[0]); err != nil {
		t.Errorf("the same key: %v", err)
	}
	for _, name := range []string{"", "a\tb", "a\nb", "a\x00b"} {
		if err := s.SaveKey(policy.Account{Protocol: "prpl-jabber", Name: name}, keys[1]); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if s.text(t, KeysFile) != before {
		t.Error("the file changed")
	}
	info, err := os.Stat(s.path(KeysFile))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestUnknownIsKept edits a file with all that libotr does not know in it, and
// takes away what was added: the rest is as it was.
func TestUnknownIsKept(t *testing.T) {
	keys := someKeys(t, 2)
	odd := strings.ReplaceAll("( privkeys\n\n"+accountText(alice, keys[0])+")  \n", "(protocol", "(colour |\"blue\" (x 3:a)b) #00#)\r\n\t(protocol")
	odd = strings.ReplaceAll(odd, "|", "")
	s := OpenStore(t.TempDir())
	s.put(t, KeysFile, odd)
	if err := s.SaveKey(bob, keys[1]); err != nil {
		t.Fatal(err)
	}
	added := strings.ReplaceAll(accountText(bob, keys[1]), "\n", "\r\n")
	if got := s.text(t, KeysFile); strings.Replace(got, added, "", 1) != odd || !strings.Contains(got, added) {
		t.Errorf("%q", got)
	}
	table := "\xef\xbb\xbf# mine\r\nbob@b.test\talice@a.test/\tprpl-jabber\t" + strings.Repeat("aB", 20) + "\r\n\r\nx\ty\r\ncarol\talice@a.test/\tprpl-jabber\t" + strings.Repeat("00", 20) + "\tverified"
	s.put(t, FingerprintsFile, table)
	known, err := s.AllFingerprints()
	if err != nil || len(known) != 2 || known[1].Trust != Verified {
		t.Fatalf("%v, %v", known, err)
	}
	first := known[0]
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { first.Trust = "smp"; return s.SetFingerprint(first) }, strings.Replace(table, "aB\r", "aB\tsmp\r", 1) + "\r\n"},
		{func() error { first.Trust = ""; return s.SetFingerprint(first) }, strings.Replace(table, "aB\r", "aB\t\r", 1) + "\r\n"},
		{func() error { return s.Forget(known[1]) }, strings.Replace(table[:strings.Index(table, "carol")], "aB\r", "aB\t\r", 1)},
		{func() error { return s.Forget(known[1]) }, strings.Replace(table[:strings.Index(table, "carol")], "aB\r", "aB\t\r", 1)},
		{func() error { return s.SetFingerprint(known[1]) }, strings.Replace(table, "aB\r", "aB\t\r", 1) + "\r\n"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := s.text(t, FingerprintsFile); got != step.want {
			t.Errorf("got  %q\nwant %q", got, step.want)
		}
	}
}

func TestFingerprintsOfABuddy(t *testing.T) {
	s := OpenStore(t.TempDir())
	one, two := Known{alice, "carol@c.test", Fingerprint{1}, Unverified}, Known{bob, "carol@c.test", Fingerprint{1}, "by phone"}
	three := Known{alice, "dave@d.test", Fingerprint{1}, Verified}
	for _, k := range []Known{one, two, three} {
		if err := s.SetFingerprint(k); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Fingerprints(bob, "carol@c.test"); err != nil || len(got) != 1 || got[0] != two {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.Forget(Known{Account: alice, Buddy: "carol@c.test", Fingerprint: Fingerprint{1}}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.AllFingerprints(); err != nil || len(got) != 2 || got[0] != two || got[1] != three {
		t.Errorf("%v, %v", got, err)
	}
	if !SMP.Verified() || !Verified.Verified() || Unverified.Verified() || Trust("by phone").Verified() {
		t.Error("trust")
	}
	before := s.text(t, FingerprintsFile)
	for _, k := range []Known{{alice, "a\tb", Fingerprint{2}, ""}, {alice, "a\nb", Fingerprint{2}, ""}, {alice, "a", Fingerprint{2}, "x\ry"}, {alice, "carol", Fingerprint{2}, "a\tb"},
		{alice, strings.Repeat("x", 990), Fingerprint{2}, ""}, {policy.Account{Protocol: "p", Name: "a\tb"}, "carol", Fingerprint{2}, ""}, {alice, "dave@d.test", Fingerprint{1}, Trust(strings.Repeat("x", 990))}} {
		if err := s.SetFingerprint(k); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", k, err)
		}
	}
	if s.text(t, FingerprintsFile) != before {
		t.Error("the file changed")
	}
}

// TestRenameKey is a changed resource: the key goes along, and what is known
// of buddies.
func TestRenameKey(t *testing.T) {
	s, keys := OpenStore(t.TempDir()), someKeys(t, 2)
	home := policy.Account{Protocol: "prpl-jabber", Name: "Alice@a.test/Home \"ü\""}
	for a, k := range map[policy.Account]*Key{alice: keys[0], bob: keys[1]} {
		if err := s.SaveKey(a, k); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []Known{{alice, "bob@b.test", Fingerprint{1}, Verified}, {bob, "alice@a.test", Fingerprint{2}, SMP}, {alice, "carol@c.test", Fingerprint{3}, ""}, {home, "carol@c.test", Fingerprint{3}, Verified}} {
		if err := s.SetFingerprint(k); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.KeyOfOtherResource(home)
	if err != nil || found == nil || *found != (KeyEntry{alice, keys[0].Fingerprint()}) {
		t.Fatalf("%v, %v", found, err)
	}
	for _, a := range []policy.Account{alice, {Protocol: "prpl-irc", Name: "alice@a.test/x"}, {Protocol: "prpl-jabber", Name: "alice@a.tes/"}} {
		if found, err := s.KeyOfOtherResource(a); err != nil || found != nil {
			t.Errorf("%s: %v, %v", a, found, err)
		}
	}
	if err := s.RenameKey(alice, bob); !errors.Is(err, ErrHasKey) {
		t.Errorf("to one that has a key: %v", err)
	}
	if err := s.RenameKey(home, alice); !errors.Is(err, ErrNoKey) {
		t.Errorf("of one that has none: %v", err)
	}
	if err := s.RenameKey(alice, home); err != nil {
		t.Fatal(err)
	}
	if k, err := s.Key(home); err != nil || k == nil || k.Fingerprint() != keys[0].Fingerprint() {
		t.Errorf("%v", err)
	}
	if k, err := s.Key(alice); err != nil || k != nil {
		t.Errorf("the old name has it still: %v", err)
	}
	if k, err := s.Key(bob); err != nil || k.Fingerprint() != keys[1].Fingerprint() {
		t.Errorf("another account's changed: %v", err)
	}
	got, err := s.AllFingerprints()
	want := []Known{{home, "bob@b.test", Fingerprint{1}, Verified}, {bob, "alice@a.test", Fingerprint{2}, SMP}, {alice, "carol@c.test", Fingerprint{3}, ""}, {home, "carol@c.test", Fingerprint{3}, Verified}}
	if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestBrokenKeyFiles holds that each is an error with its line, soon, and that
// nothing is written over it.
func TestBrokenKeyFiles(t *testing.T) {
	key := someKeys(t, 1)[0]
	good := "(privkeys\n" + accountText(alice, key) + ")\n"
	x := fmt.Sprintf("%X", key.numbers()[4])
	cases := map[string]string{
		"deep": strings.Repeat("(", 1<<20), "deep in it": "(privkeys " + strings.Repeat("(x ", 1000) + strings.Repeat(")", 1000) + ")", "many": "(privkeys" + strings.Repeat(" a", maxSexpElements) + ")",
		"no list": "privkeys", "quotation": "(privkeys \"", "escape": "(privkeys \"\\", "wrong escape": "(privkeys \"\\q\")", "octal": "(privkeys \"\\777\")", "digits": "(privkeys #0", "count": "(privkeys 9:x)",
		"huge count": "(privkeys 99999999999999999999:x)", "closing": ")", "empty list": "()", "empty account": "(privkeys ())", "lists": "(privkeys ((account)))", "NUL": "(privkeys \x00)",
		"q": strings.Replace(good, "(q #", "(q #00FF", 1), "x": strings.Replace(good, x, x+"0000", 1), "small p": strings.Replace(good, "(p #00", "(p #00#)(p2 #00", 1),
		"other x": strings.Replace(good, x, x[:len(x)-1]+map[bool]string{true: "1", false: "0"}[x[len(x)-1] == '0'], 1),
	}
	for i, c := range good {
		if c == '(' {
			cases[fmt.Sprintf("cut at %d", i+1)] = good[:i+1]
		}
	}
	for name, text := range cases {
		s := OpenStore(t.TempDir())
		s.put(t, KeysFile, text)
		_, err := s.Key(alice)
		var file *userfile.Error
		if !errors.As(err, &file) || file.Line < 1 || file.Path != s.path(KeysFile) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.HasPrefix(name, "deep") && !strings.Contains(err.Error(), "deep") {
			t.Errorf("%s: read to its end: %v", name, err)
		}
		if strings.Contains(err.Error(), x[:8]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
		if err := s.SaveKey(bob, key); err == nil {
			t.Errorf("%s: written over", name)
		}
		if s.text(t, KeysFile) != text {
			t.Errorf("%s: the file changed", name)
		}
	}
	// A key with a longer prime is another program's business: the others are read.
	numbers := key.numbers()
	long := keyOf(new(big.Int).SetBit(new(big.Int).Lsh(numbers[0], 1024), 0, 1), numbers[1], numbers[2], numbers[4])
	s := OpenStore(t.TempDir())
	s.put(t, KeysFile, "(privkeys"+accountText(alice, long)+accountText(bob, key)+")")
	if k, err := s.Key(bob); err != nil || k.Fingerprint() != key.Fingerprint() {
		t.Errorf("%v", err)
	}
	if list, err := s.Keys(); err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
	if k, err := s.Key(alice); k != nil || !errors.Is(err, errKeyNumbers) {
		t.Errorf("a key that cannot sign: %v", err)
	}
	s.put(t, KeysFile, strings.Replace(good, "(dsa", "(\"d\n\n\\\ns\\q\"", 1))
	if _, err := s.Keys(); err == nil || !strings.Contains(err.Error(), "line 9:") {
		t.Errorf("%v", err)
	}
}

// TestNotOurFiles are links, others' files, and things that are no files.
func TestNotOurFiles(t *testing.T) {
	for _, name := range []string{KeysFile, FingerprintsFile, TagsFile} {
		for kind, place := range map[string]func(path string) error{
			"link":   func(path string) error { return os.Symlink(path+".real", path) },
			"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		} {
			s := OpenStore(t.TempDir())
			s.put(t, name+".real", "")
			if err := place(s.path(name)); err != nil {
				t.Fatal(err)
			}
			var err error
			switch name {
			case KeysFile:
				err = s.SaveKey(alice, someKeys(t, 1)[0])
			case FingerprintsFile:
				err = s.SetFingerprint(Known{Account: alice, Buddy: "b"})
			case TagsFile:
				_, err = s.InstanceTag(alice)
			}
			if err == nil || s.text(t, name+".real") != "" {
				t.Errorf("%s, a %s: %v", name, kind, err)
			}
		}
	}
}

// TestMergesWhatAnotherProgramWrote has another program, which knows no lock,
// write between our reading and our writing.
func TestMergesWhatAnotherProgramWrote(t *testing.T) {
	s := OpenStore(t.TempDir())
	mine, other := Known{alice, "b", Fingerprint{1}, Verified}, Known{bob, "c", Fingerprint{2}, SMP}
	writes := 0
	err := s.changeFingerprints(func(f fingerprintFile) ([]byte, error) {
		if writes++; writes == 1 {
			theirs, err := f.set(other)
			if err != nil {
				return nil, err
			}
			s.put(t, FingerprintsFile, string(theirs))
		}
		return f.set(mine)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.AllFingerprints(); err != nil || fmt.Sprint(got) != fmt.Sprint([]Known{other, mine}) {
		t.Errorf("%v, %v", got, err)
	}
	err = s.changeFingerprints(func(f fingerprintFile) ([]byte, error) {
		writes++
		s.put(t, FingerprintsFile, fmt.Sprint(writes))
		return f.set(Known{alice, "new", Fingerprint{3}, ""})
	})
	if err == nil || s.text(t, FingerprintsFile) != fmt.Sprint(writes) {
		t.Errorf("written over a program that keeps writing: %v", err)
	}
}

// TestWritersTogether has several of us write at once.
func TestWritersTogether(t *testing.T) {
	dir := t.TempDir()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := range 5 {
				if err := OpenStore(dir).SetFingerprint(Known{alice, "b", Fingerprint{byte(i), byte(j)}, Verified}); err != nil {
					t.Error(err)
				}
			}
			if tag, err := OpenStore(dir).InstanceTag(alice); err != nil || tag < minInstanceTag {
				t.Errorf("%v, %v", tag, err)
			}
		}()
	}
	wait.Wait()
	s := OpenStore(dir)
	if got, err := s.AllFingerprints(); err != nil || len(got) != 40 {
		t.Errorf("%d of 40 are there, %v", len(got), err)
	}
	if n := len(parseTags([]byte(s.text(t, TagsFile))).lines); n != 2 {
		t.Errorf("%d lines of tags", n)
	}
}

func TestLocked(t *testing.T) {
	s := OpenStore(t.TempDir())
	s.wait = 0
	if err := s.SetFingerprint(Known{Account: alice, Buddy: "b"}); err != nil {
		t.Fatal(err)
	}
	lock, err := userfile.Lock(s.path(lockName), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := s.Forget(Known{Account: alice, Buddy: "b"}); !errors.Is(err, userfile.ErrLocked) {
		t.Errorf("%v", err)
	}
}
