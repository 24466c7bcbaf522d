// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"purpleonion.org/purple-onion/helper/internal/audit"
)

// completionCommand prints what a shell needs to complete purple-onion's
// command line; packages install its output.
func completionCommand(w world, root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion of this command line for a shell",
		Long: `Print a script that lets a shell complete purple-onion's command line. Packages
install it. Otherwise, for bash: source <(purple-onion completion bash)`,
		DisableFlagsInUseLine: true,
		ValidArgs:             []string{"bash", "zsh", "fish"},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("name one shell: bash, zsh or fish")
			}
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w.out, true)
			case "zsh":
				return root.GenZshCompletion(w.out)
			case "fish":
				return root.GenFishCompletion(w.out, true)
			}
			return usageError("no completion for " + args[0] + "; there are bash, zsh and fish")
		},
	}
}

// completeValues tells the completion which values there are: of flags, and of
// arguments, which are files where they are another program's alone.
func completeValues(root *cobra.Command) {
	for _, c := range root.Commands() {
		completeValues(c)
	}
	complete := func(f *pflag.Flag) { // only a flag that is not there would fail
		if v, ok := values[f.Name]; ok {
			root.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(v, cobra.ShellCompDirectiveNoFileComp))
		}
		if f.Name == "user-dir" {
			root.MarkFlagDirname(f.Name)
		}
	}
	root.LocalFlags().VisitAll(complete)
	if root.Name() == "explain" {
		for _, c := range audit.Checks {
			root.ValidArgs = append(root.ValidArgs, c.Name+"\t"+c.Why)
		}
	}
	if len(root.ValidArgs) == 0 && root.Name() != "run" {
		root.ValidArgsFunction = cobra.NoFileCompletions
	}
}
