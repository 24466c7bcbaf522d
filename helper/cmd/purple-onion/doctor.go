// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
	"purpleonion.org/purple-onion/helper/internal/tor"
)

// torPatience bounds the wait for an answer about Tor.
const torPatience = 10 * time.Second

func doctorCommand(w world) *cobra.Command {
	var userDir string
	c := &cobra.Command{
		Use:   "doctor [--user-dir DIR]",
		Short: "Look whether plugin, helper and Tor are there; say the next step",
		Long: `Look for the plugin, its helper, whether Pidgin or Finch loads it, the
configuration, and Tor on this machine. Exit: 0 all is there; 1 something is
missing, and the last line says what to do.`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if userDir == "" {
				userDir = audit.HomeUserDir(w.getenv)
			}
			return doctor(w, userDir)
		},
	}
	c.Flags().StringVar(&userDir, "user-dir", "", "`DIR` that holds accounts.xml (default: where Pidgin has it)")
	return c
}

// symptom is one line of the doctor's. next is empty where nothing is amiss.
type symptom struct{ what, text, next string }

func doctor(w world, userDir string) error {
	shims := plugins(w, userDir)
	conf, confErr := config.Load(config.Files{User: config.File(w.getenv)})
	symptoms := []symptom{lookAtPlugin(shims), lookAtHelper(shims), lookAtEnabled(w, userDir, shims), lookAtConfig(confErr), lookAtPolicy(w.configFiles())}
	if confErr == nil {
		symptoms = append(symptoms, lookAtTor(w, conf.Tor))
	}
	next := ""
	for _, s := range symptoms {
		mark := "ok"
		if s.next != "" {
			mark = "missing"
			if next == "" {
				next = s.next
			}
		}
		// not wrapped: a path is there to be copied
		fmt.Fprintf(w.out, "%-7s  %-7s  %s\n", mark, s.what, audit.Printable(s.text))
	}
	if next == "" {
		fmt.Fprintln(w.out, "Next: purple-onion audit")
		return nil
	}
	hanging(w.out, "Next: ", next)
	return codeOnly(1)
}

func lookAtPlugin(shims []plugin) symptom {
	if len(shims) == 0 {
		return symptom{"plugin", "purple-onion.so is in no plugin folder", "install it: make install-user in purple-onion's source, or your distribution's package"}
	}
	s := shims[0]
	if s.marker.abi == "" {
		return symptom{"plugin", s.path + " is not purple-onion's", "remove " + s.path + " and install purple-onion anew"}
	}
	if s.marker.abi != ourABI {
		return symptom{"plugin", fmt.Sprintf("%s is version %s (ABI %s); this program has ABI %s", s.path, s.marker.version, s.marker.abi, ourABI), "install plugin and purple-onion of one version"}
	}
	return symptom{"plugin", fmt.Sprintf("%s, version %s", s.path, s.marker.version), ""}
}

func lookAtHelper(shims []plugin) symptom {
	if len(shims) == 0 {
		return symptom{"helper", "not looked for: it lies beside the plugin", "install purple-onion"}
	}
	h, err := shims[0].helper()
	install := "install plugin and helper of one version: make install-user"
	switch {
	case errors.Is(err, os.ErrNotExist):
		return symptom{"helper", h.path + " does not exist", install}
	case err != nil:
		return symptom{"helper", h.path + ": " + err.Error(), install}
	case h.marker.abi != shims[0].marker.abi:
		return symptom{"helper", fmt.Sprintf("%s has ABI %s, the plugin %s", h.path, h.marker.abi, shims[0].marker.abi), install}
	}
	return symptom{"helper", fmt.Sprintf("%s, version %s", h.path, h.marker.version), ""}
}

func lookAtEnabled(w world, userDir string, shims []plugin) symptom {
	enable := "protect an account (purple-onion protect ACCOUNT), or in Pidgin: Tools, Plugins, tick purple-onion"
	dir, err := profile.Read(userDir)
	if errors.Is(err, os.ErrNotExist) {
		return symptom{"enabled", "there is no user directory " + userDir + " yet", "start Pidgin once, then " + enable}
	}
	if err != nil {
		return symptom{"enabled", err.Error(), "name another user directory with --user-dir"}
	}
	in := enabledIn(dir.Prefs, shims)
	if len(in) == 0 {
		return symptom{"enabled", "neither Pidgin nor Finch loads the plugin", enable}
	}
	return symptom{"enabled", "loaded by " + strings.Join(in, " and "), ""}
}

func lookAtConfig(err error) symptom {
	if err != nil {
		return symptom{"config", err.Error(), "correct the configuration; purple-onion help config shows every key"}
	}
	return symptom{"config", "no errors", ""}
}

func lookAtPolicy(files config.Files) symptom {
	p, found, err := config.LoadPolicy(files)
	switch {
	case err != nil:
		return symptom{"policy", err.Error(), "have the administrator correct " + files.Policy}
	case !found:
		return symptom{"policy", "there is no " + files.Policy, ""}
	}
	return symptom{"policy", files.Policy + ": " + p.String(), ""}
}

// lookAtTor asks what runs; it starts nothing.
func lookAtTor(w world, c config.Tor) symptom {
	status := askTor(w, c)
	switch status.State {
	case policy.TorReady:
		text := "Tor " + status.Version + " at " + status.Socks
		if status.Version == "" {
			text = "Tor at " + status.Socks
		}
		if status.Isolation == policy.IsolationOff {
			return symptom{"tor", text + "; its stream isolation is off", "take NoIsolateSOCKSAuth and PreferSOCKSNoAuth out of torrc"}
		}
		return symptom{"tor", text + "; stream isolation " + status.Isolation.String(), ""}
	case policy.TorStarting:
		return symptom{"tor", fmt.Sprintf("Tor at %s is starting: %s", status.Socks, status.Summary), "wait, then purple-onion doctor"}
	case policy.TorNotTor:
		return symptom{"tor", "what listens is not Tor, or not to be trusted: " + status.Detail, "stop what listens on Tor's port, and start Tor"}
	case policy.TorAbsent, policy.TorDead, policy.TorNotAsked:
	}
	if program := torProgram(c); program != "" && c.Mode != tor.ModeSystem && c.Socks == "" {
		return symptom{"tor", "none runs; the plugin starts " + program, ""}
	}
	text := "no Tor runs"
	if status.Detail != "" {
		text += ": " + status.Detail
	}
	return symptom{"tor", text, "start Tor Browser, or install tor (Debian: sudo apt install tor)"}
}

// askTor waits for the first status that says something.
func askTor(w world, c config.Tor) tor.Status {
	if c.Mode == tor.ModePrivate {
		return tor.Status{}
	}
	told := make(chan tor.Status, 64)
	client := tor.Start(tor.Settings{
		Mode: tor.ModeSystem, Socks: c.Socks, Control: c.Control, ControlPassword: c.ControlPassword, Getenv: w.getenv,
	}, func(s tor.Status) {
		select {
		case told <- s:
		default:
		}
	})
	defer client.Close()
	deadline := time.NewTimer(torPatience)
	defer deadline.Stop()
	for {
		select {
		case s := <-told:
			if s.State != policy.TorNotAsked {
				return s
			}
		case <-deadline.C:
			return client.Status()
		}
	}
}

func torProgram(c config.Tor) string {
	name := c.Program
	if name == "" {
		name = "tor"
	}
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/bin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}
