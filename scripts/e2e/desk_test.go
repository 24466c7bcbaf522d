// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e || encryption

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// program is a real libpurple program with its debug log.
type program struct {
	t     testing.TB
	lines chan string
	seen  []string
}

func (c *client) program(words ...string) *program {
	c.t.Helper()
	cmd := c.command(words...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	p := &program{t: c.t, lines: make(chan string, 100000)}
	go func() {
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("seen:\n%s", strings.Join(p.seen[max(0, len(p.seen)-60):], "\n"))
		}
	})
	return p
}

// expect waits for a line that matches, and gives it.
func (p *program) expect(pattern string, patience time.Duration) string {
	p.t.Helper()
	line, ok := p.saw(pattern, patience)
	if !ok {
		p.t.Fatalf("no line matches %q in %v", pattern, patience)
	}
	return line
}

// saw is expect for what may not come.
func (p *program) saw(pattern string, patience time.Duration) (string, bool) {
	p.t.Helper()
	re, timeout := regexp.MustCompile(pattern), time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("the program ended while waiting for %q", pattern)
			}
			p.seen = append(p.seen, line)
			if re.MatchString(line) {
				return line, true
			}
		case <-timeout:
			return "", false
		}
	}
}

// until tries every 50 ms, until it gets true or the time is over.
func until(t testing.TB, what string, patience time.Duration, try func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !try(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

// display starts an X server without a screen; its path socket is seen from
// every network namespace.
func display(t testing.TB) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1100x760x24", "-nolisten", "tcp", "-ac")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start Xvfb: %v", err)
	}
	w.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var n int
	if _, err := fmt.Fscan(r, &n); err != nil {
		t.Fatalf("Xvfb gives no display: %v", err)
	}
	return fmt.Sprintf(":%d", n)
}

const quiet = `<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
	<pref name='pidgin'>
		<pref name='sound'><pref name='method' type='string' value='none'/></pref>
		<pref name='docklet'><pref name='show' type='string' value='never'/></pref>
		<pref name='blist'><pref name='list_visible' type='bool' value='1'/></pref>
	</pref>
</pref>
`

const (
	inPidgin = "</settings><settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting>"
	inFinch  = "</settings><settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting>"
)

// realDir is userDir for the real programs: the plugin as it ships, accounts
// that are enabled, nothing that makes a noise.
func (c *client) realDir(enabled string, accounts ...account) string {
	c.t.Helper()
	for i := range accounts {
		accounts[i].settings += enabled
	}
	dir := c.userDir(accounts...)
	c.install(dir, "build/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so")
	write(c.t, filepath.Join(dir, "prefs.xml"), quiet)
	return dir
}

// desk is a display with a window manager and the real Pidgin on it, and a
// session bus.
type desk struct {
	*program
	c       *client
	display string
	bus     string
}

// pidgin starts the real Pidgin.
func (c *client) pidgin(dir string, env ...string) *desk {
	c.t.Helper()
	d := &desk{c: c, display: display(c.t)}
	c.env = append(append(c.env, "DISPLAY="+d.display, "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1"), env...)
	wm := exec.Command("openbox", "--sm-disable")
	wm.Env = c.env
	if err := wm.Start(); err != nil {
		c.t.Fatalf("cannot start openbox: %v", err)
	}
	c.t.Cleanup(func() { _ = wm.Process.Kill(); _ = wm.Wait() })
	bus := filepath.Join(c.home, "bus")
	d.program = c.program("dbus-run-session", "--", "sh", "-c",
		`printf %s "$DBUS_SESSION_BUS_ADDRESS" >"$1"; exec pidgin --debug --multiple --config="$2"`, "sh", bus, dir)
	c.t.Cleanup(d.picture)
	until(c.t, "the session bus", 30*time.Second, func() bool {
		address, err := os.ReadFile(bus)
		d.bus = string(address)
		return err == nil && d.bus != ""
	})
	return d
}

// picture shows, after a failure, what was on the screen.
func (d *desk) picture() {
	if d.t.Failed() {
		d.see("screen-" + d.c.name)
	}
}

// see keeps a picture of the screen for whoever wants to look.
func (d *desk) see(name string) {
	file := filepath.Join(root, "build/logs", name+".png")
	_ = os.MkdirAll(filepath.Dir(file), 0o755)
	cmd := exec.Command("import", "-silent", "-window", "root", file)
	cmd.Env = d.c.env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Logf("cannot take a picture: %v: %s", err, out)
		return
	}
	d.t.Logf("the screen is in %s", file)
}

// window waits for a window of that name, and makes it the active one.
func (d *desk) window(name string) {
	d.t.Helper()
	until(d.t, "the window "+name, 30*time.Second, func() bool {
		// it ends with an error where another window goes while it looks
		out, err := d.try("xdotool", "search", "--onlyvisible", "--name", "^"+name+"$", "windowactivate", "--sync")
		return err == nil && out == ""
	})
}

// keys presses keys, one after another, in the window of that name.
func (d *desk) keys(window string, keys ...string) {
	d.t.Helper()
	d.window(window)
	d.x(append([]string{"xdotool", "key", "--delay", "150"}, keys...)...)
}

// gone waits until no window has that name.
func (d *desk) gone(name string) {
	d.t.Helper()
	until(d.t, name+" closes", 20*time.Second, func() bool {
		cmd := exec.Command("xdotool", "search", "--onlyvisible", "--name", "^"+name+"$")
		cmd.Env = d.c.env
		out, _ := cmd.Output()
		return len(out) == 0
	})
}

func (d *desk) x(words ...string) string {
	d.t.Helper()
	out, err := d.try(words...)
	if err != nil {
		d.t.Fatalf("%q: %v: %s", words, err, out)
	}
	return out
}

// try is x for what may fail.
func (d *desk) try(words ...string) (string, error) {
	cmd := exec.Command("timeout", append([]string{"30"}, words...)...)
	cmd.Env = d.c.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

var reply = regexp.MustCompile(`(?m)^ {3}(?:int32|uint32|string|boolean) (.*)$`)

// purple calls a method of the running Pidgin and gives what it answers first.
func (d *desk) purple(method string, args ...string) string {
	d.t.Helper()
	m := reply.FindStringSubmatch(d.call(method, args...))
	if m == nil {
		return ""
	}
	return strings.Trim(m[1], `"`)
}

// call calls a method of the running Pidgin (im.pidgin.purple, as any program
// of the session can). Arguments are as dbus-send takes them.
func (d *desk) call(method string, args ...string) string {
	d.t.Helper()
	words := append([]string{"dbus-send", "--bus=" + d.bus, "--print-reply", "--dest=im.pidgin.purple.PurpleService",
		"/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface." + method}, args...)
	out, err := d.c.command(words...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v: %s", method, err, out)
	}
	return string(out)
}

// account is libpurple's number for an account.
func (d *desk) account(a account) string {
	d.t.Helper()
	n := d.purple("PurpleAccountsFind", "string:"+a.name, "string:"+a.protocol)
	if n == "0" {
		d.t.Fatalf("Pidgin has no account %s", a.id())
	}
	return "int32:" + n
}

// terminal is a program in tmux.
type terminal struct {
	c      *client
	socket string
}

func (c *client) terminal(command string) *terminal {
	c.t.Helper()
	return c.terminalOf(110, 40, command)
}

func (c *client) terminalOf(columns, rows int, command string) *terminal {
	c.t.Helper()
	s := &terminal{c: c, socket: filepath.Join(c.home, "tmux")}
	// libgnt knows the arrow keys of a terminal of exactly this name
	out, err := s.tmux("new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "TERM=screen "+command)
	if err != nil {
		c.t.Fatalf("cannot start %s: %v: %s", command, err, out)
	}
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("on the terminal:\n%s", s.screen())
		}
		_, _ = s.tmux("kill-server")
	})
	return s
}

func (s *terminal) tmux(words ...string) (string, error) {
	out, err := s.c.command(append([]string{"tmux", "-S", s.socket}, words...)...).CombinedOutput()
	return string(out), err
}

func (s *terminal) screen() string {
	out, _ := s.tmux("capture-pane", "-p")
	return out
}

// press presses keys, as tmux names them.
func (s *terminal) press(keys ...string) {
	s.c.t.Helper()
	if out, err := s.tmux(append([]string{"send-keys"}, keys...)...); err != nil {
		s.c.t.Fatalf("cannot press %q: %v: %s", keys, err, out)
	}
}

// shows waits until something on the screen matches.
func (s *terminal) shows(pattern string) {
	s.c.t.Helper()
	re := regexp.MustCompile(pattern)
	until(s.c.t, fmt.Sprintf("the terminal shows %q", pattern), 60*time.Second, func() bool {
		return re.MatchString(s.screen())
	})
}

// lacks waits until nothing on the screen matches.
func (s *terminal) lacks(pattern string) {
	s.c.t.Helper()
	re := regexp.MustCompile(pattern)
	until(s.c.t, fmt.Sprintf("the terminal lacks %q", pattern), 60*time.Second, func() bool {
		return !re.MatchString(s.screen())
	})
}
