// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"purpleonion.org/purple-onion/helper/internal/cell"
	"purpleonion.org/purple-onion/helper/internal/engine"
)

// removeLater are folders of the whole run.
var removeLater []string

type cleaning struct{ *testing.M }

func (c cleaning) Run() int {
	defer func() {
		for _, dir := range removeLater {
			_ = os.RemoveAll(dir)
		}
	}()
	return c.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(cleaning{m}, map[string]func(){
		"purple-onion": func() {
			if code, isStage := cell.Stage(os.Args); isStage {
				os.Exit(code)
			}
			os.Exit(run(os.Args[1:], scripted()))
		},
	})
}

// scripted is a machine whose /etc and name the script makes.
func scripted() world {
	w := system()
	w.admin = os.Geteuid() // nobody else's file can be made here
	w.root, w.hostname = filepath.Join(os.Getenv("WORK"), "root"), "box"
	return w
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "HOME="+filepath.Join(e.WorkDir, "home"), "XDG_CONFIG_HOME=", "XDG_STATE_HOME=", "PURPLEHOME=", "NO_COLOR=", "WORK="+e.WorkDir)
			etc := filepath.Join(e.WorkDir, "root/etc")
			if err := os.MkdirAll(etc, 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(etc, "hosts"), []byte("127.0.1.1 box\n"), 0o644); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(etc, "nsswitch.conf"), []byte("hosts: files dns\n"), 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"private": private,
			"status":  status,
		},
		RequireExplicitExec: true,
	})
}

// private makes the files of a folder 0600, as libpurple does.
func private(ts *testscript.TestScript, _ bool, args []string) {
	for _, dir := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(dir), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			return os.Chmod(path, 0o600)
		}))
	}
}

// status N COMMAND... runs it and holds its exit code against N.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		got = strings.TrimPrefix(failed.String(), "exit status ")
	case err != nil:
		got = "not run: " + err.Error()
	}
	if got != args[0] {
		ts.Fatalf("exit %s, want %s", got, args[0])
	}
}

// The real program opens no socket and no file for writing: not the audit, not
// Go's runtime below it. The control arms, doctor and protect, do, so strace
// would have shown it.
func TestAuditOnlyReads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("strace is Linux's")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "purple-onion")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	home := filepath.Join(dir, "home")
	if err := os.CopyFS(filepath.Join(home, ".purple"), os.DirFS("../../internal/profile/testdata/sample")); err != nil {
		t.Fatal(err)
	}
	trace := func(args ...string) string {
		log := filepath.Join(dir, "strace."+args[0])
		cmd := exec.Command("strace", append([]string{"-f", "-qq", "-o", log, binary}, args...)...)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		if err != nil && (!errors.As(err, &failed) || failed.ExitCode() != 1) {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if bad := intrusive(trace("audit", "--format", "json")); len(bad) > 0 {
		t.Errorf("the audit did\n%s", strings.Join(bad, "\n"))
	}
	if bad := strings.Join(intrusive(trace("doctor")), "\n"); !strings.Contains(bad, "socket(") {
		t.Error("strace shows nothing of doctor's sockets: the test shows nothing")
	}
	if bad := strings.Join(intrusive(trace("protect", "none@xmpp.example")), "\n"); !strings.Contains(bad, "O_CREAT") || !strings.Contains(bad, "rename") {
		t.Error("strace shows nothing of what protect writes: the test shows nothing")
	}
}

// intrusive gives the calls that reach the network, change a file, or start
// a program.
func intrusive(log string) []string {
	var bad []string
	for i, line := range strings.Split(log, "\n") {
		_, call, _ := strings.Cut(line, " ") // after the process
		call = strings.TrimSpace(call)
		name, arguments, isCall := strings.Cut(call, "(")
		if !isCall {
			continue
		}
		switch name {
		case "socket", "connect", "bind", "sendto", "sendmsg", "listen", "socketpair", "creat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
			"rmdir", "link", "linkat", "symlink", "symlinkat", "truncate", "ftruncate", "chmod", "fchmod", "fchmodat", "chown", "fchown", "utimensat", "fork", "vfork":
			bad = append(bad, line)
		case "execve":
			if i > 0 {
				bad = append(bad, line)
			}
		case "open", "openat":
			for _, flag := range []string{"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"} {
				if strings.Contains(arguments, flag) {
					bad = append(bad, line)
					break
				}
			}
		}
	}
	return bad
}

// What a person reads fits a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	var out bytes.Buffer
	w := world{out: &out, err: &out, root: "/nowhere", getenv: func(string) string { return "" }}
	var check func(c *cobra.Command, path []string)
	check = func(c *cobra.Command, path []string) {
		out.Reset()
		if code := run(append(path, "--help"), w); code != 0 {
			t.Errorf("%v --help: exit %d", path, code)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%v --help: %d columns: %s", path, n, line)
			}
		}
		for _, sub := range c.Commands() {
			check(sub, append(slices.Clone(path), sub.Name()))
		}
	}
	check(commands(w), nil)
	for _, words := range [][]string{{"status"}, {"doctor"}, {"help", "config"}, {"explain"}} {
		out.Reset()
		run(words, w)
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("%v: %d columns: %s", words, n, line)
			}
		}
	}
}

// The text of status, as it is read.
func TestStatusText(t *testing.T) {
	live := engine.Live{
		Tor: engine.LiveTor{State: "ready", Version: "0.4.8.16", Socks: "unix:/home/wren/.local/state/purple-onion/tor/socks", Control: "open"},
		Accounts: []engine.LiveAccount{
			{Protocol: "prpl-jabber", Name: "wren47@xmpp.example/", Protection: "secret", State: "online", Circuit: "12", OwnCircuit: "proven", Exit: strings.Repeat("A", 40), Since: "2026-11-25T21:00:00Z", Messages: engine.LiveMessages{Encrypted: 2}},
			{Protocol: "prpl-irc", Name: "wren@irc.example", Protection: "tor", State: "blocked", Reason: "tor-isolation-off"},
			{Protocol: "prpl-irc", Name: "a\x1b[31m", Protection: "tor"},
		},
		Isolation: []engine.LivePair{{A: "prpl-jabber:wren47@xmpp.example/", B: "prpl-irc:wren@irc.example", Verdict: "shared", Evidence: "Tor's configuration has NoIsolateSOCKSAuth"}},
		Findings:  []engine.LiveFinding{{Check: "tor-isolation-off", Message: "Tor's configuration has NoIsolateSOCKSAuth, which lets streams of accounts share circuits"}},
	}
	const want = `Tor: ready, version 0.4.8.16, SOCKS
     unix:/home/wren/.local/state/purple-onion/tor/socks, control port open

prpl-jabber:wren47@xmpp.example/
  secret, online, since 2026-11-25T21:00:00Z
  circuit 12, its own: proven
  exit AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
  conversations: 2 encrypted, 0 plaintext, 0 finished

prpl-irc:wren@irc.example
  tor, blocked (tor-isolation-off)

prpl-irc:a\x1b[31m
  tor, not known whether online

shared: prpl-jabber:wren47@xmpp.example/
    and prpl-irc:wren@irc.example
  Tor's configuration has NoIsolateSOCKSAuth

tor-isolation-off: Tor's configuration has NoIsolateSOCKSAuth, which lets
                   streams of accounts share circuits
`
	var b strings.Builder
	if statusText(&b, live); b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
