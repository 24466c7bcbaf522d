// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// Options say what Protect or Release is to do.
type Options struct {
	UserDir, StateDir string
	Accounts          []policy.Account // as Select gave them
	All               bool             // all accounts instead; Release: all that are protected
	Level             policy.Level     // Protect: LevelTor or LevelSecret; LevelNone is Release
	AtLeast           bool             // Protect: an account that has a higher level keeps it
	DryRun            bool             // say what would change, and write nothing
	Names             []string         // the computer's and the person's, for ResourceWarning
	Shim              string           // absolute path of the installed plugin; empty: not installed

	Now     func() time.Time                   // nil: time.Now
	Running func(dir string) (*Process, error) // nil: Running
}

// Result says what Protect or Release did, or with DryRun would do.
type Result struct {
	DryRun   bool
	Accounts []AccountResult // in the order of accounts.xml
	Prefs    []string        // preferences whose list of plugins changed
	Backups  []string        // files
	Warnings []string        // for a person; they name no secret
}

// AccountResult is what became of one account. Changes and Kept both empty
// means that there was nothing to do.
type AccountResult struct {
	policy.Account
	Level      policy.Level // from now on
	HigherKept bool         // AtLeast left it at a higher level than Options.Level
	Changes    []Change     // carried out
	Kept       []Change     // Release: not given back to New, because the user changed it meanwhile
}

var errChanged = errors.New("it was changed by another program meanwhile; nothing was written")

// job is one run of Protect or Release, under the record's lock.
type job struct {
	Options
	now      time.Time
	record   content
	recPath  string
	accounts file
	prefs    file
	dir      *Dir
	elements map[policy.Account]*node
	result   Result
	touched  bool // the record changes, even where accounts.xml does not
	giveBack bool // release: accounts.xml is written before the record
}

// file is a file as it was read, and as it is to be.
type file struct {
	path    string
	exists  bool
	old     []byte
	new     []byte
	deleted bool
}

func (f file) changed() bool { return f.deleted || f.new != nil && string(f.new) != string(f.old) }

// Protect brings accounts to a level at rest: in accounts.xml, in the record,
// and, where the plugin is installed, in prefs.xml, so that it is loaded. All
// accounts are changed or none; the error's ExitCode says why not.
func Protect(o Options) (Result, error) {
	if o.Level == policy.LevelNone {
		return Release(o)
	}
	return run(o, (*job).protect)
}

// Release gives accounts back what Protect changed in them.
func Release(o Options) (Result, error) { return run(o, (*job).release) }

func run(o Options, plan func(*job) error) (Result, error) {
	j := &job{Options: o}
	if j.Now == nil {
		j.Now = time.Now
	}
	if j.Running == nil {
		j.Running = Running
	}
	j.now, j.result.DryRun = j.Now(), o.DryRun
	unlock, err := j.open()
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if err := plan(j); err != nil {
		return Result{}, err
	}
	if o.DryRun || !j.touched && !j.accounts.changed() && !j.prefs.changed() {
		return j.result, nil
	}
	if err := j.commit(); err != nil {
		return Result{}, err
	}
	return j.result, nil
}

// open takes the lock and reads all there is. A dry run makes no file, and so
// no lock either.
func (j *job) open() (func(), error) {
	if err := j.mayEdit(); err != nil {
		return nil, err
	}
	path, err := RecordPath(j.StateDir, j.UserDir)
	if err != nil {
		return nil, err
	}
	r, unlock := &Record{path: path}, func() {}
	if !j.DryRun {
		if unlock, err = r.lock(); err != nil {
			return nil, fmt.Errorf("cannot lock the record: %w", err)
		}
	}
	if err := j.load(path); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (j *job) load(recordPath string) error {
	var err error
	j.recPath = recordPath
	if j.record, err = loadRecord(recordPath); err != nil {
		return fmt.Errorf("cannot read the record %s: %w", recordPath, err)
	}
	j.record.UserDir = j.UserDir
	if j.accounts, err = readOwn(filepath.Join(j.UserDir, AccountsFile)); err != nil {
		return err
	}
	if j.prefs, err = readOwn(filepath.Join(j.UserDir, PrefsFile)); err != nil {
		return err
	}
	j.dir = &Dir{Path: j.UserDir}
	if !j.accounts.exists {
		return nil
	}
	root, err := parseXML(j.accounts.old)
	if err != nil {
		return fileError(j.accounts.path, err)
	}
	j.dir.Accounts, j.elements = readAccounts(root), elements(root)
	return nil
}

// readOwn reads a file that is to be replaced; a missing one is not an error.
func readOwn(path string) (file, error) {
	f := file{path: path}
	data, err := userfile.ReadOwn(path)
	if isMissing(err) {
		return f, nil
	}
	if err != nil {
		return f, fileError(path, err)
	}
	f.old, f.exists = data, true
	return f, nil
}

func (j *job) mayEdit() error {
	p, err := j.Running(j.UserDir)
	if err != nil {
		return err
	}
	if p != nil {
		return &RunningError{*p, j.UserDir}
	}
	return nil
}

// chosen gives the accounts to work on, and refuses what cannot be edited.
func (j *job) chosen(all func(Account) bool) ([]Account, error) {
	var list []Account
	for _, name := range j.Accounts {
		if j.All {
			break
		}
		i := find(j.dir.Accounts, name)
		if i < 0 || j.dir.Accounts[i].Account != name {
			return nil, &AccountError{Arg: name.String()}
		}
		if find(list, name) < 0 {
			list = append(list, j.dir.Accounts[i])
		}
	}
	for _, a := range j.dir.Accounts {
		if j.All && all(a) {
			list = append(list, a)
		}
	}
	for _, a := range list {
		if a.Twice {
			return nil, &FileError{Path: j.accounts.path, Line: a.Line, Err: errors.New("this account stands more than once; libpurple joins them: start Pidgin once, quit it, and try again")}
		}
	}
	return list, nil
}

func (j *job) protect() error {
	list, err := j.chosen(func(Account) bool { return true })
	if err != nil {
		return err
	}
	if err := refuse(list); err != nil {
		return err
	}
	changes := map[policy.Account][]Change{}
	for _, a := range list {
		level := j.levelFor(a)
		if changes[a.Account], err = Changes(a, level); err != nil {
			return err
		}
		if told := ResourceWarning(a.Account, j.Names...); told != "" {
			j.warn("%s: %s", a.Account, told)
		}
		j.result.Accounts = append(j.result.Accounts, AccountResult{Account: a.Account, Level: level, HigherKept: level != j.Level, Changes: changes[a.Account]})
	}
	undo, err := j.edit(changes, nil)
	if err != nil {
		return err
	}
	for i, a := range list {
		level := j.result.Accounts[i].Level
		if e := j.record.find(a.Account); e == nil || e.Level != level.String() || len(changes[a.Account]) > 0 {
			j.record.protect(a, level, changes[a.Account], undo[a.Account])
			j.touched = true
		}
	}
	if len(list) == 0 {
		return nil
	}
	return j.editPrefs()
}

// levelFor is the level that an account is to have. Where accounts.xml and the
// record disagree, the higher of the two counts as the one that it has.
func (j *job) levelFor(a Account) policy.Level {
	if !j.AtLeast {
		return j.Level
	}
	level := max(j.Level, presentLevel(a.Level()))
	if e := j.record.find(a.Account); e != nil {
		level = max(level, policy.ParseLevel(e.Level))
	}
	return level
}

func presentLevel(f policy.LevelFact) policy.Level {
	if f.Presence != policy.Present {
		return policy.LevelUnknown
	}
	return f.Level
}

func refuse(list []Account) error {
	refused := &RefusedError{Err: ErrProtocol}
	for _, a := range list {
		if !policy.ProtocolProven(a.Protocol) {
			refused.Accounts = append(refused.Accounts, a.Account)
		}
	}
	if len(refused.Accounts) > 0 {
		return refused
	}
	return nil
}

// edit makes the new accounts.xml, and gives what takes each edit back.
func (j *job) edit(changes map[policy.Account][]Change, reverted map[policy.Account][]byte) (map[policy.Account][]splice, error) {
	undo := map[policy.Account][]splice{}
	if !j.accounts.exists {
		return undo, nil
	}
	out, done, err := edit(j.accounts.old, changes, reverted)
	if err != nil {
		return nil, fmt.Errorf("cannot edit %s: %w", j.accounts.path, err)
	}
	j.accounts.new = out
	for _, d := range done {
		undo[d.account] = d.undo
	}
	return undo, nil
}

func (j *job) release() error {
	j.giveBack = true
	list, err := j.chosen(func(a Account) bool {
		return a.Level().Presence != policy.Absent || j.record.find(a.Account) != nil
	})
	if err != nil {
		return err
	}
	changes, reverted := map[policy.Account][]Change{}, map[policy.Account][]byte{}
	for _, a := range list {
		e := j.record.find(a.Account)
		back, kept := e.restoration(a)
		if text := j.asBefore(a, e, kept); text != nil {
			reverted[a.Account] = text
		}
		if len(back) > 0 {
			changes[a.Account] = back
		}
		if e == nil && len(kept) > 0 {
			j.warn("%s: purple-onion has no record of its settings of before; its libpurple proxy still leads nowhere, set it in the account editor", a.Account)
		}
		j.result.Accounts = append(j.result.Accounts, AccountResult{Account: a.Account, Level: policy.LevelNone, Changes: back, Kept: kept})
	}
	if _, err := j.edit(changes, reverted); err != nil {
		return err
	}
	for _, a := range list {
		if j.record.find(a.Account) != nil {
			j.record.forget(a.Account)
			j.touched = true
		}
	}
	j.forgetGone()
	return j.givePrefsBack()
}

// forgetGone drops accounts from the record that accounts.xml no longer has,
// where everything is to be released.
func (j *job) forgetGone() {
	if !j.All {
		return
	}
	for _, e := range append([]entry(nil), j.record.Accounts...) {
		if find(j.dir.Accounts, e.account()) < 0 {
			j.record.drop(e.account())
			j.touched = true
		}
	}
}

// asBefore is the account element byte for byte as it was, where libpurple did
// not write the file meanwhile; else nil.
func (j *job) asBefore(a Account, e *entry, kept []Change) []byte {
	if e == nil || len(e.Undo) == 0 || len(kept) > 0 {
		return nil
	}
	n := j.elements[a.Account]
	text, ok := j.accounts.old[n.start:n.end], false
	for i := len(e.Undo) - 1; i >= 0; i-- {
		older, fits := revert(text, e.Undo[i])
		if !fits {
			break
		}
		text, ok = older, true
	}
	if !ok || !e.isBefore(text, a) {
		return nil
	}
	return text
}

// isBefore says whether an account element has every value of before, and all
// else as it is now.
func (e *entry) isBefore(text []byte, now Account) bool {
	root, err := parseXML(append(append([]byte("<account>"), text...), "</account>"...))
	if err != nil {
		return false
	}
	list := readAccounts(root)
	if len(list) != 1 || list[0].Account != now.Account {
		return false
	}
	back, kept := e.restoration(list[0])
	if len(back) > 0 || len(kept) > 0 {
		return false
	}
	changes, _ := e.restoration(now)
	return checkOne(now, list[0], map[policy.Account][]Change{now.Account: changes}) == nil
}

func (j *job) warn(format string, args ...any) {
	j.result.Warnings = append(j.result.Warnings, fmt.Sprintf(format, args...))
}
