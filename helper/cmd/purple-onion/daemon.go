// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
	"purpleonion.org/purple-onion/helper/internal/tor"
)

// quietFor is how long files must be left alone before they are looked at:
// libpurple writes several, one after the other.
const quietFor = time.Second

func daemonCommand(w world) *cobra.Command {
	var dirs []string
	c := &cobra.Command{
		Use:   "daemon [--user-dir DIR]...",
		Short: "Answer on the session bus and watch accounts, without Pidgin",
		Long: `Be org.purpleonion.Helper1 on the session bus: audit and protect accounts at
rest, keep the private Tor running where one is needed, and notify of each new
finding that fails. Pidgin's plugin takes the name over while it is loaded.
It is started by the bus, by systemd (purple-onion.service), or by hand.

Exit: 0 ended by a signal; 2 wrong usage; 3 no session bus, or it went away.`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := named(dirs)
			if err != nil {
				return err
			}
			return runDaemon(w, list)
		},
	}
	c.Flags().StringArrayVar(&dirs, "user-dir", nil, "`DIR` that holds accounts.xml, instead of the usual ones; may be repeated")
	return c
}

// daemon answers the bus at rest.
type daemon struct {
	w      world
	conf   config.Config
	broken error // config.toml's; then no Tor is started, as in the plugin
	given  []string
	bus    atomic.Pointer[busapi.Service] // nil until it is started

	mu       sync.Mutex
	tor      *tor.Client // nil: none is looked for
	private  bool        // tor may start a private one
	status   engine.TorStatus
	accounts []engine.AccountStatus
	failing  map[string]audit.Finding // of the last audit, by what each is about

	running programs
}

// background starts the only goroutines of this command.
func background(do func()) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				fmt.Fprintln(os.Stderr, "purple-onion: an internal error")
			}
		}()
		do()
	}()
}

func runDaemon(w world, dirs []string) error {
	address := w.getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		return exit{code: 3, text: busapi.ErrNoBus.Error()}
	}
	d := &daemon{w: w, given: dirs}
	if d.conf, d.broken = config.Load(w.configFiles()); d.broken != nil {
		fmt.Fprintf(w.err, "purple-onion: %s\n", audit.Printable(d.broken.Error()))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	changed := make(chan struct{}, 1)
	watcher := watchDirs(ctx, d.watched, changed)
	d.look(false)
	bus := busapi.Start(busapi.Settings{
		Address: address, Version: version, Mode: busapi.ModeDaemon, InCell: w.getenv("PURPLE_ONION_CELL") != "",
		Backend: d, Log: func(line string) { fmt.Fprintln(w.err, "purple-onion: "+audit.Printable(line)) },
	})
	d.bus.Store(bus)
	defer d.close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-bus.Done():
			return exit{code: 3}
		case <-changed:
			if !pause(ctx, quietFor) {
				return nil
			}
			drain(changed)
			watcher()
			d.look(true)
		}
	}
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

func (d *daemon) close() {
	d.bus.Load().Close()
	d.mu.Lock()
	client := d.tor
	d.tor = nil
	d.mu.Unlock()
	if client != nil {
		client.Close()
	}
}

// dirs are the user directories that are there now.
func (d *daemon) dirs() []string {
	if d.given != nil {
		return d.given
	}
	return audit.DefaultUserDirs(d.w.getenv)
}

// watched are the folders whose files matter: those of the accounts, of the
// record, and those where a user directory may come to be.
func (d *daemon) watched() []string {
	list := append([]string{}, d.dirs()...)
	for _, dir := range append(slices.Clone(list), audit.HomeUserDir(d.w.getenv)) {
		list = append(list, filepath.Dir(dir))
	}
	return append(list, d.w.stateDir())
}

// look reads the accounts, starts or stops Tor as they need it, and, where
// notify is true, tells of findings that were not there before.
func (d *daemon) look(notify bool) {
	var accounts []engine.AccountStatus
	for _, dir := range d.dirs() {
		list, _ := accountsAtRest(d.w, dir) // the audit tells of one that cannot be read
		for _, a := range list {
			a.Dir = dir
			accounts = append(accounts, a)
		}
	}
	report := audit.Run(d.auditOptions(busapi.AuditOptions{}))
	failing := map[string]audit.Finding{}
	for _, f := range report.Findings {
		for _, subject := range f.Subjects {
			if f.Severity == audit.Fail {
				failing[f.Check+"\x00"+f.UserDir+"\x00"+subject] = f
			}
		}
	}
	d.mu.Lock()
	before := d.failing
	d.accounts, d.failing = accounts, failing
	d.mu.Unlock()
	d.running.forget()
	d.followTor(len(accounts) > 0)
	if bus := d.bus.Load(); bus != nil {
		bus.News(engine.News{Kind: engine.NewsAccount})
	}
	if notify {
		d.notify(before, failing)
	}
}

// notify shows one notification for all that is new. It names no account,
// unless the user asked for that: it is shown on a locked screen, too.
func (d *daemon) notify(before, now map[string]audit.Finding) {
	checks, subjects := map[string]bool{}, map[string]bool{}
	for key, f := range now {
		if _, known := before[key]; !known {
			checks[f.Check] = true
			subjects[key[strings.LastIndex(key, "\x00")+1:]] = true
		}
	}
	if len(checks) == 0 {
		return
	}
	body := "The audit finds anew: " + strings.Join(sortedKeys(checks), ", ") + ". Run: purple-onion audit"
	if d.conf.NotifyNames {
		body += "\n" + strings.Join(sortedKeys(subjects), ", ")
	}
	background(func() {
		bus := d.bus.Load()
		if err := bus.Notify("purple-onion: an account may be given away", audit.Printable(body)); err != nil {
			fmt.Fprintln(d.w.err, "purple-onion: cannot notify: "+audit.Printable(err.Error()))
		}
	})
}

func sortedKeys(set map[string]bool) []string {
	var list []string
	for k := range set {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// followTor has a private Tor only while an account needs one. It stays for
// programs that use it when the daemon ends.
func (d *daemon) followTor(needed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	private := needed && d.conf.Tor.Mode != tor.ModeSystem
	none := d.broken != nil || !needed && d.conf.Tor.Mode == tor.ModePrivate
	if d.tor != nil && !none && private == d.private {
		return
	}
	if d.tor != nil {
		client := d.tor
		d.tor, d.status = nil, engine.TorStatus{}
		background(client.Close)
	}
	if none {
		return
	}
	mode := tor.ModeSystem
	if private {
		mode = d.conf.Tor.Mode
	}
	d.private = private
	c := d.conf.Tor
	var client *tor.Client
	client = tor.Start(tor.Settings{
		Mode: mode, Socks: c.Socks, Control: c.Control, ControlPassword: c.ControlPassword, Program: c.Program, Torrc: c.Torrc,
		StateDir: filepath.Join(d.w.stateDir(), "tor"), Getenv: d.w.getenv,
	}, func(s tor.Status) { d.torChanged(&client, s) })
	d.tor = client
}

// torChanged is the news of the Tor that is followed now, and of no earlier.
func (d *daemon) torChanged(from **tor.Client, s tor.Status) {
	d.mu.Lock()
	current := *from == d.tor
	if current {
		d.status = torStatus(s)
	}
	d.mu.Unlock()
	if bus := d.bus.Load(); current && bus != nil {
		bus.News(engine.News{Kind: engine.NewsTor})
	}
}

// Status implements busapi.Backend. The daemon answers while no plugin has the
// name: a program that runs all the same is one without the plugin, or off the
// bus.
func (d *daemon) Status() engine.Status {
	d.mu.Lock()
	s := engine.Status{Tor: d.status, Accounts: slices.Clone(d.accounts)}
	d.mu.Unlock()
	if s.Tor.State == policy.TorNotAsked {
		s.Tor.State, s.Tor.Control = policy.TorAbsent, "absent"
	}
	changed := false
	for i := range s.Accounts {
		a := &s.Accounts[i]
		is, was := d.running.on(a.Dir)
		changed = changed || is != was
		if is {
			a.State = notTold(a.State)
		}
		if a.Dir == audit.HomeUserDir(d.w.getenv) {
			a.Dir = ""
		}
	}
	if bus := d.bus.Load(); bus != nil && changed {
		bus.News(engine.News{Kind: engine.NewsAccount})
	}
	return s
}

// programs remembers for a while on which user directories a program runs: to
// look takes some ten milliseconds.
type programs struct {
	mu     sync.Mutex
	looked map[string]look
}

type look struct {
	at      time.Time
	running bool
}

const lookFor = 2 * time.Second

// on says whether a libpurple program runs on a directory, or may, and what was
// said of it before.
func (p *programs) on(dir string) (is, was bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.looked[dir]
	if known && time.Since(last.at) < lookFor {
		return last.running, last.running
	}
	if p.looked == nil {
		p.looked = map[string]look{}
	}
	is = inUse(dir)
	p.looked[dir] = look{time.Now(), is}
	return is, known && last.running
}

// forget has the next question looked up.
func (p *programs) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for dir, l := range p.looked {
		p.looked[dir] = look{running: l.running}
	}
}

// Live implements busapi.Backend.
func (d *daemon) Live(context.Context) engine.Live { return d.Status().Live(nil) }

// Explain implements busapi.Backend.
func (d *daemon) Explain(check string) (string, bool) { return audit.Explain(check) }

func (d *daemon) auditOptions(o busapi.AuditOptions) audit.Options {
	dirs := o.UserDirs
	if dirs == nil {
		dirs = d.dirs()
	}
	return audit.Options{
		Version: version, UserDirs: dirs, Default: audit.HomeUserDir(d.w.getenv), StateDir: d.w.stateDir(),
		Lookup: d.w.lookup, Program: d.w.program, Hostname: d.w.hostname, Root: d.w.root, Floor: d.w.floor,
	}
}

// Audit implements busapi.Backend.
func (d *daemon) Audit(o busapi.AuditOptions) (string, error) {
	report := audit.Run(d.auditOptions(o))
	if o.Redact {
		report = report.Redacted()
	}
	var text strings.Builder
	err := report.Only(audit.Severity(o.Severity)).WriteJSON(&text)
	return text.String(), err
}

var errUnknownAccount = &busapi.Error{Kind: busapi.UnknownAccount, Text: "there is no such account"}

// find reads "protocol:name" of the default user directory, or
// "DIR|protocol:name" of one that is looked after.
func (d *daemon) find(text string) (userDir string, dir *profile.Dir, a profile.Account, err error) {
	userDir = audit.HomeUserDir(d.w.getenv)
	if d.given != nil {
		userDir = d.given[0]
	}
	if named, rest, found := strings.Cut(text, "|"); found && filepath.IsAbs(named) {
		userDir, text = named, rest
	}
	known := slices.ContainsFunc(d.dirs(), func(x string) bool {
		abs, err := absolute(x)
		return err == nil && abs == filepath.Clean(userDir)
	})
	if !known {
		return "", nil, a, errUnknownAccount
	}
	if dir, err = profile.Read(userDir); err != nil {
		return "", nil, a, errUnknownAccount
	}
	for _, x := range dir.Accounts {
		if x.Account.String() == text || x.Account.String() == text+"/" {
			return userDir, dir, x, nil
		}
	}
	return "", nil, a, errUnknownAccount
}

// Level implements busapi.Backend.
func (d *daemon) Level(account string) (policy.Level, error) {
	userDir, _, a, err := d.find(account)
	if err != nil {
		return policy.LevelUnknown, err
	}
	record, _ := profile.OpenRecord(d.w.stateDir(), userDir) // of a broken one all is unreadable
	level, _ := policy.EffectiveLevel(a.Level(), record.Level(a.Account))
	return level, nil
}

// MaySet implements busapi.Backend: by the configuration as it is now.
func (d *daemon) MaySet(level policy.Level) policy.Decision {
	var no refusal
	switch err := d.w.maySet(level); {
	case err == nil:
		return policy.Decision{Verdict: policy.Allow}
	case errors.As(err, &no):
		return policy.Decision{Reason: no.reason}
	}
	return policy.Decision{Reason: policy.ReasonConfigUnreadable}
}

// Protect implements busapi.Backend: at rest, as the command line does.
func (d *daemon) Protect(_ context.Context, account string, level policy.Level) error {
	userDir, _, a, err := d.find(account)
	if err != nil {
		return err
	}
	_, err = profile.Protect(profile.Options{
		UserDir: userDir, StateDir: d.w.stateDir(), Accounts: []policy.Account{a.Account}, Level: level, Shim: shimPath(d.w, userDir),
	})
	var running *profile.RunningError
	var refused *profile.RefusedError
	switch {
	case errors.As(err, &running):
		return &busapi.Error{Kind: busapi.Busy, Text: err.Error()}
	case errors.As(err, &refused):
		return &busapi.Error{Kind: busapi.InvalidArgument, Text: err.Error()}
	}
	return err
}

// Ask implements busapi.Backend: the daemon has nobody to ask.
func (d *daemon) Ask(string, policy.Level) {}

// NewCircuit implements busapi.Backend: nobody is signed on at rest.
func (d *daemon) NewCircuit(context.Context, string) error {
	return &busapi.Error{Kind: busapi.Busy, Text: "no program is signed on under purple-onion's protection"}
}
