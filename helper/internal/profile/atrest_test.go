// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

const shim = "/opt/lib/purple-2/purple-onion.so"

// options are for a directory on which nothing runs.
func options(t testing.TB, dir string) Options {
	return Options{
		UserDir: dir, StateDir: filepath.Join(t.TempDir(), "state"), All: true, Level: policy.LevelTor, Shim: shim,
		Now:     func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) },
		Running: func(string) (*Process, error) { return nil, nil },
	}
}

func must(t testing.TB, r Result, err error) Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func protect(t testing.TB, o Options) Result {
	t.Helper()
	r, err := Protect(o)
	return must(t, r, err)
}
func release(t testing.TB, o Options) Result {
	t.Helper()
	r, err := Release(o)
	return must(t, r, err)
}

func readDir(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := read(dir, "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	return d
}

// isProtected asks our reader, the record and (agree) libpurple itself.
func isProtected(t *testing.T, o Options) {
	t.Helper()
	d := readDir(t, o.UserDir)
	record, err := OpenRecord(o.StateDir, o.UserDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range d.Accounts {
		level, decision := policy.EffectiveLevel(a.Level(), record.Level(a.Account))
		if level != o.Level || decision.Verdict != policy.Allow {
			t.Errorf("%s: level %v %v", a.Account, level, decision)
		}
		if !AtRest(a.Proxy) {
			t.Errorf("%s: proxy %v", a.Account, a.Proxy)
		}
		if left, err := Changes(a, o.Level); err != nil || len(left) > 0 {
			t.Errorf("%s: still to change: %v %v", a.Account, left, err)
		}
	}
	if probes := d.Prefs.Probes(); len(probes) > 0 {
		t.Errorf("it asks the network: %v", probes)
	}
}

func TestProtectThenReleaseGivesBackEveryByte(t *testing.T) {
	dirs := map[string]func(testing.TB) string{
		"sample":     func(t testing.TB) string { return sample(t, "sample") },
		"sample-otr": func(t testing.TB) string { return sample(t, "sample-otr") },
	}
	for seed := range int64(120) {
		dirs[fmt.Sprint(seed)] = func(t testing.TB) string { return generated(t, seed) }
	}
	for name, make := range dirs {
		t.Run(name, func(t *testing.T) {
			o := options(t, make(t))
			accounts := get(t, o.UserDir, AccountsFile)
			prefs, prefsErr := os.ReadFile(filepath.Join(o.UserDir, PrefsFile))
			protect(t, o)
			isProtected(t, o)
			agree(t, o.UserDir)
			o.Level = policy.LevelSecret
			protect(t, o)
			isProtected(t, o)
			release(t, o)
			if got := get(t, o.UserDir, AccountsFile); got != accounts {
				t.Errorf("accounts.xml before:\n%s\nafter:\n%s", accounts, got)
			}
			got, err := os.ReadFile(filepath.Join(o.UserDir, PrefsFile))
			if string(got) != string(prefs) || (err == nil) != (prefsErr == nil) {
				t.Errorf("prefs.xml before:\n%s\nafter (%v):\n%s", prefs, err, got)
			}
			if r, err := OpenRecord(o.StateDir, o.UserDir); err != nil || len(r.Accounts()) > 0 {
				t.Error("the record still has accounts", err)
			}
		})
	}
}

// With AtLeast a level of before that is higher stays, also where only one of
// its two places has it; what disagreed is settled.
func TestAtLeastNeverLowers(t *testing.T) {
	o := options(t, sample(t, "sample"))
	o.Level = policy.LevelSecret
	protect(t, o)
	o.AtLeast, o.Level = true, policy.LevelTor
	for _, r := range protect(t, o).Accounts {
		if r.Level != policy.LevelSecret || !r.HigherKept || len(r.Changes) > 0 {
			t.Errorf("%+v", r)
		}
	}
	for name, spoil := range map[string]func(){
		"setting": func() {
			text := get(t, o.UserDir, AccountsFile)
			put(t, o.UserDir, AccountsFile, strings.ReplaceAll(text, ">secret<", ">tor<"))
		},
		"record": func() { o.StateDir = t.TempDir() },
	} {
		spoil()
		protect(t, o)
		for _, a := range readDir(t, o.UserDir).Accounts {
			if a.Level() != (policy.LevelFact{Presence: policy.Present, Level: policy.LevelSecret}) {
				t.Errorf("%s lost: %s has %+v", name, a.Account, a.Level())
			}
		}
	}
	o.AtLeast = false
	protect(t, o)
	isProtected(t, o)
}

func TestReleaseAfterLibpurpleWroteTheFiles(t *testing.T) {
	for seed := range int64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			o := options(t, generated(t, seed))
			if out, err := host(t, o.UserDir, "save").CombinedOutput(); err != nil { // as libpurple writes it
				t.Fatal(err, string(out))
			}
			before, err := read(o.UserDir, "")
			if err != nil {
				t.Fatal(err)
			}
			protect(t, o)
			if out, err := host(t, o.UserDir, "save").CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			isProtected(t, o)
			for _, a := range release(t, o).Accounts {
				if len(a.Kept) > 0 {
					t.Errorf("%s: kept %v", a.Account, a.Kept)
				}
			}
			after, err := read(o.UserDir, "")
			if err != nil || len(after.Accounts) != len(before.Accounts) {
				t.Fatal(err)
			}
			for i := range before.Accounts {
				before.Accounts[i].Line, after.Accounts[i].Line = 0, 0
				if !same(before.Accounts[i], after.Accounts[i]) {
					t.Errorf("before %+v\nafter %+v", before.Accounts[i], after.Accounts[i])
				}
			}
		})
	}
}

func oneAccount(t testing.TB, protocol, inner string) Options {
	dir := t.TempDir()
	put(t, dir, AccountsFile, "<account>"+fmt.Sprintf(account, protocol, "me@x.test", inner)+"</account>")
	return options(t, dir)
}

func the(t testing.TB, o Options) Account {
	t.Helper()
	d, err := read(o.UserDir, "")
	if err != nil || len(d.Errors) > 0 || len(d.Accounts) != 1 {
		t.Fatal(err, d)
	}
	return d.Accounts[0]
}

func TestWhatTheUserChangedMeanwhileIsKeptAndNamed(t *testing.T) {
	o := oneAccount(t, "prpl-irc", "<settings><setting name='username' type='string'>me</setting></settings><proxy><type>none</type></proxy>")
	protect(t, o)
	text := get(t, o.UserDir, AccountsFile)
	text = strings.Replace(text, "<setting name='realname' type='string'>user<", "<setting name='realname' type='string'>Mine<", 1)
	text = strings.Replace(text, "<port>1</port>", "<port>9050</port>", 1)
	put(t, o.UserDir, AccountsFile, text)
	r := release(t, o).Accounts[0]
	if len(r.Kept) != 2 || r.Kept[0].Name != ProxyChange || r.Kept[1].Name != "realname" {
		t.Errorf("kept %v", r.Kept)
	}
	a := the(t, o)
	if a.Proxy.Port != 9050 || a.String("realname", "") != "Mine" || a.String("username", "") != "me" || a.Level().Presence != policy.Absent {
		t.Errorf("after: %+v %v", a, a.Proxy)
	}
	if _, ok := a.Settings["ssl"]; ok {
		t.Error("ssl was absent before")
	}
}

func TestReleaseTakesAStaleGatePortForOurs(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "<proxy><type>none</type></proxy>")
	protect(t, o)
	text := get(t, o.UserDir, AccountsFile)
	once := strings.Repeat("0a", 16)
	put(t, o.UserDir, AccountsFile, strings.Replace(text, "<port>1</port>", "<port>45678</port><username>"+once+"</username><password>"+once+"</password>", 1))
	if p := the(t, o).Proxy; p.Port != 45678 || !p.Password.Equal(redact.New(once)) {
		t.Fatal("the test's edit did not work")
	}
	protect(t, o)
	isProtected(t, o)
	release(t, o)
	if p := the(t, o).Proxy; p == nil || p.Type != "none" {
		t.Errorf("proxy after release: %v", p)
	}
}

func TestReleaseWithoutRecordStaysClosed(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	protect(t, o)
	o.StateDir = filepath.Join(t.TempDir(), "lost")
	r := release(t, o)
	if len(r.Warnings) != 1 || !AtRest(the(t, o).Proxy) || the(t, o).Level().Presence != policy.Absent {
		t.Errorf("%+v %v", r, the(t, o).Proxy)
	}
}

// TestCrashBetweenTheFiles stops after each write: what stands there then
// blocks the account, and the same command again settles it.
func TestCrashBetweenTheFiles(t *testing.T) {
	const inner = "<settings><setting name='connection_security' type='string'>opportunistic_tls</setting></settings>"
	o := oneAccount(t, "prpl-jabber", inner)
	original := get(t, o.UserDir, AccountsFile)
	blocked := func() {
		t.Helper()
		r, err := OpenRecord(o.StateDir, o.UserDir)
		if err != nil {
			t.Fatal(err)
		}
		a := the(t, o)
		if _, d := policy.EffectiveLevel(a.Level(), r.Level(a.Account)); d.Verdict != policy.Block {
			t.Error("an account between two levels is not blocked")
		}
	}
	protect(t, o)
	put(t, o.UserDir, AccountsFile, original) // protect: the record came first
	blocked()
	protect(t, o)
	isProtected(t, o)
	record, err := RecordPath(o.StateDir, o.UserDir)
	if err != nil {
		t.Fatal(err)
	}
	kept := get(t, "", record)
	release(t, o)
	put(t, "", record, kept) // release: accounts.xml came first
	blocked()
	release(t, o)
	if got := get(t, o.UserDir, AccountsFile); got != original {
		t.Errorf("after: %s", got)
	}
}

func TestAllOrNone(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	text := get(t, o.UserDir, AccountsFile)
	mixed := strings.Replace(text, "</account></account>", "</account>"+fmt.Sprintf(account, "prpl-zephyr", "z@h", "")+"</account>", 1)
	put(t, o.UserDir, AccountsFile, mixed)
	_, err := Protect(o)
	if ExitCode(err) != 1 || !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), "prpl-zephyr:z@h") {
		t.Errorf("mixed: %v", err)
	}
	o.All, o.Accounts = false, []policy.Account{{Protocol: "prpl-jabber", Name: "me@x.test"}, {Protocol: "prpl-jabber", Name: "nobody"}}
	if _, err := Protect(o); ExitCode(err) != 2 {
		t.Errorf("unknown: %v", err)
	}
	untouched(t, o, mixed)
}

// untouched: an error means that nothing was written.
func untouched(t *testing.T, o Options, accounts string) {
	t.Helper()
	if got := get(t, o.UserDir, AccountsFile); got != accounts {
		t.Error("accounts.xml was changed")
	}
	entries, err := os.ReadDir(o.UserDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != AccountsFile && e.Name() != "purple-onion" {
			t.Errorf("%s was written", e.Name())
		}
	}
	if path, _ := RecordPath(o.StateDir, o.UserDir); path != "" {
		if _, err := os.Stat(path); err == nil {
			t.Error("a record was written")
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "<proxy><type>none</type></proxy>")
	before := get(t, o.UserDir, AccountsFile)
	o.DryRun = true
	r := protect(t, o)
	if len(r.Accounts) != 1 || len(r.Accounts[0].Changes) != 4 || len(r.Prefs) != 2 {
		t.Errorf("%+v", r)
	}
	untouched(t, o, before)
	if _, err := os.Stat(o.StateDir); err == nil {
		t.Error("a dry run made the state directory")
	}
}

func TestNothingToDoWritesNothing(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	protect(t, o)
	info, _ := os.Stat(filepath.Join(o.UserDir, AccountsFile))
	r := protect(t, o)
	again, _ := os.Stat(filepath.Join(o.UserDir, AccountsFile))
	if len(r.Accounts[0].Changes) > 0 || len(r.Backups) > 0 || !os.SameFile(info, again) {
		t.Errorf("%+v", r)
	}
}

func TestRunningProgramRefuses(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	before := get(t, o.UserDir, AccountsFile)
	for _, certain := range []bool{true, false} {
		o.Running = func(string) (*Process, error) { return &Process{7, "pidgin", certain}, nil }
		if _, err := Protect(o); ExitCode(err) != 3 || !strings.Contains(err.Error(), "pidgin (process 7)") {
			t.Errorf("%v", err)
		}
	}
	calls := 0
	o.Running = func(string) (*Process, error) { // it starts while we work
		if calls++; calls > 1 {
			return &Process{7, "pidgin", true}, nil
		}
		return nil, nil
	}
	if _, err := Protect(o); ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
	untouched(t, o, before)
}

func TestFileChangedMeanwhileIsNotOverwritten(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	other := get(t, o.UserDir, AccountsFile) + "\n"
	calls := 0
	o.Running = func(string) (*Process, error) {
		if calls++; calls > 1 {
			put(t, o.UserDir, AccountsFile, other)
		}
		return nil, nil
	}
	if _, err := Protect(o); ExitCode(err) != 3 || !errors.Is(err, errChanged) {
		t.Errorf("%v", err)
	}
	untouched(t, o, other)
}

// TestFailedWritePutsBack lets the last write fail: its folder is not there.
func TestFailedWritePutsBack(t *testing.T) {
	j := &job{Options: oneAccount(t, "prpl-jabber", "")}
	j.StateDir = t.TempDir()
	j.now, j.recPath = j.Now(), filepath.Join(j.StateDir, "r.json")
	if err := j.load(j.recPath); err != nil {
		t.Fatal(err)
	}
	if err := j.protect(); err != nil {
		t.Fatal(err)
	}
	j.accounts.path = filepath.Join(j.UserDir, "missing", "accounts.xml")
	if err := j.write(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(j.UserDir, PrefsFile)); err == nil {
		t.Error("prefs.xml stays written")
	}
	if c, err := loadRecord(j.recPath); err != nil || len(c.Accounts) > 0 {
		t.Error("the record stays written", err)
	}
}
