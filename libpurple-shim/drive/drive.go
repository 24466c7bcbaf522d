// SPDX-License-Identifier: GPL-3.0-or-later

package drive

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Host is a running host program.
type Host struct {
	Patience time.Duration // how long Expect waits
	Seen     []string      // the lines so far

	t     testing.TB
	in    io.WriteCloser
	lines chan string
	cmd   *exec.Cmd
	errs  tail
}

// Start runs a command that is, or ends in, the host, and waits until it is
// ready. It is killed at the end of the test.
func Start(t testing.TB, cmd *exec.Cmd) *Host {
	t.Helper()
	h := &Host{Patience: 20 * time.Second, t: t, cmd: cmd, lines: make(chan string, 100000)}
	cmd.Stderr = &h.errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start the host: %v", err)
	}
	h.in = in
	go h.read(out)
	t.Cleanup(h.cleanup)
	h.Expect(`^ready`)
	return h
}

func (h *Host) read(out io.Reader) {
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		h.lines <- s.Text()
	}
	if err := s.Err(); err != nil {
		h.lines <- "cannot read the host's output: " + err.Error()
	}
	close(h.lines)
}

func (h *Host) cleanup() {
	if h.t.Failed() {
		h.t.Logf("seen: %s\nstderr: %s", strings.Join(last(h.Seen, 80), "\n"), h.errs.b)
	}
	if h.cmd.ProcessState == nil {
		_ = h.in.Close()
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	}
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// tail keeps the end of what the host wrote to stderr.
type tail struct{ b []byte }

func (w *tail) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	if len(w.b) > 1<<16 {
		w.b = w.b[len(w.b)-1<<15:]
	}
	return len(p), nil
}

// Do sends a command; its words are separated by tabs on the wire.
func (h *Host) Do(words ...string) {
	h.t.Helper()
	if _, err := fmt.Fprintln(h.in, strings.Join(words, "\t")); err != nil {
		h.t.Fatalf("cannot tell the host %q: %v", words, err)
	}
}

// Expect waits for a line that matches, and gives it.
func (h *Host) Expect(pattern string) string {
	h.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(h.Patience)
	for {
		select {
		case line, ok := <-h.lines:
			if !ok {
				h.t.Fatalf("the host ended (%v) while waiting for %q", h.cmd.Wait(), pattern)
			}
			h.Seen = append(h.Seen, line)
			if re.MatchString(line) {
				return line
			}
		case <-timeout:
			h.t.Fatalf("no line matches %q in %v", pattern, h.Patience)
		}
	}
}

// Find gives the newest line so far that matches, or "".
func (h *Host) Find(pattern string) string {
	re := regexp.MustCompile(pattern)
	for i := len(h.Seen) - 1; i >= 0; i-- {
		if re.MatchString(h.Seen[i]) {
			return h.Seen[i]
		}
	}
	return ""
}

// Sync waits until all that was asked for so far was begun, and the main loop
// has turned.
func (h *Host) Sync(word string) {
	h.t.Helper()
	for i := range 3 {
		tag := fmt.Sprintf("%s-%d", word, i)
		h.Do("ping", tag)
		h.Expect("^pong " + tag + "$")
	}
}

// Pid is the host's, where the command that was started became it.
func (h *Host) Pid() int { return h.cmd.Process.Pid }

// Kill ends the host as a crash would.
func (h *Host) Kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// Quit ends the host; it must end well.
func (h *Host) Quit() {
	h.t.Helper()
	h.Do("quit")
	for line := range h.lines {
		h.Seen = append(h.Seen, line)
	}
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("the host ended badly: %v", err)
	}
}
