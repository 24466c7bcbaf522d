// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"os"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

func who(name string) policy.Account { return policy.Account{Protocol: "prpl-jabber", Name: name} }

func known(t *testing.T, r *Record, want policy.Answer, accounts ...policy.Account) {
	t.Helper()
	for _, a := range accounts {
		if got := r.Known(a); got != want {
			t.Errorf("%s: known %v, want %v", a, got, want)
		}
	}
}

func TestKnownAccounts(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	open := func() *Record {
		r, err := OpenRecord(state, dir)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	do := func(r *Record, err error) {
		t.Helper()
		if err == nil {
			err = r.Save()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	alice, bob, carol := who("Alice@a.test/Home"), who("bob@a.test/"), who("carol@a.test/")
	r := open()
	known(t, r, policy.NotAsked, alice, bob)
	do(r, r.Settle([]policy.Account{alice}))
	known(t, r, policy.Yes, alice, who("alice@a.test/"))
	known(t, r, policy.No, bob, policy.Account{Protocol: "prpl-irc", Name: "alice@a.test"})

	// the first run settles it: what is there at the next is not met by that
	r = open()
	do(r, r.Settle([]policy.Account{alice, bob}))
	for _, r := range []*Record{r, open()} {
		known(t, r, policy.Yes, alice)
		known(t, r, policy.No, bob)
	}

	do(r, r.Meet(bob))
	do(r, r.Part(alice))
	// one that is released was met
	_, err := r.SetProtected(Account{Account: carol}, policy.LevelTor)
	do(r, err)
	known(t, r, policy.No, carol)
	do(r, r.Forget(carol))
	for _, r := range []*Record{r, open()} {
		known(t, r, policy.Yes, bob, carol)
		known(t, r, policy.No, alice)
	}
}

// Nobody was there at the first run: everybody is new from then on.
func TestKnownOfNobody(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	r, err := OpenRecord(state, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	if r, err = OpenRecord(state, dir); err != nil {
		t.Fatal(err)
	}
	known(t, r, policy.No, who("a@a.test/"))
}

// What cannot be written holds for this process; of a record that cannot be
// read nothing is known.
func TestKnownWithoutAFile(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	r, err := OpenRecord(state, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle([]policy.Account{who("a@a.test/")}); err != nil {
		t.Fatal(err)
	}
	if r.Save() == nil {
		t.Fatal("the record was written into a file")
	}
	known(t, r, policy.Yes, who("a@a.test/"))
	known(t, r, policy.No, who("b@a.test/"))
	known(t, &Record{err: os.ErrInvalid, met: knowledge{metAs(who("a@a.test/")): true}}, policy.NotAsked, who("a@a.test/"))
}

// release at rest takes an account for known, too.
func TestReleaseAtRestMeets(t *testing.T) {
	c := content{Met: &[]met{}, Accounts: []entry{{Protocol: "prpl-jabber", Name: "a@a.test/", Level: "tor"}}}
	c.forget(who("a@a.test/"))
	if len(c.Accounts) != 0 || len(*c.Met) != 1 {
		t.Errorf("%+v", c)
	}
	c = content{}
	if c.forget(who("a@a.test/")); c.Met != nil {
		t.Error("something is known of a record that nobody settled")
	}
}
