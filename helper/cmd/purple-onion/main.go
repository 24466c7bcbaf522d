// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/cell"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// version is set by the linker.
var version = "dev"

// world is all of the system that the commands use beside the files that they
// are told to.
type world struct {
	out, err io.Writer
	in       io.Reader
	terminal bool // is somebody there who can answer?
	getenv   func(string) string
	lookup   func(string) (string, bool)
	program  func(string) bool // is there such a program in PATH?
	hostname string            // empty where it cannot be found out
	root     string            // where /etc is
	admin    int               // the user whose policy.toml must be: root
	colour   bool              // is stdout a terminal that takes colour?
}

func main() {
	if code, isStage := cell.Stage(os.Args); isStage {
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:], system()))
}

func system() world {
	hostname, _ := os.Hostname()
	return world{
		out: os.Stdout, err: os.Stderr, in: os.Stdin, terminal: atTerminal(), getenv: os.Getenv, lookup: os.LookupEnv,
		program: inPath, hostname: hostname, root: "/", colour: takesColour(),
	}
}

// inPath finds programs as glib does, in the current folder too.
func inPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil || errors.Is(err, exec.ErrDot)
}

func takesColour() bool {
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// stateDir is where purple-onion keeps its record.
func (w world) stateDir() string {
	return config.Folder(w.getenv, "XDG_STATE_HOME", ".local/state")
}

// configFiles is where the configuration stands.
func (w world) configFiles() config.Files {
	return config.Files{User: config.File(w.getenv), Policy: filepath.Join(w.root, config.PolicyPath), PolicyOwner: w.admin}
}

// floor is the level that no account may be below on this computer.
func (w world) floor() (policy.Level, error) {
	c, err := config.Load(w.configFiles())
	return c.Floor, err
}

// maySet says whether an account may be given a level.
func (w world) maySet(level policy.Level) error {
	floor, err := w.floor()
	if err != nil {
		return err
	}
	if d := policy.MaySet(level, floor); d.Verdict != policy.Allow {
		return refusal{d.Reason}
	}
	return nil
}

// refusal is the policy's no.
type refusal struct{ reason policy.Reason }

func (r refusal) Error() string { return r.reason.Text() }

// userDir is the user directory that a command works on: the one that was
// named, or the first that is there.
func (w world) userDir(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	dirs := audit.DefaultUserDirs(w.getenv)
	if len(dirs) == 0 {
		return "", errors.New("cannot find a user directory; name one with --user-dir")
	}
	return dirs[0], nil
}

// usage is what follows a command's text in its help, in lines of 80 columns.
const usage = `Usage:
  {{.UseLine}}
{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Flags of all its commands:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableSubCommands}}
More: {{.CommandPath}} COMMAND --help
{{end}}`

// commands is the whole command line, in the order in which it is shown.
func commands(w world) *cobra.Command {
	root := &cobra.Command{
		Use:     "purple-onion COMMAND",
		Short:   "Pidgin and other libpurple programs over Tor, and nothing else",
		Version: version,
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Sprintf("unknown command %q", args[0]))
			}
			return usageError("no command")
		},
		SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("purple-onion {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err.Error()) })
	root.AddCommand(auditCommand(w), statusCommand(w), newCircuitCommand(w), daemonCommand(w), explainCommand(w), protectCommand(w), releaseCommand(w), otrCommand(w), doctorCommand(w), runCommand(w), completionCommand(w, root))
	root.SetUsageTemplate(usage)
	root.SetHelpCommand(helpCommand(w, root))
	completeValues(root)
	root.SetOut(w.out)
	root.SetErr(w.err)
	cobra.EnableCommandSorting = false
	return root
}

// exit is an error that comes with an exit code, and, for a wrong command
// line, is followed by the usage.
type exit struct {
	code  int
	text  string // empty: all was said
	usage bool   // a wrong command line where 2 is not the code for it
}

func (e exit) Error() string { return e.text }

func usageError(text string) error { return exit{code: 2, text: text} }

func run(args []string, w world) int {
	root := commands(w)
	root.SetArgs(commandFirst(root, args))
	command, err := root.ExecuteC()
	var e exit
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &e):
		e = exit{code: 2, text: err.Error()} // cobra's own: too many arguments
	}
	if e.text != "" {
		fmt.Fprintf(w.err, "purple-onion: %s\n", audit.Printable(strings.TrimSpace(e.text)))
	}
	if (e.code == 2 || e.usage) && e.text != "" {
		fmt.Fprintf(w.err, "Usage: %s\nMore: %s --help\n", command.UseLine(), command.CommandPath())
	}
	return e.code
}

// commandFirst puts the command before flags that stand in front of it; cobra
// would take the command for the value of a flag that it has not met yet.
func commandFirst(root *cobra.Command, args []string) []string {
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "--")
		if !isFlag || name == "" {
			return append(append([]string{args[i]}, args[:i]...), args[i+1:]...)
		}
		for _, c := range root.Commands() {
			if f := c.Flags().Lookup(name); f != nil && f.NoOptDefVal == "" {
				i++ // its value
				break
			}
		}
	}
	return args
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Sprintf("unknown argument %q", args[0]))
	}
	return nil
}

// values are what the flags of that name take.
var values = map[string][]string{
	"format":   {"text", "json"},
	"severity": {"fail", "warn", "info"},
	"fail-on":  {"fail", "warn", "info", "never"},
	"level":    {"tor", "secret", "none"},
	"display":  {"auto", "x11", "wayland", "none"},
	"home":     {"shared", "empty"},

	"session-bus": {"private", "filtered", "none"},
}

func oneOf(flag, value string) error {
	if slices.Contains(values[flag], value) {
		return nil
	}
	return usageError(fmt.Sprintf("--%s is one of %s, not %q", flag, strings.Join(values[flag], ", "), value))
}
