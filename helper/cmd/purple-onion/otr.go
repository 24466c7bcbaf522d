// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

type otrFlags struct{ userDir, format string }

func otrCommand(w world) *cobra.Command {
	f := &otrFlags{}
	c := &cobra.Command{
		Use:   "otr (keys|fingerprints|verify|forget)\n          [--user-dir DIR] [--format text|json]",
		Short: "OTR keys and fingerprints, in the files that pidgin-otr uses too",
		Long: `List your accounts' keys and the fingerprints that they know of buddies, and
say at rest, while no libpurple program runs, whose key a fingerprint is.

Exit: 0 done, or nothing to do; 1 refused; 2 wrong usage, or no such account;
3 could not (a program runs, a file is broken). Nothing changed unless 0.`,
		DisableFlagsInUseLine: true,
		Args:                  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Sprintf("unknown command %q", "otr "+args[0]))
			}
			return usageError("otr what? keys, fingerprints, verify or forget")
		},
	}
	c.PersistentFlags().StringVar(&f.userDir, "user-dir", "", "`DIR` that holds otr.fingerprints (default: where Pidgin has it)")
	c.PersistentFlags().StringVar(&f.format, "format", "text", "text or json")
	c.AddCommand(
		f.command("keys [--user-dir DIR] [--format text|json]", "The fingerprint of each account's own key",
			"What your buddies compare, on the phone or face to face.", 0, func([]string) error { return f.keys(w) }),
		f.command("fingerprints [--user-dir DIR] [--format text|json]", "The fingerprints that each account knows of its buddies",
			"A fingerprint that is not verified may be anyone's.", 0, func([]string) error { return f.fingerprints(w) }),
		f.command("verify [--user-dir DIR] [--format text|json]\n          ACCOUNT BUDDY FINGERPRINT", "Say that a fingerprint is the buddy's",
			`Mark a fingerprint that you compared with your buddy as verified; one that the
account does not know yet is added. ACCOUNT is as for protect. FINGERPRINT is
40 digits; case and spaces do not matter.`, 3, func(args []string) error { return f.edit(w, args, verify) }),
		f.command("forget [--user-dir DIR] [--format text|json]\n          ACCOUNT BUDDY FINGERPRINT", "Forget a fingerprint of a buddy",
			`Forget a fingerprint: should the buddy use it again, it is a new one. ACCOUNT is
as for protect. FINGERPRINT is 40 digits; case and spaces do not matter.`, 3, func(args []string) error { return f.edit(w, args, forget) }),
	)
	return c
}

func (f *otrFlags) command(use, short, long string, least int, run func([]string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf("format", f.format); err != nil {
				return err
			}
			if least == 0 && len(args) > 0 {
				return noArgs(c, args)
			}
			if len(args) < least {
				return usageError("name an account, a buddy and a fingerprint")
			}
			return run(args)
		},
	}
}

// answer prints what a command found or did, in JSON whether or not it failed.
func (f *otrFlags) answer(w world, json any, text func(), err error) error {
	if f.format == "json" {
		if err := audit.WriteJSON(w.out, json); err != nil {
			return exit{code: 3, text: err.Error()}
		}
	} else if err == nil {
		text()
	}
	var said exit
	if errors.As(err, &said) {
		return said
	}
	if err != nil {
		fmt.Fprintf(w.err, "purple-onion: %s\n", audit.Printable(err.Error()))
	}
	return codeOnly(profile.ExitCode(err))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// open gives the user directory, and what is in it.
func (f *otrFlags) open(w world) (*profile.Dir, *otr.Store, error) {
	path, err := w.userDir(f.userDir)
	if err != nil {
		return nil, nil, err
	}
	dir, err := profile.Read(path)
	return dir, otr.OpenStore(path), err
}

type keysJSON struct {
	Schema int       `json:"schema"`
	Keys   []keyJSON `json:"keys"`
	Error  string    `json:"error"`
}

type keyJSON struct {
	Account     string `json:"account"`
	Fingerprint string `json:"fingerprint"`
}

func (f *otrFlags) keys(w world) error {
	_, store, err := f.open(w)
	var list []otr.KeyEntry
	if err == nil {
		list, err = store.Keys()
	}
	out := keysJSON{1, []keyJSON{}, errorText(err)}
	for _, e := range list {
		out.Keys = append(out.Keys, keyJSON{e.Account.String(), e.Fingerprint.String()})
	}
	return f.answer(w, out, func() {
		for _, e := range list {
			fmt.Fprintf(w.out, "%s\n    %s\n", audit.Printable(e.Account.String()), grouped(e.Fingerprint))
		}
		if len(list) == 0 {
			fmt.Fprintln(w.err, "No account has a key. One is made before the first private conversation.")
		}
	}, err)
}

type fingerprintsJSON struct {
	Schema       int         `json:"schema"`
	Fingerprints []knownJSON `json:"fingerprints"`
	Error        string      `json:"error"`
}

type knownJSON struct {
	Account     string `json:"account"`
	Buddy       string `json:"buddy"`
	Fingerprint string `json:"fingerprint"`
	Trust       string `json:"trust"`
}

func knownOf(k otr.Known) knownJSON {
	return knownJSON{k.Account.String(), k.Buddy, k.Fingerprint.String(), trustWord(k.Trust)}
}

func trustWord(t otr.Trust) string {
	if t == otr.Unverified {
		return "unverified"
	}
	return string(t)
}

func (f *otrFlags) fingerprints(w world) error {
	_, store, err := f.open(w)
	var list []otr.Known
	if err == nil {
		list, err = store.AllFingerprints()
	}
	out := fingerprintsJSON{1, []knownJSON{}, errorText(err)}
	for _, k := range list {
		out.Fingerprints = append(out.Fingerprints, knownOf(k))
	}
	return f.answer(w, out, func() { showKnown(w, list) }, err)
}

func showKnown(w world, list []otr.Known) {
	for _, k := range list {
		fmt.Fprintf(w.out, "%s\n    %s\n", audit.Printable(k.Account.String()), audit.Printable(k.Buddy))
		fmt.Fprintf(w.out, "    %s  %s\n", grouped(k.Fingerprint), trustText(k.Trust))
	}
	if len(list) == 0 {
		fmt.Fprintln(w.err, "No fingerprint is known.")
	}
}

func trustText(t otr.Trust) string {
	switch t {
	case otr.Unverified, otr.Verified:
		return trustWord(t)
	case otr.SMP:
		return "verified by SMP"
	}
	// a mark that neither pidgin-otr nor we write; what it says is in the JSON
	return "other mark"
}

// grouped is a fingerprint as people read it aloud.
func grouped(f otr.Fingerprint) string {
	var groups []string
	for text := f.String(); text != ""; text = text[8:] {
		groups = append(groups, text[:8])
	}
	return strings.Join(groups, " ")
}
