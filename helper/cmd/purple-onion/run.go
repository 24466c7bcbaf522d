// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/cell"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/tor"
)

// startPatience is for a Tor that is starting, so long as it goes forward.
const startPatience = 2 * time.Minute

// cellFlags are the flags of run.
type cellFlags struct {
	tor, userDir, display, bus, home string
	control, sound, busWanted        bool
}

func runCommand(w world) *cobra.Command {
	var f cellFlags
	c := &cobra.Command{
		Use: "run [--tor ADDR] [--control] [--user-dir DIR] [--sound]\n" +
			"          [--display auto|x11|wayland|none] [--home shared|empty]\n" +
			"          [--session-bus private|filtered|none] -- PROGRAM ARGS...",
		Short: "Run a program in a cell; Tor's SOCKS port is the only way out",
		Long: `Run a program as you, in Linux namespaces of its own, in which Tor's SOCKS
port at 127.0.0.1 is the only way to any network. Tor is found and proven
before the program starts. What else stays reachable is said at the start.
Exit: the program's own status; 128 and the number of the signal that ended
it; 125 the cell could not be made; 126 the program cannot be run; 127 there
is no such program.`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.busWanted = cmd.Flags().Changed("session-bus")
			return runCell(w, f, args)
		},
	}
	flags := c.Flags()
	flags.SetInterspersed(false)
	flags.StringVar(&f.tor, "tor", "", "`ADDR` of Tor's SOCKS port, 127.0.0.1:9050 or unix:/path (default: found)")
	flags.BoolVar(&f.control, "control", false, "a control port inside, for Tor's state and this cell's streams alone")
	flags.StringVar(&f.userDir, "user-dir", "", "`DIR` becomes the program's ~/.purple")
	flags.StringVar(&f.display, "display", string(cell.DisplayAuto), "`WHICH`: auto, x11, wayland, none")
	flags.StringVar(&f.bus, "session-bus", string(cell.BusPrivate), "`WHICH`: private, filtered (needs xdg-dbus-proxy), none")
	flags.BoolVar(&f.sound, "sound", false, "let the sound server's socket in")
	flags.StringVar(&f.home, "home", "shared", "`WHICH`: shared, empty (gone afterwards)")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cellUsage(err.Error()) })
	return c
}

// cellUsage is a wrong command line of run: other codes are the program's.
func cellUsage(text string) error { return exit{code: cell.CodeNotMade, text: text, usage: true} }

func notMade(err error) error { return exit{code: cell.CodeNotMade, text: err.Error()} }

func (f cellFlags) check() error {
	for _, err := range []error{
		oneOf("display", f.display),
		oneOf("session-bus", f.bus),
		oneOf("home", f.home),
	} {
		if err != nil {
			return cellUsage(err.Error())
		}
	}
	return nil
}

func runCell(w world, f cellFlags, program []string) error {
	if err := f.check(); err != nil {
		return err
	}
	if len(program) == 0 {
		return cellUsage("no program")
	}
	if err := cell.Available(); err != nil {
		return notMade(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t := newOuterTor()
	status, err := t.find(ctx, w, f)
	interrupted := ctx.Err() != nil
	stop() // from here on signals are the program's
	defer t.close()
	switch {
	case interrupted:
		return codeOnly(cell.CodeSignal + int(syscall.SIGINT))
	case err != nil:
		return notMade(err)
	}
	code, err := cell.Run(context.Background(), t.config(w, f, status, program))
	if err != nil {
		return exit{code: code, text: err.Error()}
	}
	return codeOnly(code)
}

// outerTor is the Tor outside, and what is told of it inside.
type outerTor struct {
	client *tor.Client
	told   chan tor.Status
	alive  chan bool // holds the newest alone
	filter *cell.Filter
	newest atomic.Pointer[tor.Status]
}

func newOuterTor() *outerTor {
	t := &outerTor{told: make(chan tor.Status, 64), alive: make(chan bool, 1)}
	t.newest.Store(&tor.Status{})
	t.filter = cell.NewFilter(t.facts, t.circuits)
	return t
}

// notify is called for each change, in order.
func (t *outerTor) notify(s tor.Status) {
	select {
	case t.told <- s:
	default: // nobody waits for it any more
	}
	t.newest.Store(&s)
	select {
	case <-t.alive: // not taken yet, and out of date
	default:
	}
	t.alive <- living(s)
	t.filter.Changed()
}

func living(s tor.Status) bool {
	return s.State == policy.TorReady || s.State == policy.TorStarting
}

func (t *outerTor) facts() cell.Facts {
	s := t.newest.Load()
	return cell.Facts{Alive: living(*s), Version: s.Version, Progress: s.Progress, Summary: s.Summary}
}

func (t *outerTor) circuits(ctx context.Context) ([]cell.Circuit, error) {
	all, err := t.client.Circuits(ctx)
	var list []cell.Circuit
	for _, c := range all {
		in := cell.Circuit{ID: c.ID, ConfluxID: c.ConfluxID, Status: c.Status, Purpose: c.Purpose, Onion: c.Onion, User: c.User}
		if exit, ok := c.Exit(); ok {
			in.Exit = "$" + exit.Fingerprint + "~" + exit.Nickname
		}
		list = append(list, in)
	}
	return list, err
}

func (t *outerTor) close() {
	if t.client != nil {
		t.client.Close()
	}
}

// config joins what was asked for and what was found.
func (t *outerTor) config(w world, f cellFlags, status tor.Status, program []string) cell.Config {
	dir, _ := os.Getwd()
	c := cell.Config{
		Program: program, Env: os.Environ(), Dir: dir,
		Tor: t.client, TorName: torName(status), TorPort: portInside(status.Socks), Alive: t.alive,
		UserDir: f.userDir, EmptyHome: f.home == "empty", Display: cell.Display(f.display),
		Bus: cell.Bus(f.bus), BusWanted: f.busWanted, Sound: f.sound,
		Hide: []string{filepath.Join(w.stateDir(), "tor")},
		Say:  func(line string) { fmt.Fprintln(w.err, "cell: "+audit.Printable(line)) },
	}
	if f.control {
		c.Control, c.ControlPort = t.filter, nextTo(c.TorPort)
	}
	return c
}

// find waits for a Tor that is proven and ready.
func (t *outerTor) find(ctx context.Context, w world, f cellFlags) (tor.Status, error) {
	conf, err := config.Load(w.configFiles())
	if err != nil {
		return tor.Status{}, err
	}
	s := tor.Settings{
		Mode: conf.Tor.Mode, Socks: conf.Tor.Socks, Control: conf.Tor.Control, ControlPassword: conf.Tor.ControlPassword,
		Program: conf.Tor.Program, Torrc: conf.Tor.Torrc, StateDir: filepath.Join(w.stateDir(), "tor"), Getenv: w.getenv,
	}
	if f.tor != "" {
		s.Mode, s.Socks = tor.ModeSystem, f.tor
	}
	if f.control {
		s.OnStream = func(ev tor.StreamEvent) { t.filter.Stream(cell.StreamEvent(ev)) }
	}
	t.client = tor.Start(s, t.notify)
	status, err := awaitTor(ctx, w, t.told)
	if err == nil && f.control && status.Control != tor.ControlOpen {
		err = errors.New("cannot make the cell: --control needs Tor's control port, which cannot be read; [tor] mode = \"private\" in config.toml has one")
	}
	return status, err
}

func awaitTor(ctx context.Context, w world, told <-chan tor.Status) (tor.Status, error) {
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	progress := tor.ProgressUnknown
	for {
		select {
		case <-ctx.Done():
			return tor.Status{}, ctx.Err()
		case <-patience.C:
			return tor.Status{}, errors.New("cannot make the cell: Tor does not come up")
		case s := <-told:
			switch s.State {
			case policy.TorReady:
				return s, readyTor(s)
			case policy.TorStarting:
				if s.Progress > progress {
					progress = s.Progress
					patience.Reset(startPatience)
					fmt.Fprintf(w.err, "cell: Tor is starting: %d%% %s\n", s.Progress, audit.Printable(s.Summary))
				}
			case policy.TorAbsent, policy.TorDead, policy.TorNotTor:
				return s, noTor(s)
			case policy.TorNotAsked:
			}
		}
	}
}

func readyTor(s tor.Status) error {
	if s.Isolation == policy.IsolationOff {
		return errors.New("cannot make the cell: Tor's stream isolation is off; take NoIsolateSOCKSAuth and PreferSOCKSNoAuth out of torrc")
	}
	return nil
}

func noTor(s tor.Status) error {
	what := "no Tor was found"
	if s.State == policy.TorNotTor {
		what = "what listens is not Tor, or not to be trusted"
	}
	if s.Detail != "" {
		what += ": " + s.Detail
	}
	return errors.New("cannot make the cell: " + what)
}

func torName(s tor.Status) string {
	name := s.Socks
	if s.Private {
		name += " (purple-onion's own)"
	}
	if s.Version != "" {
		name += ", version " + s.Version
	}
	return name
}

// portInside is the number that a port has outside, so that configurations
// hold inside; one that has none gets Tor's usual one.
func portInside(address string) uint16 {
	if p, err := netip.ParseAddrPort(address); err == nil {
		return p.Port()
	}
	return 9050
}

// nextTo is where a control port is looked for beside a SOCKS port.
func nextTo(port uint16) uint16 {
	if port == 65535 {
		return port - 1
	}
	return port + 1
}
