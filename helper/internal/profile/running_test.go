// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package profile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// hold starts a program on the real libpurple and gives its process once it
// has the directory open.
func hold(t *testing.T, cmd *exec.Cmd) *os.Process {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if lines.Text() == "ready" {
			return cmd.Process
		}
	}
	t.Fatal("the libpurple host did not start")
	return nil
}

// alone is a /proc with one process in it, so that no other libpurple program
// on this machine is in the way.
func alone(t *testing.T, pid int) string {
	proc := t.TempDir()
	for name, target := range map[string]int{fmt.Sprint(pid): pid, "self": os.Getpid()} {
		if err := os.Symlink(fmt.Sprintf("/proc/%d", target), filepath.Join(proc, name)); err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

func TestRunningIsFoundByEachWayToNameTheDirectory(t *testing.T) {
	for name, start := range map[string]func(dir, home string) *exec.Cmd{
		"-c": func(dir, _ string) *exec.Cmd { return host(t, dir, "hold") },
		"relative": func(dir, _ string) *exec.Cmd {
			c := host(t, filepath.Base(dir), "hold")
			c.Dir = filepath.Dir(dir)
			return c
		},
		"an argument of its own": func(dir, _ string) *exec.Cmd {
			c := host(t, dir, "hold")
			c.Args = []string{c.Args[0], dir, "hold"}
			return c
		},
		"HOME": func(_, home string) *exec.Cmd {
			c := host(t, "", "hold")
			c.Args, c.Env = []string{c.Args[0], "hold"}, []string{"HOME=" + home}
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			dir, other := filepath.Join(home, ".purple"), t.TempDir()
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			p := hold(t, start(dir, home))
			proc := alone(t, p.Pid)
			found, err := runningIn(proc, dir)
			if err != nil || found == nil || found.PID != p.Pid || found.Name != "purplecheck" || !found.Certain {
				t.Errorf("%+v %v", found, err)
			}
			// Control. Where only HOME speaks for a program that is neither Pidgin
			// nor Finch, another directory is not known to be free.
			found, err = runningIn(proc, other)
			if name == "HOME" && (found == nil || found.Certain) || name != "HOME" && found != nil || err != nil {
				t.Errorf("another directory: %+v %v", found, err)
			}
			if found, err := Running(dir); err != nil || found == nil || found.PID != p.Pid {
				t.Errorf("in the real /proc: %+v %v", found, err)
			}
		})
	}
}

func TestRunningUnknownDirectoryIsTakenForThisOne(t *testing.T) {
	c := host(t, "", "hold")
	c.Args, c.Env = []string{c.Args[0], "hold"}, []string{"HOME=" + filepath.Join(t.TempDir(), "nowhere")}
	p := hold(t, c)
	found, err := runningIn(alone(t, p.Pid), t.TempDir())
	if err != nil || found == nil || found.Certain {
		t.Errorf("%+v %v", found, err)
	}
	text := (&RunningError{*found, "/d"}).Error()
	if !strings.Contains(text, "cannot be told") || ExitCode(&RunningError{}) != 3 {
		t.Error(text)
	}
}

func TestRunningIgnoresOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command("cat", dir)
	c.Args = []string{"cat", "-"}
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = c.Wait() }()
	if found, err := runningIn(alone(t, c.Process.Pid), dir); err != nil || found != nil {
		t.Errorf("%+v %v", found, err)
	}
}

func TestRunningCannotTell(t *testing.T) {
	if _, err := runningIn(t.TempDir(), t.TempDir()); !errors.Is(err, errCannotTell) || ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
}

func TestFinchIsFound(t *testing.T) {
	finch, err := exec.LookPath("finch")
	if err != nil {
		t.Fatal(err)
	}
	dir, other := t.TempDir(), t.TempDir()
	script, err := exec.LookPath("script") // gives it a terminal
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "-qfc", "stty rows 24 cols 80; exec "+finch+" -nc "+dir, "/dev/null")
	cmd.Env = []string{"HOME=" + t.TempDir(), "TERM=xterm", "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var found *Process
	defer func() {
		if found != nil {
			if p, err := os.FindProcess(found.PID); err == nil {
				_ = p.Kill()
			}
		}
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	waitFor(t, func() bool {
		found, err = Running(dir)
		return err == nil && found != nil && found.Certain && found.Name == "finch"
	})
	if got, err := runningIn(alone(t, found.PID), other); err != nil || got != nil {
		t.Errorf("another directory: %+v %v", got, err)
	}
}

func TestConfigOption(t *testing.T) {
	for line, want := range map[string]string{
		"pidgin":                        "",
		"pidgin -c /a":                  "/a",
		"pidgin -c/a":                   "/a",
		"pidgin -dc /a":                 "/a",
		"pidgin -dmc/a -n":              "/a",
		"pidgin --config /a":            "/a",
		"pidgin --config=/a":            "/a",
		"pidgin --conf /a":              "/a",
		"pidgin -c /a -c /b":            "/b",
		"pidgin -s -c":                  "",
		"pidgin -lalice -c /a":          "/a",
		"pidgin -- -c /a":               "",
		"pidgin --session x --config=a": "a",
	} {
		if got := (commandLine{args: strings.Fields(line)}).userDir(); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	dirs, _, all := commandLine{program: "pidgin", args: []string{"pidgin"}, env: map[string]string{"HOME": "/h"}}.candidates("/")
	if !reflect.DeepEqual(dirs, []string{"/h/.purple"}) || !all {
		t.Error(dirs, all)
	}
}
