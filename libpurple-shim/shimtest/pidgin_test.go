// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The real Pidgin, which also tries again by itself: the plugin's attempt, when
// Tor is ready, comes first, and Pidgin's own, up to a minute later, makes no
// second connection.
func TestPidginDoesNotComeTwice(t *testing.T) {
	t.Parallel()
	a := protected(away)
	a.settings += "</settings><settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting>"
	dir, plugin, home := userDir(t, a), install(t, fake), t.TempDir()
	copyFile(t, filepath.Join(root, "build/lib/plugins/purple-onion.so"), plugin) // Pidgin is built without the sanitisers
	prefs := "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='pidgin'>" +
		"<pref name='sound'><pref name='method' type='string' value='none'/></pref><pref name='docklet'><pref name='show' type='string' value='never'/></pref>" +
		"<pref name='plugins'><pref name='loaded' type='pathlist'><item value='" + plugin + "'/></pref></pref></pref></pref>\n"
	if err := os.WriteFile(filepath.Join(dir, "prefs.xml"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	gate, connections := counted(t)
	cmd := exec.Command("pidgin", "--debug", "--multiple", "--config="+dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "DISPLAY=" + display(t),
		"GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1", "FAKE_HELPER=ready:" + gate, "FAKE_WIRE=ALLOW"}
	p := lines(t, cmd)
	for _, line := range []string{"(tor-starting)", "Tor is ready, signing on", "autorecon: do_signon called", "autorecon: done calling purple_account_connect"} {
		p.until(t, line, 2*time.Minute) // Pidgin waits 8 to 60 s
	}
	if n := connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// display starts an X server without a screen.
func display(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1000x700x24", "-nolisten", "tcp")
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

// output is what a program prints, line by line.
type output struct {
	lines chan string
	seen  []string
}

func lines(t *testing.T, cmd *exec.Cmd) *output {
	t.Helper()
	out, err := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start %s: %v", cmd.Path, err)
	}
	o := &output{lines: make(chan string, 100000)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			o.lines <- s.Text()
		}
		close(o.lines)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return o
}

func (o *output) until(t *testing.T, text string, patience time.Duration) {
	t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case line, ok := <-o.lines:
			o.seen = append(o.seen, line)
			if !ok {
				t.Fatalf("ended while waiting for %q:\n%s", text, strings.Join(o.seen, "\n"))
			}
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("no %q in %v:\n%s", text, patience, strings.Join(o.seen[max(0, len(o.seen)-40):], "\n"))
		}
	}
}
