// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

func named(name string) Account {
	return Account{Account: policy.Account{Protocol: "prpl-jabber", Name: name}}
}

func open(t testing.TB, state, dir string) *Record {
	t.Helper()
	r, err := OpenRecord(state, dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUnreadableRecordIsNeverAbsent(t *testing.T) {
	good := `{"schema":1,"user_dir":"/d","accounts":[{"protocol":"prpl-jabber","name":"a@x","level":"tor"}]}`
	for name, text := range map[string]string{
		"empty": "", "truncated": good[:40], "other version": strings.Replace(good, ":1", ":2", 1), "no version": `{"accounts":[]}`,
		"an array": "[]", "trailing": good + "x", "twice": strings.Replace(good, "]}", `,{"protocol":"prpl-jabber","name":"a@x","level":"none"}]}`, 1),
		"no name": strings.Replace(good, "a@x", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			state, dir := t.TempDir(), t.TempDir()
			path, _ := RecordPath(state, dir)
			put(t, "", path, text)
			r, err := OpenRecord(state, dir)
			if err == nil || r.Level(named("a@x").Account).Presence != policy.Unreadable || r.Level(named("b@x").Account).Presence != policy.Unreadable {
				t.Errorf("%v %v", err, r.Level(named("a@x").Account))
			}
			if _, err := r.SetProtected(named("b@x"), policy.LevelTor); err == nil {
				t.Error("an unreadable record was changed")
			}
			if err := r.Save(); err == nil || get(t, "", path) != text {
				t.Error("an unreadable record was overwritten", err)
			}
		})
	}
	state, dir := t.TempDir(), t.TempDir()
	path, _ := RecordPath(state, dir)
	put(t, "", path, good)
	if r := open(t, state, dir); r.Level(named("a@x").Account) != (policy.LevelFact{Presence: policy.Present, Level: policy.LevelTor}) {
		t.Error("control: the good record is not read")
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRecord(state, dir); err == nil {
		t.Error("a record that others may write was taken")
	}
	var none *Record
	if none.Level(named("a@x").Account).Presence != policy.Unreadable {
		t.Error("no record is not absent")
	}
}

func TestRecordIsMergedUnderTheLock(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	var wait sync.WaitGroup
	for i := range 12 {
		r := open(t, state, dir) // each as it was before the others wrote
		wait.Add(1)
		go func() {
			defer wait.Done()
			if _, err := r.SetProtected(named(fmt.Sprint("a", i)), policy.LevelTor); err != nil {
				t.Error(err)
			}
			if err := r.Save(); err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
	if got := open(t, state, dir).Accounts(); len(got) != 12 {
		t.Errorf("%v", got)
	}
}

func TestRecordInProcess(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	a := named("a@x.test/")
	a.Proxy = &Proxy{Type: "socks5", Host: "h", Port: 5, Password: redact.New("hunter2")}
	a.Settings = map[string]Setting{"connection_security": {Type: "string", Value: "opportunistic_tls"}}
	r := open(t, state, dir)
	changes, err := r.SetProtected(a, policy.LevelTor)
	if err != nil || len(changes) != 4 || changes[0].NewProxy.Port != RestPort {
		t.Fatalf("%v %v", changes, err)
	}
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	// as libpurple has it now
	a.Proxy = Rest()
	for _, c := range changes[1:] {
		a.Settings[c.Name] = Setting{Type: c.New.Type, Value: c.New.Text}
	}
	r = open(t, state, dir)
	if _, err := r.SetProtected(a, policy.LevelSecret); err != nil {
		t.Fatal(err)
	}
	back, kept, err := r.Restoration(a)
	if err != nil || len(kept) > 0 || len(back) != 4 || back[0].NewProxy == nil || back[0].NewProxy.Password.Reveal() != "hunter2" || back[2].New.Text != "opportunistic_tls" || back[1].New.Present {
		t.Errorf("back %v kept %v %v", back, kept, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", back, back, back); strings.Contains(text, "hunter2") {
		t.Error("a password is shown")
	}
	if j, _ := json.Marshal(back); strings.Contains(string(j), "hunter2") {
		t.Error("a password is in JSON")
	}
	if err := r.Forget(a.Account); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(); err != nil || len(open(t, state, dir).Accounts()) > 0 {
		t.Error("not forgotten", err)
	}
}

func TestRecordNameIsStable(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	a, err := RecordPath("/s", dir)
	b, err2 := RecordPath("/s", link+"/.")
	c, _ := RecordPath("/s", t.TempDir())
	if err != nil || err2 != nil || a != b || a == c {
		t.Error(a, b, c)
	}
}

func TestRecordRename(t *testing.T) {
	r := open(t, t.TempDir(), t.TempDir())
	if _, err := r.SetProtected(named("a@x.test/"), policy.LevelTor); err != nil {
		t.Fatal(err)
	}
	if err := r.Rename(named("a@x.test/").Account, named("a@x.test").Account); err != nil {
		t.Fatal(err)
	}
	if got := r.Accounts(); len(got) != 1 || got[0].Name != "a@x.test" || r.Level(got[0]).Level != policy.LevelTor {
		t.Errorf("%v", got)
	}
}
