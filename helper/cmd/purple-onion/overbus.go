// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

var absolute = filepath.Abs

var (
	errAsked = errors.New("this makes protection weaker: answer the question that Pidgin shows now")
	errNo    = errors.New("nothing was changed")
)

// throughProgram carries a change out in the running program, over the bus.
// was is why it could not be done at rest: that stands where no plugin of the
// same user directory is on the bus.
func (f *protectFlags) throughProgram(w world, o profile.Options, dir *profile.Dir, before levels, was error) (profile.Result, error) {
	result, err := overBus(context.Background(), w, func(c *busapi.Client, ctx context.Context) (profile.Result, error) {
		if c.Mode() != busapi.ModePlugin {
			return profile.Result{}, was
		}
		return f.eachOverBus(ctx, c, o, dir, before)
	})
	switch {
	case errors.Is(err, busapi.ErrNoBus), errors.Is(err, busapi.ErrNobody), busapi.KindOf(err) == busapi.UnknownAccount:
		return profile.Result{}, was
	case err == nil:
		fmt.Fprintln(w.err, "Done in the running program, over the session bus.")
	}
	return result, err
}

func (f *protectFlags) eachOverBus(ctx context.Context, c *busapi.Client, o profile.Options, dir *profile.Dir, before levels) (r profile.Result, err error) {
	for _, a := range f.wanted(o, dir, before) {
		name, err := inDir(o.UserDir, a)
		if err == nil {
			err = c.Protect(ctx, name, o.Level.String())
		}
		if busapi.KindOf(err) == busapi.NeedsUser {
			err = errAsked
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", a, err)
		}
		r.Accounts = append(r.Accounts, profile.AccountResult{Account: a, Level: o.Level})
	}
	return r, nil
}

// wanted are the accounts that a command is about, those left out that have
// the level or, where it only raises, a higher one.
func (f *protectFlags) wanted(o profile.Options, dir *profile.Dir, before levels) []policy.Account {
	list := o.Accounts
	if o.All {
		list = nil
		for _, a := range dir.Accounts {
			list = append(list, a.Account)
		}
	}
	var out []policy.Account
	for _, a := range list {
		now := before[a]
		if now != policy.LevelUnknown && (now == o.Level || o.AtLeast && now > o.Level) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// confirm asks, at a terminal, before protection is made weaker.
func (f *protectFlags) confirm(w world, o profile.Options, dir *profile.Dir, before levels) error {
	if f.yes || f.dryRun || !w.terminal {
		return nil
	}
	var weaker []string
	for _, a := range f.wanted(o, dir, before) {
		if policy.LevelChange(before[a], o.Level).Verdict != policy.Allow {
			weaker = append(weaker, audit.Printable(a.String()))
		}
	}
	if len(weaker) == 0 {
		return nil
	}
	fmt.Fprintf(w.err, "This makes the protection of %s weaker: %s. Go on? [y/N] ", strings.Join(weaker, ", "), o.Level)
	answer, _ := bufio.NewReader(w.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errNo
	}
	return nil
}
