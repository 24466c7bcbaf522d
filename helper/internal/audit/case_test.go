// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

var update = flag.Bool("update", false, "write the expected files of testdata/cases anew; read them afterwards")

// A case is a folder of testdata/cases: the user directory .purple (and others
// that the case names), want.txt, want.json, and case.txt with lines of
//
//	dir NAME              audit this folder (default .purple)
//	from PATH             files of a folder elsewhere in the repository
//	env NAME=VALUE        of the environment, which is else empty
//	program NAME          a program in PATH
//	tor-port N
//	hostname NAME         default "box", which is in the hosts file
//	hosts TEXT            /etc/hosts, default "127.0.1.1 box"
//	nsswitch TEXT         the order of hosts:, default "files dns"
//	mode OCTAL FILE       default 0600, folders 0700
//	protect LEVEL ACCOUNT by package profile, as the command line does
//	replace FILE OLD NEW  after that (Go strings)
//	floor LEVEL           of the configuration; "broken": it cannot be read
//	record TEXT           what is written over purple-onion's record
//	redact, severity S, colour
//	hidden WORD...        these must not be shown
//	exit N                default 0
type goldenCase struct {
	Options
	redacted, colour bool
	least            Severity
	exit             int
	hidden           []string
}

func TestCases(t *testing.T) {
	folders, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(folders) == 0 {
		t.Fatal("no cases")
	}
	source, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	clean := map[string]bool{}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			folder := filepath.Join(source, folder)
			c := prepare(t, source, folder)
			r := Run(c.Options)
			names := map[string]bool{}
			for _, f := range r.Findings {
				names[f.Check] = true
			}
			for _, check := range Checks {
				found[check.Name] = found[check.Name] || names[check.Name]
				clean[check.Name] = clean[check.Name] || !names[check.Name] && len(r.UserDirs) > 0 && len(r.UserDirs[0].Accounts) > 0
			}
			if got := r.ExitCode("fail"); got != c.exit {
				t.Errorf("exit %d, want %d", got, c.exit)
			}
			check(t, folder, c, r)
		})
	}
	for _, c := range Checks {
		if !c.Live() && (!found[c.Name] || !clean[c.Name]) {
			t.Errorf("%s: a case finds it: %v; a case with accounts does not: %v", c.Name, found[c.Name], clean[c.Name])
		}
	}
}

func check(t *testing.T, folder string, c goldenCase, r *Report) {
	t.Helper()
	if c.redacted {
		r = r.Redacted()
	}
	var text, json bytes.Buffer
	if err := r.WriteText(&text, c.least, c.colour); err != nil {
		t.Fatal(err)
	}
	if err := r.Only(c.least).WriteJSON(&json); err != nil {
		t.Fatal(err)
	}
	record := regexp.MustCompile("accounts-[0-9a-f]{16}") // named after the temporary folder
	golden(t, filepath.Join(folder, "want.txt"), record.ReplaceAll(text.Bytes(), []byte("accounts-0123456789abcdef")))
	golden(t, filepath.Join(folder, "want.json"), record.ReplaceAll(json.Bytes(), []byte("accounts-0123456789abcdef")))
	for _, line := range strings.Split(text.String(), "\n") {
		if !c.colour && wide(line) > columns {
			t.Errorf("%d columns: %q", wide(line), line)
		}
	}
	all := text.String() + json.String()
	for _, word := range append(c.hidden, "hunter2", "anonymous", "safe", ": null") {
		if strings.Contains(strings.ToLower(all), word) {
			t.Errorf("%q is shown", word)
		}
	}
	for _, r := range all {
		if r != '\n' && !printable(r) && !(c.colour && r == '\x1b') {
			t.Errorf("%U reaches the terminal", r)
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", filepath.Base(path), got)
	}
}

// prepare copies the case to a folder of its own, makes that the working
// directory, and carries case.txt out.
func prepare(t *testing.T, source, folder string) goldenCase {
	t.Helper()
	work := t.TempDir()
	t.Chdir(work)
	c := goldenCase{least: Info}
	env := []string{}
	programs := []string{}
	hosts, nsswitch := "127.0.1.1 box", "files dns"
	c.Hostname, c.Root, c.StateDir, c.Version, c.Default = "box", filepath.Join(work, "root"), "state", "test", ".purple"
	script, err := os.ReadFile(filepath.Join(folder, "case.txt"))
	if err != nil {
		t.Fatal(err)
	}
	copyTree(t, folder, work)
	for _, line := range strings.Split(strings.TrimSpace(string(script)), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "dir":
			c.UserDirs = append(c.UserDirs, rest)
		case "from":
			copyTree(t, filepath.Join(source, rest), filepath.Join(work, ".purple"))
		case "env":
			env = append(env, rest)
		case "program":
			programs = append(programs, rest)
		case "tor-port":
			c.TorPorts = append(c.TorPorts, atoi(rest))
		case "hostname":
			c.Hostname = rest
		case "hosts":
			hosts = rest
		case "nsswitch":
			nsswitch = rest
		case "mode":
			octal, file, _ := strings.Cut(rest, " ")
			mode, err := strconv.ParseUint(octal, 8, 32)
			must(t, err)
			must(t, os.Chmod(file, fs.FileMode(mode)))
		case "mtime":
			day, file, _ := strings.Cut(rest, " ")
			at, err := time.Parse(time.DateOnly, day)
			must(t, err)
			must(t, os.Chtimes(file, at, at))
		case "protect":
			level, name, _ := strings.Cut(rest, " ")
			protect(t, c, level, name)
		case "replace":
			var file, from, to string
			if _, err := fmt.Sscanf(rest, "%s %q %q", &file, &from, &to); err != nil {
				t.Fatal(err)
			}
			replace(t, file, from, to)
		case "record":
			path, err := profile.RecordPath(c.StateDir, ".purple")
			must(t, err)
			must(t, os.MkdirAll(c.StateDir, 0o700))
			must(t, os.WriteFile(path, []byte(rest), 0o600))
		case "floor":
			c.Floor = func() (policy.Level, error) {
				if rest == "broken" {
					return policy.LevelUnknown, errors.New("/secret/path: hunter2")
				}
				return policy.ParseLevel(rest), nil
			}
		case "hidden":
			c.hidden = strings.Fields(rest)
		case "redact":
			c.redacted = true
		case "colour":
			c.colour = true
		case "severity":
			c.least = Severity(rest)
		case "exit":
			c.exit = atoi(rest)
		default:
			t.Fatalf("case.txt: %q", line)
		}
	}
	if c.UserDirs == nil {
		c.UserDirs = []string{".purple"}
	}
	must(t, os.MkdirAll("root/etc", 0o755))
	must(t, os.WriteFile("root/etc/hosts", []byte(strings.ReplaceAll(hosts, `\n`, "\n")+"\n"), 0o644))
	must(t, os.WriteFile("root/etc/nsswitch.conf", []byte("passwd: files\nhosts: "+nsswitch+"\n"), 0o644))
	c.Lookup = lookupIn(env)
	c.Program = func(name string) bool { return slices.Contains(programs, name) }
	return c
}

func protect(t *testing.T, c goldenCase, level, name string) {
	t.Helper()
	d, err := profile.Read(".purple")
	must(t, err)
	account, err := profile.Select(d, name)
	must(t, err)
	_, err = profile.Protect(profile.Options{UserDir: ".purple", StateDir: c.StateDir, Accounts: []policy.Account{account}, Level: policy.ParseLevel(level)})
	must(t, err)
}

func replace(t *testing.T, file, from, to string) {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Contains(data, []byte(from)) {
		t.Fatalf("%s has no %q:\n%s", file, from, data)
	}
	must(t, os.WriteFile(file, bytes.Replace(data, []byte(from), []byte(to), 1), 0o600))
}

// copyTree gives files 0600 and folders 0700, since git keeps no permissions.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil || strings.HasPrefix(e.Name(), "want.") || e.Name() == "case.txt" {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
