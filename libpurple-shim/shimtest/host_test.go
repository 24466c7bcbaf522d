// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

// Package shimtest drives the plugin, built with the address and undefined
// behaviour sanitisers, inside the real libpurple. What it asserts on is what
// the kernel saw: strace records every connect of the host.
package shimtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

const deadline = 20 * time.Second

var root = func() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}()

// account is the account element of a user directory for a test.
type account struct {
	protocol, name string
	settings       string
	proxy          string
}

const deadProxy = "<proxy><type>tor</type><host>127.0.0.1</host><port>1</port></proxy>"

func protected(name string) account {
	return account{"prpl-jabber", name, "<setting name='purple-onion/protection' type='string'>tor</setting>", deadProxy}
}

func direct(name string) account {
	return account{"prpl-jabber", name, "", "<proxy><type>none</type></proxy>"}
}

func userDir(t *testing.T, accounts ...account) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'>\n")
	for _, a := range accounts {
		fmt.Fprintf(&b, "<account><protocol>%s</protocol><name>%s</name><password>pw</password><settings>%s</settings>%s</account>\n",
			a.protocol, a.name, a.settings, a.proxy)
	}
	b.WriteString("</account>\n")
	if err := os.WriteFile(filepath.Join(dir, "accounts.xml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// host is a host under strace.
type host struct {
	*drive.Host
	t      *testing.T
	strace string
}

func (h *host) do(words ...string)           { h.t.Helper(); h.Do(words...) }
func (h *host) expect(pattern string) string { h.t.Helper(); return h.Expect(pattern) }
func (h *host) sync(word string)             { h.t.Helper(); h.Sync(word) }

// install lays out plugin and helper as an installation does. helper is a
// library's path; empty: none.
func install(t *testing.T, helper string) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(root, "build/asan/lib/plugins/purple-onion.so"), filepath.Join(dir, "plugins/purple-onion.so"))
	if helper != "" {
		copyFile(t, filepath.Join(root, helper), filepath.Join(dir, "purple-onion/libpurple-onion.so"))
	}
	return filepath.Join(dir, "plugins/purple-onion.so")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o700); err != nil {
		t.Fatal(err)
	}
}

// start runs the host under strace. plugin may be empty: a control arm.
func start(t *testing.T, dir, plugin string, env ...string) *host {
	t.Helper()
	return startBy(t, nil, dir, plugin, env...)
}

// startBy is start by another program, which ends as the one that it is given.
func startBy(t *testing.T, by []string, dir, plugin string, env ...string) *host {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "strace")
	args := append(by, "strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace, filepath.Join(root, "build/asan/test/host"), dir)
	if plugin != "" {
		args = append(args, plugin)
	}
	home := t.TempDir()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8",
		"ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0:log_path=" + filepath.Join(home, "asan"), "XDG_STATE_HOME=" + home}, env...)
	h := &host{drive.Start(t, cmd), t, trace}
	if plugin != "" && h.Find(`^loaded .* 1$`) == "" {
		t.Fatal("the plugin does not load")
	}
	return h
}

// quit ends the host and gives the addresses of INET connects and sends.
func (h *host) quit() []string {
	h.t.Helper()
	h.Quit()
	return inet(h.t, h.strace)
}

var inetCall = regexp.MustCompile(`sa_family=AF_INET6?, sin6?_port=htons\((\d+)\),.*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)`)

func inet(t *testing.T, trace string) []string {
	t.Helper()
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range inetCall.FindAllStringSubmatch(string(data), -1) {
		found = append(found, m[2]+":"+m[1])
	}
	return found
}

// listener accepts on loopback and hands out the first bytes of each
// connection.
func listener(t *testing.T) (port string, first chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	first = make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 512)
				_ = c.SetDeadline(time.Now().Add(deadline))
				n, _ := c.Read(buf)
				first <- string(buf[:n])
				if n > 2 && buf[0] == 5 { // SOCKS5: take user and password, then refuse
					_, _ = c.Write([]byte{5, 2})
					n, _ = c.Read(buf)
					first <- string(buf[:n])
					_, _ = c.Write([]byte{1, 1})
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, first
}

// silent accepts and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// counted is silent, and counts its connections.
func counted(t *testing.T) (port string, connections func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var n atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			t.Cleanup(func() { c.Close() })
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, func() int { return int(n.Load()) }
}

// take waits for what a listener got first.
func take(t *testing.T, first chan string) string {
	t.Helper()
	select {
	case s := <-first:
		return s
	case <-time.After(deadline):
		t.Fatal("nobody connected")
		return ""
	}
}

// closedPort is a loopback port where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
