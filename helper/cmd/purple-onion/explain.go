// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/config"
)

const columns = 80

func explainCommand(w world) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CHECK]",
		Short: "Explain a check of the audit, or list them all",

		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(fmt.Sprintf("unknown argument %q", args[1]))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				listChecks(w)
				return nil
			}
			text, ok := audit.Explain(args[0])
			if !ok {
				return usageError(fmt.Sprintf("unknown check %q; purple-onion explain lists them", args[0]))
			}
			_, err := io.WriteString(w.out, text)
			return err
		},
	}
}

func listChecks(w world) {
	for _, c := range audit.Checks {
		fmt.Fprintf(w.out, "%s  %s\n", c.Severity, c.Name)
		w.indented("      ", c.Why)
	}
}

func (w world) indented(indent, text string) {
	for _, line := range audit.Wrap(text, columns-len(indent)) {
		fmt.Fprintln(w.out, indent+line)
	}
}

// hanging is a paragraph behind a label. One with a word that does not fit, a
// path, stays in one line, to be copied.
func hanging(out io.Writer, label, text string) {
	text = audit.Printable(text)
	lines, width := []string{text}, columns-len(label)
	if !slices.ContainsFunc(strings.Fields(text), func(word string) bool { return len(word) > width }) {
		lines = audit.Wrap(text, width)
	}
	for i, line := range lines {
		if i > 0 {
			label = strings.Repeat(" ", len(label))
		}
		fmt.Fprintln(out, label+line)
	}
}

// helpCommand shows the help of a command, and the table of configuration keys.
func helpCommand(w world, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|config]",
		Short: "Help for a command; help config: every key of config.toml",

		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			topics := []string{"config"}
			for _, c := range root.Commands() {
				topics = append(topics, c.Name())
			}
			return topics, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "config" {
				helpConfig(w)
				return nil
			}
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 || c == root && len(args) > 0 {
				return usageError(fmt.Sprintf("no help for %q", strings.Join(args, " ")))
			}
			return c.Help()
		},
	}
}

func helpConfig(w world) {
	path := config.File(w.getenv)
	if path == "" {
		path = "purple-onion/config.toml in $XDG_CONFIG_HOME"
	}
	fmt.Fprintf(w.out, "Configuration file: %s\n", audit.Printable(path))
	w.indented("", "It is TOML. A missing file means the defaults; a key that is not below, or a value that is not allowed, is an error.")
	files := w.configFiles()
	p, found, err := config.LoadPolicy(files)
	says := "there is none"
	switch {
	case err != nil:
		says = err.Error()
	case found:
		says = p.String()
	}
	fmt.Fprintf(w.out, "\nThe administrator's policy: %s\n", audit.Printable(files.Policy))
	w.indented("", "It may have the keys "+strings.Join(config.PolicyKeys(), ", ")+". What is stricter there counts; it makes nothing weaker. File and folder belong to root, and nobody else may write to them; one that is broken blocks all accounts.")
	w.indented("", "Here: "+audit.Printable(says))
	for _, k := range config.Keys {
		fmt.Fprintf(w.out, "\n%s\n", k.Name)
		line := k.Type
		if k.Default != "" {
			line += ", default " + k.Default
		}
		w.indented("    ", line)
		w.indented("    ", k.Meaning)
	}
}
