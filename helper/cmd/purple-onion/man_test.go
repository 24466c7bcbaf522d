// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/config"
)

const manPage = "../../../packaging/man/purple-onion.1"

// With -update the texts of checks and keys are written into the page; what
// commands and flags do is written by hand.
var update = flag.Bool("update", false, "write checks and keys into the man page")

// toUpdate is said beside what is wrong; it helps checks and keys alone.
const toUpdate = "\n(go test ./helper/cmd/purple-onion -run ManPage -update writes checks and keys)"

// entries are the items of a list in the man page: their text by their name.
type entries map[string]string

func manSource(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var anyHeading = regexp.MustCompile(`(?m)^\.S[hs] `)

// section gives the lines of a section, or (".Ss") a part of one.
func section(t *testing.T, page, heading string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("the man page has no %s", heading)
	}
	return strings.Split(anyHeading.Split(rest, 2)[0], "\n")
}

// rewrite puts a list of items where a section has one now.
func rewrite(t *testing.T, heading string, items []string) {
	t.Helper()
	page := manSource(t)
	start := strings.Index(page, "\n"+heading+"\n") + 1
	from := start + strings.Index(page[start:], ".Bl -tag -width Ds\n") + len(".Bl -tag -width Ds\n")
	to := from + strings.Index(page[from:], ".El\n")
	page = page[:from] + strings.Join(items, "") + page[to:]
	if err := os.WriteFile(manPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// prose is text as mdoc wants it: a sentence starts a line.
func prose(text string) string {
	text = regexp.MustCompile(`\. ([A-Z])`).ReplaceAllString(strings.ReplaceAll(text, `\`, `\e`), ".\n$1")
	var b strings.Builder
	for _, sentence := range strings.Split(text, "\n") {
		b.WriteString(strings.Join(audit.Wrap(sentence, 78), "\n") + "\n")
	}
	return b.String()
}

// items reads the items whose line matches; its first group is the name. Text
// runs to the next such item, on one line.
func items(t *testing.T, lines []string, item string) entries {
	t.Helper()
	found, name, pattern := entries{}, "", regexp.MustCompile(item)
	for _, line := range lines {
		if m := pattern.FindStringSubmatch(line); m != nil {
			name = m[1]
			if _, twice := found[name]; twice {
				t.Errorf("%s stands twice", name)
			}
			found[name] = strings.Join(m[2:], " ")
		} else if name != "" && !strings.HasPrefix(line, ".") {
			found[name] += " " + strings.ReplaceAll(line, `\e`, `\`)
		}
	}
	return found
}

// same holds what the page has against what the program has.
func same(t *testing.T, what string, page, program []string) {
	t.Helper()
	for _, name := range program {
		if !slices.Contains(page, name) {
			t.Errorf("the man page lacks %s %s%s", what, name, toUpdate)
		}
	}
	for _, name := range page {
		if !slices.Contains(program, name) {
			t.Errorf("the man page has %s %s, which the program has not", what, name)
		}
	}
	if len(program) == 0 {
		t.Errorf("the program has no %s: the test shows nothing", what)
	}
}

func names(e entries) []string {
	var list []string
	for name := range e {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

// every gives the commands and their flags as the person types them, "otr
// keys" and "audit --format".
func every(c *cobra.Command, path string) (commands, flags []string) {
	for _, sub := range c.Commands() {
		name := strings.TrimSpace(path + " " + sub.Name())
		commands = append(commands, name)
		sub.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" { // said once for all
				flags = append(flags, name+" --"+f.Name)
			}
		})
		moreCommands, moreFlags := every(sub, name)
		commands, flags = append(commands, moreCommands...), append(flags, moreFlags...)
	}
	return commands, flags
}

// everything is the command line with what cobra adds as it runs.
func everything() *cobra.Command {
	w := system()
	w.out, w.err = io.Discard, io.Discard
	root := commands(w)
	root.InitDefaultHelpCmd()
	return root
}

func TestManPageHasEveryCommandAndFlag(t *testing.T) {
	command := regexp.MustCompile(`^\.It Cm ([a-z-]+(?: [a-z-]+)?)( |$)`)
	flag := regexp.MustCompile(`^\.It Fl -([a-z-]+)`)
	var commands, flags []string
	depth := 0
	for _, line := range section(t, manSource(t), ".Ss Commands") {
		switch {
		case strings.HasPrefix(line, ".Bl"):
			depth++
		case strings.HasPrefix(line, ".El"):
			depth--
		case depth == 1 && command.MatchString(line):
			commands = append(commands, command.FindStringSubmatch(line)[1])
		case depth == 2 && flag.MatchString(line):
			flags = append(flags, commands[len(commands)-1]+" --"+flag.FindStringSubmatch(line)[1])
		}
	}
	programCommands, programFlags := every(everything(), "")
	same(t, "command", commands, programCommands)
	same(t, "flag", flags, programFlags)
}

// The words that a flag takes stand beside it.
func TestManPageHasEveryValue(t *testing.T) {
	page := strings.Join(section(t, manSource(t), ".Ss Commands"), "\n")
	for flag, allowed := range values {
		if item := ".It Fl -" + flag + " Cm " + strings.Join(allowed, " | ") + "\n"; !strings.Contains(page, item) {
			t.Errorf("the man page lacks %q", item)
		}
	}
}

func TestManPageHasEveryCheck(t *testing.T) {
	const heading = ".Sh CHECKS OF THE AUDIT"
	var program, text []string
	for _, c := range audit.Checks {
		text = append(text, fmt.Sprintf(".It Cm %s Pq %s\n%s", c.Name, c.Severity, prose(c.Why)))
	}
	if *update {
		rewrite(t, heading, text)
	}
	page := items(t, section(t, manSource(t), heading), `^\.It Cm (\S+) Pq (\S+)$`)
	for _, c := range audit.Checks {
		program = append(program, c.Name)
		if want := string(c.Severity) + " " + c.Why; page[c.Name] != "" && strings.TrimSpace(page[c.Name]) != want {
			t.Errorf("%s: the man page says\n%s\nthe program\n%s%s", c.Name, page[c.Name], want, toUpdate)
		}
	}
	same(t, "check", names(page), program)
}

func TestManPageHasEveryKey(t *testing.T) {
	const heading = ".Sh CONFIGURATION"
	var program, text []string
	wants := map[string]string{}
	for _, k := range config.Keys {
		want := strings.ToUpper(k.Type[:1]) + k.Type[1:]
		if k.Default != "" {
			want += ", default " + k.Default
		}
		wants[k.Name] = want + ". " + k.Meaning
		text = append(text, ".It Va "+k.Name+"\n"+prose(wants[k.Name]))
	}
	if *update {
		rewrite(t, heading, text)
	}
	page := items(t, section(t, manSource(t), heading), `^\.It Va (\S+)$`)
	for _, k := range config.Keys {
		program = append(program, k.Name)
		want := wants[k.Name]
		if got := strings.TrimSpace(page[k.Name]); got != "" && got != want {
			t.Errorf("%s: the man page says\n%s\nthe program\n%s%s", k.Name, got, want, toUpdate)
		}
	}
	same(t, "key", names(page), program)
}

// exitCodes gives the codes that this package's sources name, and those that
// the help texts do.
func exitCodes(t *testing.T) []string {
	t.Helper()
	codes := map[string]bool{"0": true}
	packages, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		ast.Inspect(p, func(n ast.Node) bool {
			if code, ok := namedCode(n); ok {
				codes[code] = true
			}
			return true
		})
	}
	number := regexp.MustCompile(`(?:Exit:|;)\s([0-9]+) `)
	for _, c := range everything().Commands() {
		for _, m := range number.FindAllStringSubmatch(c.Long, -1) {
			codes[m[1]] = true
		}
	}
	var list []string
	for code := range codes {
		list = append(list, code)
	}
	return list
}

// namedCode is the number of exit{N, ...}, exit{code: N} and codeOnly(N).
func namedCode(n ast.Node) (string, bool) {
	var first ast.Expr
	switch n := n.(type) {
	case *ast.CompositeLit:
		if id, ok := n.Type.(*ast.Ident); ok && id.Name == "exit" && len(n.Elts) > 0 {
			first = n.Elts[0]
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "codeOnly" && len(n.Args) == 1 {
			first = n.Args[0]
		}
	}
	if pair, ok := first.(*ast.KeyValueExpr); ok {
		first = pair.Value
	}
	literal, ok := first.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	_, err := strconv.Atoi(literal.Value)
	return literal.Value, err == nil
}

func TestManPageHasEveryExitCode(t *testing.T) {
	page := items(t, section(t, manSource(t), ".Sh EXIT STATUS"), `^\.It ([0-9]+)$`)
	same(t, "exit code", names(page), exitCodes(t))
}

// mandoc reads it without a complaint; of other pages that are not there it
// cannot know on every machine.
func TestManPageIsMdoc(t *testing.T) {
	out, err := exec.Command("mandoc", "-T", "lint", "-W", "style", manPage).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	broken := exec.Command("mandoc", "-T", "lint", "-W", "style")
	broken.Stdin = strings.NewReader(strings.Replace(manSource(t), ".El\n", "", 1))
	if broken.Run() == nil {
		t.Error("mandoc complains of nothing: the test shows nothing")
	}
}
