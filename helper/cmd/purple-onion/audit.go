// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/engine"
)

type auditFlags struct {
	userDirs, torPorts       []string
	format, severity, failOn string
	redact, noColour, live   bool
}

func auditCommand(w world) *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit [--live] [--user-dir DIR]... [--format text|json] [flags]",
		Short: "Say what would not go over Tor, or give you away",
		Long: `Look at libpurple user directories, and at the environment and machine that
Pidgin would run with. Nothing is written and nothing connected to, unless
--live also asks the Tor that runs: by the helper on the session bus, or itself.

Without --user-dir: $PURPLEHOME/.purple if PURPLEHOME is set, else ~/.purple,
and Flathub's ~/.var/app/im.pidgin.Pidgin/.purple, where they exist.

Exit: 0 no finding at or above --fail-on; 1 there is one; 2 wrong usage;
3 something could not be looked at.`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE:                  func(*cobra.Command, []string) error { return f.run(w) },
	}
	c.Flags().StringArrayVar(&f.userDirs, "user-dir", nil, "`DIR` that holds accounts.xml; may be repeated")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	c.Flags().StringVar(&f.severity, "severity", "info", "show findings from this on: fail, warn or info")
	c.Flags().StringVar(&f.failOn, "fail-on", "fail", "exit 1 for findings from this on: fail, warn, info or never")
	c.Flags().BoolVar(&f.live, "live", false, "ask the Tor that runs, too, whether it keeps accounts apart")
	c.Flags().BoolVar(&f.redact, "redact", false, "tags instead of names, paths and hosts")
	c.Flags().BoolVar(&f.noColour, "no-color", false, "no colour on a terminal either (as with NO_COLOR)")
	c.Flags().StringArrayVar(&f.torPorts, "tor-port", nil, "a `PORT` of this machine where Tor listens, beside 9050 and 9150; may be repeated")
	return c
}

func (f auditFlags) run(w world) error {
	o, err := f.options(w)
	if err != nil {
		return err
	}
	if len(o.UserDirs) == 0 {
		fmt.Fprintln(w.err, "purple-onion: there is no user directory in the usual places; name one with --user-dir")
	}
	report := audit.Run(o)
	if f.live {
		addLive(w, report)
	}
	code := report.ExitCode(f.failOn)
	if f.redact {
		report = report.Redacted()
	}
	if f.format == "json" {
		err = report.Only(audit.Severity(f.severity)).WriteJSON(w.out)
	} else {
		err = report.WriteText(w.out, audit.Severity(f.severity), w.colour && !f.noColour)
	}
	if err != nil {
		return exit{code: 3, text: "cannot write the report: " + err.Error()}
	}
	return codeOnly(code)
}

// addLive takes the helper's word, which knows the accounts' own streams, or
// looks itself.
func addLive(w world, report *audit.Report) {
	live, err := overBus(context.Background(), w, (*busapi.Client).Status)
	if err != nil {
		live = engine.Status{Tor: torOutside(w)}.Live(nil)
	}
	for _, f := range live.Findings {
		report.AddLive(f.Check, f.Message)
	}
}

// codeOnly is an exit that has said all.
func codeOnly(code int) error {
	if code == 0 {
		return nil
	}
	return exit{code: code}
}

func (f auditFlags) options(w world) (audit.Options, error) {
	o := audit.Options{
		Version: version, Default: audit.HomeUserDir(w.getenv), StateDir: w.stateDir(),
		Lookup: w.lookup, Program: w.program, Hostname: w.hostname, Root: w.root, Floor: w.floor,
	}
	for _, err := range []error{
		oneOf("format", f.format),
		oneOf("severity", f.severity),
		oneOf("fail-on", f.failOn),
	} {
		if err != nil {
			return o, err
		}
	}
	for _, text := range f.torPorts {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return o, usageError(fmt.Sprintf("--tor-port is a number from 1 to 65535, not %q", text))
		}
		o.TorPorts = append(o.TorPorts, int(port))
	}
	var err error
	o.UserDirs, err = named(f.userDirs)
	if f.userDirs == nil {
		o.UserDirs = audit.DefaultUserDirs(w.getenv)
	}
	return o, err
}

// named gives each directory once.
func named(dirs []string) ([]string, error) {
	var list []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		if dir == "" {
			return nil, usageError("--user-dir is empty")
		}
		if clean := filepath.Clean(dir); !seen[clean] {
			seen[clean] = true
			list = append(list, dir)
		}
	}
	return list, nil
}
