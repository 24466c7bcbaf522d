// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

type protectFlags struct {
	userDir, level, format string
	dryRun, all, yes       bool
	atLeast                bool // the level was not named: it only raises
}

func protectCommand(w world) *cobra.Command {
	f := protectFlags{}
	c := &cobra.Command{
		Use: "protect [--user-dir DIR] [--level tor|secret|none]\n" +
			"          [--dry-run] [--format text|json] [--yes] (ACCOUNT...|--all)",
		Short: "Let accounts connect over Tor by the plugin, or not at all",
		Long: `Protect accounts at rest, while no libpurple program runs: all that are named,
or none. Where Pidgin runs with the plugin, it is asked over the session bus.
At a terminal you are asked before a level is lowered, unless --yes is given.
ACCOUNT is protocol:name as the audit shows it, or a name that only one account
has, with or without a last "/". Files are backed up first. Without --level an
account that is at level secret stays there, and gets that where floor in the
configuration wants it. Below the floor is refused.

Exit: 0 done, or nothing to do; 1 refused; 2 wrong usage, or no such account;
3 could not (a program runs, a file is broken). Nothing changed unless 0.`,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			f.atLeast = !c.Flags().Changed("level")
			return f.run(w, args)
		},
	}
	c.Flags().StringVar(&f.level, "level", "tor", "tor or secret; none is release")
	f.add(c)
	return c
}

func releaseCommand(w world) *cobra.Command {
	f := protectFlags{level: "none"}
	c := &cobra.Command{
		Use: "release [--user-dir DIR] [--dry-run] [--format text|json] [--yes]\n" +
			"          (ACCOUNT...|--all)",
		Short: "Give accounts back the settings that protect changed",
		Long: `Undo protect at rest, while no libpurple program runs; where Pidgin runs with
the plugin it asks you there. At a terminal you are asked, unless --yes is
given. A setting that you changed meanwhile is kept, and named. Where floor in
the configuration is set it is refused. Arguments and exit codes are protect's.`,
		DisableFlagsInUseLine: true,
		RunE:                  func(_ *cobra.Command, args []string) error { return f.run(w, args) },
	}
	f.add(c)
	return c
}

func (f *protectFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.userDir, "user-dir", "", "`DIR` that holds accounts.xml (default: where Pidgin has it)")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would change, and change nothing")
	c.Flags().BoolVar(&f.all, "all", false, "all accounts")
	c.Flags().BoolVar(&f.yes, "yes", false, "make protection weaker without asking at the terminal")
}

func (f *protectFlags) run(w world, args []string) error {
	if err := oneOf("format", f.format); err != nil {
		return err
	}
	if err := oneOf("level", f.level); err != nil {
		return err
	}
	if f.all == (len(args) > 0) {
		return usageError("name accounts, or give --all")
	}
	before, result, err := f.change(w, args)
	if f.format == "json" {
		if err := audit.WriteJSON(w.out, changesOf(f.dryRun, before, result, err)); err != nil {
			return exit{code: 3, text: err.Error()}
		}
	} else if err == nil {
		showChanges(w, before, result)
	}
	if err != nil {
		fmt.Fprintf(w.err, "purple-onion: %s\n", audit.Printable(err.Error()))
	}
	return codeOnly(changeCode(err))
}

// changeCode is the exit code of protect and release.
func changeCode(err error) int {
	switch {
	case errors.Is(err, errNo), errors.Is(err, errAsked), errors.As(err, new(refusal)):
		return 1
	case busapi.KindOf(err) != "":
		return busCode(err)
	}
	return profile.ExitCode(err)
}

// levels are the protection levels of before.
type levels map[policy.Account]policy.Level

// change selects the accounts and has package profile do the rest.
func (f *protectFlags) change(w world, args []string) (levels, profile.Result, error) {
	userDir, err := w.userDir(f.userDir)
	if err != nil {
		return nil, profile.Result{}, err
	}
	stateDir := w.stateDir()
	if stateDir == "" {
		return nil, profile.Result{}, errors.New("cannot keep a record: HOME is not set")
	}
	dir, err := profile.Read(userDir)
	if err != nil {
		return nil, profile.Result{}, err
	}
	if err := dir.AccountsError(); err != nil {
		return nil, profile.Result{}, err
	}
	level, err := f.wantedLevel(w)
	if err != nil {
		return nil, profile.Result{}, err
	}
	o := profile.Options{UserDir: userDir, StateDir: stateDir, All: f.all, Level: level, AtLeast: f.atLeast, DryRun: f.dryRun, Shim: shimPath(w, userDir),
		Names: []string{w.hostname, w.getenv("USER"), w.getenv("LOGNAME")}}
	for _, arg := range args {
		a, err := profile.Select(dir, arg)
		if err != nil {
			return nil, profile.Result{}, err
		}
		o.Accounts = append(o.Accounts, a)
	}
	before := levelsOf(dir, stateDir)
	if err := f.confirm(w, o, dir, before); err != nil {
		return before, profile.Result{}, err
	}
	result, err := profile.Protect(o)
	var running *profile.RunningError
	if errors.As(err, &running) && !f.dryRun {
		result, err = f.throughProgram(w, o, dir, before, err)
	}
	return before, result, err
}

// wantedLevel is the one that was named, or else the lowest that protects and
// that may be.
func (f *protectFlags) wantedLevel(w world) (policy.Level, error) {
	level := policy.ParseLevel(f.level)
	err := w.maySet(level)
	if errors.As(err, new(refusal)) && f.atLeast {
		level = policy.LevelSecret
		err = w.maySet(level)
	}
	return level, err
}

func levelsOf(dir *profile.Dir, stateDir string) levels {
	record, _ := profile.OpenRecord(stateDir, dir.Path) // of a broken one all is unknown
	before := levels{}
	for _, a := range dir.Accounts {
		before[a.Account], _ = policy.EffectiveLevel(a.Level(), record.Level(a.Account))
	}
	return before
}

// shimPath is the installed plugin, for the lists of plugins to load.
func shimPath(w world, userDir string) string {
	for _, p := range plugins(w, userDir) {
		if abs, err := filepath.Abs(p.path); err == nil && p.marker.abi != "" {
			return abs
		}
	}
	return ""
}

func showChanges(w world, before levels, r profile.Result) {
	if r.DryRun {
		fmt.Fprintln(w.err, "This is what would change; nothing was written.")
	}
	for _, a := range r.Accounts {
		fmt.Fprintf(w.out, "%s: %s\n", audit.Printable(a.Account.String()), transition(before[a.Account], a))
		for _, c := range a.Changes {
			fmt.Fprintf(w.out, "  %s\n", audit.Printable(c.String()))
		}
		for _, c := range a.Kept {
			fmt.Fprintf(w.out, "  kept, as you changed it meanwhile: %s\n", audit.Printable(c.Name))
		}
	}
	for _, p := range r.Prefs {
		fmt.Fprintf(w.out, "preferences: %s\n", audit.Printable(p))
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(w.err, "purple-onion: warning: %s\n", audit.Printable(text))
	}
	if len(r.Accounts) == 0 {
		fmt.Fprintln(w.err, "Nothing to do.")
	}
}

func transition(before policy.Level, a profile.AccountResult) string {
	text := before.String() + " -> " + a.Level.String()
	if len(a.Changes)+len(a.Kept) == 0 && before == a.Level {
		text = a.Level.String() + ", nothing to do"
	}
	if a.HigherKept {
		text += "; --level tor would lower it"
	}
	return text
}

// changesJSON is the JSON form of protect and release; no password is in it.
type changesJSON struct {
	Schema   int           `json:"schema"`
	Accounts []accountJSON `json:"accounts"`
	Warnings []string      `json:"warnings"`
	DryRun   bool          `json:"dry_run"`
	Error    string        `json:"error"`
}

type accountJSON struct {
	Protocol    string       `json:"protocol"`
	Name        string       `json:"name"`
	LevelBefore string       `json:"level_before"`
	Level       string       `json:"level"`
	HigherKept  bool         `json:"higher_level_kept"`
	Changes     []changeJSON `json:"changes"`
	Kept        []changeJSON `json:"kept"`
}

// changeJSON has null for a setting that is absent.
type changeJSON struct {
	Setting string  `json:"setting"`
	Before  *string `json:"before"`
	After   *string `json:"after"`
}

func changesOf(dryRun bool, before levels, r profile.Result, err error) changesJSON {
	out := changesJSON{Schema: 1, Accounts: []accountJSON{}, Warnings: append([]string{}, r.Warnings...), DryRun: dryRun}
	if err != nil {
		out.Error = err.Error()
	}
	for _, a := range r.Accounts {
		out.Accounts = append(out.Accounts, accountJSON{
			Protocol: a.Protocol, Name: a.Name, LevelBefore: before[a.Account].String(), Level: a.Level.String(), HigherKept: a.HigherKept,
			Changes: listChanges(a.Changes), Kept: listChanges(a.Kept),
		})
	}
	return out
}

func listChanges(list []profile.Change) []changeJSON {
	out := []changeJSON{}
	for _, c := range list {
		out = append(out, changeJSON{c.Name, text(c.Old), text(c.New)})
	}
	return out
}

func text(v profile.Value) *string {
	if !v.Present {
		return nil
	}
	return &v.Text
}
