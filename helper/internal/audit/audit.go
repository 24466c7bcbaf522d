// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"errors"
	"fmt"
	"io/fs"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

// TorPorts are the loopback ports where Tor and Tor Browser listen.
var TorPorts = []int{9050, 9150}

// Options is what an audit looks at. The zero value of an option that is a
// function knows nothing.
type Options struct {
	Version  string
	UserDirs []string // folders that hold accounts.xml
	Default  string   // the user directory that remedies need not name
	TorPorts []int    // beside 9050 and 9150

	Lookup   func(name string) (string, bool) // environment
	Program  func(name string) bool           // is there such a program in PATH?
	StateDir string                           // where purple-onion's record is; empty: nobody has one

	// Floor is the level that no account may be below; nil: nobody set one.
	Floor func() (policy.Level, error)

	Hostname string // of this machine
	Root     string // where /etc is; empty: "/"
}

// account is one account with all that the checks ask about it.
type account struct {
	profile.Account
	proxy   Proxy
	record  policy.LevelFact
	level   policy.Level // none, where it is not protected
	broken  bool         // level, record or proxy disagree
	shared  bool
	torPort bool
}

// userDir is one user directory while it is judged.
type userDir struct {
	*profile.Dir
	accounts []*account
	globals  globalProxy
}

// auditor holds one audit.
type auditor struct {
	Options
	report Report
	dirs   []*userDir
	floor  policy.Level // unknown where the configuration cannot be read
}

// Run audits. It only reads; what it could not read is in the report's Errors.
func Run(o Options) *Report {
	o.TorPorts = append(append([]int{}, TorPorts...), o.TorPorts...)
	a := &auditor{Options: o}
	a.report = Report{Schema: Schema, Tool: Tool{o.Version}, UserDirs: []UserDir{}, Findings: []Finding{}, Errors: []Problem{}, asked: o.UserDirs}
	a.readFloor()
	for _, path := range o.UserDirs {
		a.read(path)
	}
	a.shareCredentials()
	for _, d := range a.dirs {
		a.judge(d)
		a.report.UserDirs = append(a.report.UserDirs, d.shown())
	}
	a.judgeMachine()
	sortFindings(a.report.Findings)
	a.report.summarize()
	return &a.report
}

func (a *auditor) readFloor() {
	a.floor = policy.LevelNone
	if a.Floor == nil {
		return
	}
	var err error
	if a.floor, err = a.Options.Floor(); err != nil {
		a.floor = policy.LevelUnknown
		a.problem("purple-onion's configuration", 0, errors.New("it cannot be read; purple-onion doctor says why"))
	}
}

func (a *auditor) read(path string) {
	dir, err := profile.Read(path)
	if err != nil {
		a.problem(path, 0, err)
		return
	}
	for _, e := range dir.Errors {
		a.problem(e.Path, e.Line, e.Err)
	}
	record := a.record(path)
	d := &userDir{Dir: dir, globals: readGlobal(dir.Prefs)}
	s := setup{d.globals, a.Lookup, a.Program}
	for _, acct := range dir.Accounts {
		d.accounts = append(d.accounts, a.account(acct, s.proxyOf(acct.Proxy), record(acct.Account)))
	}
	a.dirs = append(a.dirs, d)
}

func (a *auditor) account(acct profile.Account, p Proxy, record policy.LevelFact) *account {
	x := &account{Account: acct, proxy: p, record: record, torPort: p.torPort(a.TorPorts)}
	level, d := policy.EffectiveLevel(acct.Level(), record)
	x.level = level
	switch {
	case d.Verdict != policy.Allow:
		x.broken = true
	case level != policy.LevelNone:
		x.broken = !profile.AtRest(acct.Proxy) || !policy.ProtocolProven(acct.Protocol)
	default:
		// the level was lost in both places
		x.broken = atRest(acct.Proxy) || profile.StaleGate(acct.Proxy)
	}
	return x
}

// atRest says whether an account's proxy is where only protection leaves one
// between sign-ons (I5), credentials or not.
func atRest(p *profile.Proxy) bool {
	return p != nil && p.Type == "tor" && p.Host == profile.RestHost && p.Port == profile.RestPort
}

// protected says whether the account is purple-onion's to look after, with
// nothing in disagreement.
func (x *account) protected() bool { return x.level != policy.LevelNone && !x.broken }

func (a *auditor) problem(path string, line int, err error) {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	a.report.Errors = append(a.report.Errors, Problem{path, line, err.Error()})
}

// record gives the levels of purple-onion's record; of one that cannot be read
// every level is unreadable.
func (a *auditor) record(userDir string) func(policy.Account) policy.LevelFact {
	if a.StateDir == "" {
		return func(policy.Account) policy.LevelFact { return policy.LevelFact{Presence: policy.Absent} }
	}
	r, err := profile.OpenRecord(a.StateDir, userDir)
	if err != nil {
		a.problem(r.Path(), 0, fmt.Errorf("purple-onion's record: %w", errors.Unwrap(err)))
	}
	return r.Level
}

func (d *userDir) shown() UserDir {
	shown := UserDir{Path: d.Path, Accounts: []Account{}}
	for _, x := range d.accounts {
		p := x.proxy
		shown.Accounts = append(shown.Accounts, Account{
			Protocol: x.Protocol, Name: x.Name, Protection: x.protection(), Enabled: x.Enabled,
			Proxy: AccountProxy{p.Type, p.Host, p.Port, p.Source, x.credentials()},
		})
	}
	return shown
}

// protection is the level that the account's settings have, or else the
// record; whether they agree is protection-broken's to say.
func (x *account) protection() string {
	for _, fact := range []policy.LevelFact{x.Level(), x.record} {
		if fact.Presence == policy.Present && fact.Level != policy.LevelNone {
			return fact.Level.String()
		}
	}
	return policy.LevelNone.String()
}
