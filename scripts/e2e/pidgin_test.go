// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

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
	t     *testing.T
	lines chan string
	seen  []string
}

func (c *client) program(t *testing.T, words ...string) *program {
	t.Helper()
	cmd := c.command(words...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, lines: make(chan string, 100000)}
	go func() {
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("seen:\n%s", strings.Join(p.seen[max(0, len(p.seen)-60):], "\n"))
		}
	})
	return p
}

func (p *program) expect(pattern string, patience time.Duration) string {
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
				return line
			}
		case <-timeout:
			p.t.Fatalf("no line matches %q in %v", pattern, patience)
		}
	}
}

// display starts an X server without a screen; its path socket is seen from
// every network namespace.
func display(t *testing.T) string {
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
	</pref>
</pref>
`

// The real Pidgin: the plugin that protect enabled loads, both accounts come
// online over Tor, Tor's end takes them offline with the reason, and Pidgin
// brings them back by itself.
func TestPidgin(t *testing.T) {
	t.Parallel()
	user(t, "pidgin-a@a.test")
	user(t, "pidgin-b@b.test")
	c := newClient(t, "pidgin")
	enabled := "</settings><settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting>"
	a, b := jabber("pidgin-a@a.test/", direct), jabber("pidgin-b@b.test/", direct)
	a.settings += enabled
	b.settings += enabled
	dir := c.userDir(a, b)
	c.install(dir, "build/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so")
	write(t, filepath.Join(dir, "prefs.xml"), quiet)
	c.protect(dir, "tor", "--all")
	c.env = append(c.env, "DISPLAY="+display(t), "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1")
	p := c.program(t, "pidgin", "--debug", "--multiple", "--config="+dir)
	online := map[string]bool{}
	for len(online) < 2 {
		line := p.expect(`core-purple-onion: \S+: online`, 60*time.Second)
		online[line[strings.LastIndex(line, "onion: "):]] = true
	}
	lab(t, "client", "tor", c.name, "kill")
	for range 2 {
		p.expect(`purple-onion: .*\((tor-dead|no-tor)\)`, 15*time.Second)
	}
	lab(t, "client", "tor", c.name, "start")
	p.expect(`core-purple-onion: \S+: online`, 100*time.Second)
	c.clean()
}

// Finch loads the plugin too, and the account comes online.
func TestFinch(t *testing.T) {
	t.Parallel()
	user(t, "finch@a.test")
	c := newClient(t, "finch")
	a := jabber("finch@a.test/", direct)
	a.settings += "</settings><settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting>"
	dir := c.userDir(a)
	c.install(dir, "build/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so")
	write(t, filepath.Join(dir, "prefs.xml"), quiet)
	c.protect(dir, "tor", "--all")
	log := filepath.Join(c.home, "finch.log")
	socket := filepath.Join(c.home, "tmux")
	c.env = append(c.env, "TERM=screen")
	start := c.command("tmux", "-S", socket, "new-session", "-d", "-x", "100", "-y", "30",
		"finch -d -c '"+dir+"' 2>'"+log+"'")
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("cannot start Finch: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = c.command("tmux", "-S", socket, "kill-server").Run() })
	p := c.program(t, "tail", "-n", "+1", "-F", log)
	p.expect(`core-purple-onion: \S*finch@a.test/: online`, 60*time.Second)
	c.clean()
}
