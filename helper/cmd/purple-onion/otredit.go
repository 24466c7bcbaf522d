// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

// outcome is what verify or forget did.
type outcome struct {
	known   otr.Known // as it is now, or was
	gone    bool      // the file does not have it
	changed bool
	text    string
}

type outcomeJSON struct {
	Schema int `json:"schema"`
	knownJSON
	Changed bool   `json:"changed"`
	Error   string `json:"error"`
}

// otrEdit plans what becomes of a fingerprint that stands in the file, or does
// not; do is nil where there is nothing to do.
type otrEdit func(s *otr.Store, k otr.Known, stands bool) (o outcome, do func() error, err error)

func (f *otrFlags) edit(w world, args []string, plan otrEdit) error {
	o, err := f.carryOut(w, args, plan)
	json := outcomeJSON{Schema: 1, Changed: o.changed, Error: errorText(err)}
	if err == nil {
		json.knownJSON = knownOf(o.known)
	}
	return f.answer(w, json, func() {
		if !o.gone {
			showKnown(w, []otr.Known{o.known})
		}
		w.say(o.text)
	}, err)
}

// say tells the person something beside the data.
func (w world) say(text string) {
	for _, line := range audit.Wrap(audit.Printable(text), 80) {
		fmt.Fprintln(w.err, line)
	}
}

func (f *otrFlags) carryOut(w world, args []string, plan otrEdit) (outcome, error) {
	fingerprint, err := otr.ParseFingerprint(strings.Join(args[2:], ""))
	if err != nil {
		return outcome{}, usageError(err.Error())
	}
	dir, store, err := f.open(w)
	if err == nil {
		err = dir.AccountsError()
	}
	if err != nil {
		return outcome{}, err
	}
	all, err := store.AllFingerprints()
	if err != nil {
		return outcome{}, err
	}
	account, err := profile.Select(withGone(dir, all), args[0])
	if err != nil {
		return outcome{}, err
	}
	known, stands := find(all, account, args[1], fingerprint)
	if known.Buddy == "" {
		return outcome{}, usageError("a buddy has a name")
	}
	o, do, err := plan(store, known, stands)
	if err != nil || do == nil {
		return o, err
	}
	if err := atRest(dir.Path); err != nil {
		return outcome{}, err
	}
	if err := do(); errors.Is(err, otr.ErrName) {
		return outcome{}, usageError(err.Error())
	} else if err != nil {
		return outcome{}, err
	}
	o.changed = true
	return o, nil
}

// withGone adds accounts that only otr.fingerprints still knows.
func withGone(dir *profile.Dir, all []otr.Known) *profile.Dir {
	out, seen := &profile.Dir{}, map[policy.Account]bool{}
	for _, a := range dir.Accounts {
		seen[a.Account] = true
		out.Accounts = append(out.Accounts, a)
	}
	for _, k := range all {
		if !seen[k.Account] {
			seen[k.Account] = true
			out.Accounts = append(out.Accounts, profile.Account{Account: k.Account})
		}
	}
	return out
}

// find gives the fingerprint as the file has it: of the buddy by the very name
// that was given, or else by the one that libpurple has for it.
func find(all []otr.Known, a policy.Account, buddy string, f otr.Fingerprint) (known otr.Known, stands bool) {
	want := otr.Known{Account: a, Fingerprint: f}
	for _, want.Buddy = range []string{buddy, profile.NormalName(a, buddy)} {
		for _, k := range all {
			if k.Account == want.Account && k.Buddy == want.Buddy && k.Fingerprint.Equal(f) {
				return k, true
			}
		}
	}
	return want, false
}

// atRest refuses while a libpurple program runs: pidgin-otr would write its own
// state over ours.
func atRest(userDir string) error {
	p, err := profile.Running(userDir)
	if err != nil {
		return err
	}
	if p != nil {
		return &profile.RunningError{Process: *p, UserDir: userDir}
	}
	return nil
}

func verify(s *otr.Store, k otr.Known, stands bool) (outcome, func() error, error) {
	keys, err := s.Keys()
	if err != nil {
		return outcome{}, nil, err
	}
	for _, e := range keys {
		if e.Account == k.Account && e.Fingerprint.Equal(k.Fingerprint) {
			return outcome{}, nil, exit{code: 1, text: fmt.Sprintf("cannot verify %s: this is the fingerprint of %s's own key", k.Buddy, k.Account)}
		}
	}
	if stands && k.Trust.Verified() {
		return outcome{known: k, text: "It is verified already; nothing to do."}, nil, nil
	}
	k.Trust = otr.Verified
	o := outcome{known: k, text: "Verified."}
	if !stands {
		o.text = "Verified. The account had not met this fingerprint yet: it was added, for the first conversation."
	}
	return o, func() error { return s.SetFingerprint(k) }, nil
}

func forget(s *otr.Store, k otr.Known, stands bool) (outcome, func() error, error) {
	if !stands {
		return outcome{known: k, gone: true, text: "The account does not know this fingerprint of that buddy; nothing to do."}, nil, nil
	}
	return outcome{known: k, gone: true, text: "Forgotten."}, func() error { return s.Forget(k) }, nil
}
