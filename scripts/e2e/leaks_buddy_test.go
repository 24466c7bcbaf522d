// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A buddy is somebody else, in the lab's world: what they send is the test's,
// and what they are sent comes as lines.
type buddy struct {
	a     *arm
	name  string // the full JID, or the nick
	in    io.Writer
	lines chan string
	seen  []string
}

func (a *arm) somebody(name string, words ...string) *buddy {
	a.t.Helper()
	cmd := exec.Command(filepath.Join(root, "scripts/lab"), append([]string{"exec", "world", "--"}, words...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	b := &buddy{a: a, name: name, in: in, lines: make(chan string, 100000)}
	go func() {
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<22)
		for s.Scan() {
			b.lines <- s.Text()
		}
		close(b.lines)
	}()
	a.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if a.t.Failed() {
			a.t.Logf("%s saw:\n%s", b.name, strings.Join(b.seen[max(0, len(b.seen)-20):], "\n"))
		}
	})
	return b
}

// buddy is one with an XMPP account, online.
func (a *arm) buddy() *buddy {
	a.t.Helper()
	acc := a.user("a.test", direct)
	b := a.somebody(acc.name, filepath.Join(environment(a.t, "env")["LAB_DIR"], "bin/labtool"), "xmpp", "-talk", "a.test:5222", strings.TrimSuffix(acc.name, "/"), "pw-e2e")
	b.expect(`^bound$`)
	b.name = a.full(acc)
	return b
}

// friend is one on IRC.
func (a *arm) friend() *buddy {
	a.t.Helper()
	nick := a.nick()
	b := a.somebody(nick, "bash", "-c", `exec 3<>"/dev/tcp/$1/6667"; cat <&3 & cat >&3`, "bash", environment(a.t, "env")["LAB_IRC"])
	b.send("NICK %s\r\nUSER %s 0 * :x\r", nick, nick)
	b.expect(` 001 `)
	return b
}

// full is the full JID that an account has now.
func (a *arm) full(acc account) string {
	a.t.Helper()
	all := regexp.MustCompile(`\tbind\t(`+regexp.QuoteMeta(strings.TrimSuffix(acc.name, "/"))+`/[^\t]*)\t`).FindAllStringSubmatch(lab(a.t, "sessions"), -1)
	if len(all) == 0 {
		a.t.Fatalf("%s is not bound", acc.name)
	}
	return all[len(all)-1][1]
}

func (b *buddy) send(format string, args ...any) {
	b.a.t.Helper()
	if _, err := fmt.Fprintf(b.in, format+"\n", args...); err != nil {
		b.a.t.Fatalf("%s cannot send: %v", b.name, err)
	}
}

// expect waits for a line.
func (b *buddy) expect(pattern string) string {
	b.a.t.Helper()
	re, timeout := regexp.MustCompile(pattern), time.After(60*time.Second)
	for {
		select {
		case line, ok := <-b.lines:
			if !ok {
				b.a.t.Fatalf("%s ended while waiting for %q", b.name, pattern)
			}
			b.seen = append(b.seen, line)
			if re.MatchString(line) {
				return line
			}
		case <-timeout:
			b.a.t.Fatalf("%s: no line matches %q", b.name, pattern)
		}
	}
}

// saw counts the lines so far that match.
func (b *buddy) saw(pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	for _, line := range b.seen {
		if re.MatchString(line) {
			n++
		}
	}
	return n
}
