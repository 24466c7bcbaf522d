// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
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

// watchEvery is between two looks of --watch.
const watchEvery = 2 * time.Second

type statusFlags struct {
	format string
	watch  bool
}

func statusCommand(w world) *cobra.Command {
	var f statusFlags
	c := &cobra.Command{
		Use:   "status [--watch] [--format text|json]",
		Short: "Say where protected accounts are, and on circuits of their own",
		Long: `Ask the running plugin, or the daemon, on the session bus: Tor, each protected
account with its circuit and exit, and for each two that are online whether
Tor has them on circuits of their own. It is the same as Tor status in Pidgin.
Without either, what can be seen from outside is shown.

With --watch it goes on, and shows each change; --format json prints one
object a line then.

Exit: 0 every pair is distinct, or fewer than two are online; 1 some share a
circuit, or an account is off its own; 2 wrong usage; 3 nobody is on the bus,
or something is not proven.`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE:                  func(*cobra.Command, []string) error { return f.run(w) },
	}
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().BoolVar(&f.watch, "watch", false, "go on, and show each change")
	return c
}

func (f statusFlags) run(w world) error {
	if err := oneOf("format", f.format); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var last *engine.Live
	for {
		live, code := report(ctx, w, last == nil)
		if last == nil || !reflect.DeepEqual(live, *last) {
			if err := f.show(w, live); err != nil {
				return exit{code: 3, text: "cannot write the report: " + err.Error()}
			}
		}
		last = &live
		if !f.watch || !pause(ctx, watchEvery) {
			return codeOnly(code)
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// report is what the helper on the bus says, else what is seen from outside.
func report(ctx context.Context, w world, first bool) (engine.Live, int) {
	live, err := overBus(ctx, w, (*busapi.Client).Status)
	if err == nil {
		return live, live.ExitCode()
	}
	if first {
		hanging(w.err, "purple-onion: ", err.Error()+"; this is what can be seen from outside")
	}
	return outside(w), 3
}

// overBus asks who is on the session bus, and starts nobody.
func overBus[T any](ctx context.Context, w world, ask func(*busapi.Client, context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, busapi.Patience)
	defer cancel()
	c, err := busapi.Dial(ctx, w.getenv("DBUS_SESSION_BUS_ADDRESS"))
	if err != nil {
		var none T
		return none, err
	}
	defer c.Close()
	return ask(c, ctx)
}

// outside is Tor as it is found now, and the accounts at rest: whether those
// of a program that runs are online nobody says.
func outside(w world) engine.Live {
	s := engine.Status{Tor: torOutside(w)}
	for _, dir := range audit.DefaultUserDirs(w.getenv) {
		accounts, _ := accountsAtRest(w, dir) // one that cannot be read is the audit's to tell
		running := len(accounts) > 0 && inUse(dir)
		for _, a := range accounts {
			if running {
				a.State = notTold(a.State)
			}
			s.Accounts = append(s.Accounts, a)
		}
	}
	return s.Live(nil)
}

// inUse says whether a libpurple program runs on a user directory, or may.
func inUse(dir string) bool {
	p, err := profile.Running(dir)
	return p != nil || err != nil
}

// notTold is the state of an account at rest whose program runs and does not
// tell: what blocks it at rest blocks it there too.
func notTold(s engine.State) engine.State {
	if s == engine.Offline {
		return engine.NotTold
	}
	return s
}

// torOutside looks for Tor as doctor does.
func torOutside(w world) engine.TorStatus {
	conf, err := config.Load(w.configFiles())
	if err != nil {
		conf = config.Default()
	}
	return torStatus(askTor(w, conf.Tor))
}

// torStatus is package tor's status as the engine has it.
func torStatus(s tor.Status) engine.TorStatus {
	out := engine.TorStatus{
		State: s.State, Isolation: s.Isolation, Progress: s.Progress, Socks: s.Socks, Version: s.Version,
		Control: s.Control.String(), Private: s.Private, Detail: s.Detail, Option: s.IsolationOption, KeepsExit: s.TrackHostExits,
	}
	if out.State == policy.TorNotAsked {
		out.State = policy.TorAbsent
	}
	return out
}

// accountsAtRest are the accounts of a user directory that are protected, or
// of which it cannot be told.
func accountsAtRest(w world, userDir string) ([]engine.AccountStatus, error) {
	dir, err := profile.Read(userDir)
	if err != nil {
		return nil, err
	}
	record, _ := profile.OpenRecord(w.stateDir(), userDir) // of a broken one all is unreadable
	var list []engine.AccountStatus
	for _, a := range dir.Accounts {
		level, d := policy.EffectiveLevel(a.Level(), record.Level(a.Account))
		if level == policy.LevelNone {
			continue
		}
		s := engine.AccountStatus{Account: a.Account, Level: level, State: engine.Offline}
		if d.Verdict != policy.Allow {
			s.State, s.Reason = engine.Blocked, d.Reason
		}
		list = append(list, s)
	}
	return list, nil
}

func (f statusFlags) show(w world, l engine.Live) error {
	switch {
	case f.format == "json" && f.watch:
		return audit.WriteJSONLine(w.out, l)
	case f.format == "json":
		return audit.WriteJSON(w.out, l)
	}
	var b strings.Builder
	if f.watch {
		fmt.Fprintf(&b, "-- %s\n", time.Now().UTC().Format(time.RFC3339))
	}
	statusText(&b, l)
	_, err := w.out.Write([]byte(b.String()))
	return err
}

func statusText(b *strings.Builder, l engine.Live) {
	t := []string{l.Tor.State}
	for _, part := range [][2]string{{"version ", l.Tor.Version}, {"SOCKS ", l.Tor.Socks}, {"control port ", l.Tor.Control}} {
		if part[1] != "" {
			t = append(t, part[0]+part[1])
		}
	}
	hanging(b, "Tor: ", strings.Join(t, ", "))
	for _, a := range l.Accounts {
		state := a.State
		if state == "" {
			state = "not known whether online"
		}
		if a.Reason != "" {
			state += " (" + a.Reason + ")"
		}
		fmt.Fprintf(b, "\n%s\n  %s, %s%s\n", audit.Printable(a.Protocol+":"+a.Name), a.Protection, audit.Printable(state), since(a))
		if a.State == string(engine.Online) {
			fmt.Fprintf(b, "  circuit %s, its own: %s\n", audit.Printable(orDash(a.Circuit)), a.OwnCircuit)
		}
		if a.Exit != "" {
			fmt.Fprintf(b, "  exit %s\n", audit.Printable(a.Exit))
		}
		if a.Onion != "" {
			fmt.Fprintf(b, "  onion %s.onion\n", audit.Printable(a.Onion))
		}
		if m := a.Messages; m != (engine.LiveMessages{}) {
			fmt.Fprintf(b, "  conversations: %d encrypted, %d plaintext, %d finished\n", m.Encrypted, m.Plaintext, m.Finished)
		}
	}
	for _, p := range l.Isolation {
		fmt.Fprintf(b, "\n%s: %s\n%*s%s\n", p.Verdict, audit.Printable(p.A), len(p.Verdict)+2, "and ", audit.Printable(p.B))
		for _, line := range audit.Wrap(p.Evidence, columns-2) {
			fmt.Fprintf(b, "  %s\n", audit.Printable(line))
		}
	}
	for _, f := range l.Findings {
		fmt.Fprintln(b)
		hanging(b, audit.Printable(f.Check)+": ", f.Message)
	}
}

func since(a engine.LiveAccount) string {
	if a.Since == "" {
		return ""
	}
	return ", since " + audit.Printable(a.Since)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newCircuitCommand(w world) *cobra.Command {
	var userDir string
	c := &cobra.Command{
		Use:   "new-circuit [--user-dir DIR] ACCOUNT",
		Short: "Have an account that is online sign on anew, on another circuit",
		Long: `Close an account's streams in the running Pidgin or Finch, and sign it on anew
with new credentials, so that Tor gives it another circuit. ACCOUNT is as for
protect.

Exit: 0 done; 1 refused (no Tor, not online); 2 wrong usage, or no such
account; 3 nobody is on the session bus.`,
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("name one account")
			}
			return newCircuit(w, userDir, args[0])
		},
	}
	c.Flags().StringVar(&userDir, "user-dir", "", "`DIR` that holds accounts.xml (default: where Pidgin has it)")
	return c
}

func newCircuit(w world, userDir, arg string) error {
	name, err := w.onBus(userDir, arg)
	if err != nil {
		return exit{code: profile.ExitCode(err), text: err.Error()}
	}
	_, err = overBus(context.Background(), w, func(c *busapi.Client, ctx context.Context) (struct{}, error) {
		return struct{}{}, c.NewCircuit(ctx, name)
	})
	if err == nil {
		fmt.Fprintf(w.out, "%s signs on anew.\n", audit.Printable(arg))
		return nil
	}
	code := busCode(err)
	fmt.Fprintf(w.err, "purple-onion: %s\n", audit.Printable(err.Error()))
	return exit{code: code}
}

// busCode is the exit code for an error of the bus.
func busCode(err error) int {
	switch busapi.KindOf(err) {
	case busapi.UnknownAccount, busapi.InvalidArgument:
		return 2
	case "":
		return 3 // nobody is there, or does not answer
	case busapi.NeedsUser, busapi.NoTor, busapi.Busy, busapi.UnknownCheck:
	}
	return 1
}

// onBus is an account's name on the bus, with its user directory.
func (w world) onBus(userDir, arg string) (string, error) {
	path, err := w.userDir(userDir)
	if err != nil {
		return "", err
	}
	dir, err := profile.Read(path)
	if err != nil {
		return "", err
	}
	if err := dir.AccountsError(); err != nil {
		return "", err
	}
	a, err := profile.Select(dir, arg)
	if err != nil {
		return "", err
	}
	return inDir(path, a)
}

func inDir(path string, a policy.Account) (string, error) {
	abs, err := absolute(path)
	if err != nil {
		return "", errors.New("cannot tell where " + path + " is")
	}
	return abs + "|" + a.String(), nil
}
