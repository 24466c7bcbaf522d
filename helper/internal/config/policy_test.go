// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// admin writes a policy.toml; the test's own user stands for root.
func admin(t *testing.T, text string) Files {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "etc")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "policy.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Files{Policy: path, PolicyOwner: os.Geteuid()}
}

func TestPolicyReadsEveryKey(t *testing.T) {
	p, found, err := LoadPolicy(admin(t, "new_accounts = 'tor'\nfloor = 'secret'\nrequire_proven_isolation = true\nrequire_verified = true\ndrop_plaintext = true\n"))
	if want := (Policy{policy.NewAccountsTor, policy.LevelSecret, true, true, true}); p != want || !found || err != nil {
		t.Errorf("%+v, %v, %v", p, found, err)
	}
	// each key is one of config.toml's, with the same type
	typ := reflect.TypeOf(policyFile{})
	all := reflect.TypeOf(file{})
	for i := range typ.NumField() {
		f, ok := all.FieldByName(typ.Field(i).Name)
		if !ok || f.Type != typ.Field(i).Type || f.Tag != typ.Field(i).Tag {
			t.Errorf("%s is another key than config.toml's", typ.Field(i).Name)
		}
	}
}

// Whatever both files say: what counts is as strict as each of them.
func TestPolicyOnlyRestricts(t *testing.T) {
	none := Policy{NewAccounts: policy.NewAccountsNone, Floor: policy.LevelNone}
	bools := []bool{false, true}
	for un := policy.NewAccountsNone; un <= policy.NewAccountsSecret; un++ {
		for an := policy.NewAccountsNone; an <= policy.NewAccountsSecret; an++ {
			for uf := policy.LevelNone; uf <= policy.LevelSecret; uf++ {
				for af := policy.LevelNone; af <= policy.LevelSecret; af++ {
					for _, ub := range bools {
						for _, ab := range bools {
							user := Config{NewAccounts: un, Floor: uf, RequireProvenIsolation: ub, RequireVerified: ub, DropPlaintext: ub}
							got := Policy{an, af, ab, ab, ab}.over(user)
							if got.NewAccounts < un || got.NewAccounts < an || got.Floor < uf || got.Floor < af ||
								(ub || ab) != (got.RequireProvenIsolation && got.RequireVerified && got.DropPlaintext) {
								t.Fatalf("%+v over %+v gives %+v", Policy{an, af, ab, ab, ab}, user, got)
							}
							if !reflect.DeepEqual(none.over(user), user) {
								t.Fatalf("no policy changes %+v", user)
							}
						}
					}
				}
			}
		}
	}
}

func TestLoadTakesTheStricter(t *testing.T) {
	files := admin(t, "floor = 'tor'\nnew_accounts = 'none'\n")
	files.User = write(t, "floor = 'none'\nnew_accounts = 'secret'\nrequire_verified = true\n")
	c, err := Load(files)
	if err != nil || c.Floor != policy.LevelTor || c.NewAccounts != policy.NewAccountsSecret || !c.RequireVerified || c.RequireProvenIsolation {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLoadWithoutAPolicy(t *testing.T) {
	gone := admin(t, "")
	gone.Policy = filepath.Join(filepath.Dir(gone.Policy), "another.toml")
	nowhere := admin(t, "")
	nowhere.Policy = filepath.Join(t.TempDir(), "no", "policy.toml")
	for _, files := range []Files{{}, gone, nowhere} {
		c, err := Load(files)
		_, found, err2 := LoadPolicy(files)
		if err != nil || err2 != nil || found || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%+v: %+v, %v, %v", files, c, err, err2)
		}
	}
}

// What is wrong with policy.toml is an error that names it, and gives nothing.
func TestPolicyRefuses(t *testing.T) {
	change := func(text string, do func(path string) error) Files {
		files := admin(t, text)
		if err := do(files.Policy); err != nil {
			t.Fatal(err)
		}
		return files
	}
	nothing := func(string) error { return nil }
	foreign := admin(t, "")
	foreign.PolicyOwner = os.Geteuid() + 1
	for want, files := range map[string]Files{
		":1: no such key: autologin":    change("autologin = true", nothing),
		":1: no such key: signon_delay": change("signon_delay_max = '0s'", nothing),
		":2: floor is":                  change("\nfloor = 'low'", nothing),
		":1: new_accounts is":           change("new_accounts = ''", nothing),
		"not a text file":               change("\x00", nothing),
		"larger than 1 MiB":             change(strings.Repeat("# comment\n", maxBytes/10+1), nothing),
		"others than root may write to it": change("floor = 'tor'", func(p string) error {
			return os.Chmod(p, 0o664)
		}),
		"others than root may write to /": change("floor = 'tor'", func(p string) error {
			return os.Chmod(filepath.Dir(p), 0o775)
		}),
		"symbolic link": change("floor = 'tor'", func(p string) error {
			if err := os.Rename(p, p+".real"); err != nil {
				return err
			}
			return os.Symlink(p+".real", p)
		}),
		"not a regular file": change("", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return syscall.Mkfifo(p, 0o644)
		}),
		"is not a folder": change("", func(p string) error {
			dir := filepath.Dir(p)
			if err := os.Rename(dir, dir+".real"); err != nil {
				return err
			}
			return os.Symlink(dir+".real", dir)
		}),
		"does not belong to root": foreign,
	} {
		c, err := Load(files)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cannot read the administrator's policy /") {
			t.Errorf("%v, want %q", err, want)
		}
		p, found, _ := LoadPolicy(files)
		if !reflect.DeepEqual(c, Config{}) || p != (Policy{}) || !found {
			t.Errorf("%s: a configuration came with the error", want)
		}
	}
}

func TestOwns(t *testing.T) {
	const whole, cell = "0 0 4294967295", "1000 1000 1"
	for _, c := range []struct {
		shown  int
		uidMap string
		want   bool
	}{
		{0, whole, true}, {1000, whole, false}, {65534, whole, false},
		{65534, cell, true}, {1000, cell, false},
		{65534, "1000 1000 1\n65534 65534 1", false}, {65534, "0 1000 1", false},
		{65534, "", false}, {65534, "nonsense", false},
	} {
		if got := owns(c.shown, 0, c.uidMap); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("new_accounts = 'tor'\nfloor = 'secret'\nrequire_verified = true\n"))
	f.Add([]byte("floor = [\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got policyFile
		if decode(data, &got) != nil {
			return
		}
		// what policy.toml may say, config.toml may, and means the same
		user, err := parse(data)
		if err != nil || user.Floor != got.Floor || user.NewAccounts != got.NewAccounts || got.Floor.level > policy.LevelSecret || got.NewAccounts.what > policy.NewAccountsSecret {
			t.Errorf("%q: %+v, %+v, %v", data, got, user, err)
		}
	})
}
