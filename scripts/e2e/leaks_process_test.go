// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pids lists the processes of that name (all: "") in the arm's client, but
// for the one that holds its namespaces.
func (a *arm) pids(name string) (out []int) {
	a.t.Helper()
	data, err := os.ReadFile(filepath.Join(os.Getenv("LAB_DIR"), "pids/ns-"+a.client.name))
	if err != nil {
		a.t.Fatal(err)
	}
	holder := strings.Fields(string(data))[0]
	net, err := os.Readlink("/proc/" + holder + "/ns/net")
	if err != nil {
		a.t.Fatal(err)
	}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		where, _ := os.Readlink(dir + "/ns/net")
		comm, _ := os.ReadFile(dir + "/comm")
		pid := strings.TrimPrefix(dir, "/proc/")
		if n, err := strconv.Atoi(pid); err == nil && where == net && pid != holder && (name == "" || strings.TrimSpace(string(comm)) == name) {
			out = append(out, n)
		}
	}
	return out
}

// signal sends a signal to all processes of that name (all: "").
func (a *arm) signal(name string, s unix.Signal) {
	a.t.Helper()
	all := a.pids(name)
	if len(all) == 0 {
		a.t.Fatalf("no process %q", name)
	}
	for _, pid := range all {
		_ = unix.Kill(pid, s)
	}
}

// States of a TCP socket in /proc/net/tcp.
const (
	tcpEstablished = "01"
	tcpListen      = "0A"
)

// shut shuts all TCP sockets of a process in that state, behind its back, and
// says how many those were.
func (a *arm) shut(pid int, state string) (n int) {
	a.t.Helper()
	own, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		a.t.Fatalf("pidfd: %v", err)
	}
	defer unix.Close(own)
	inodes := a.sockets(pid, state)
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, path := range fds {
		link, _ := os.Readlink(path)
		if !inodes[link] {
			continue
		}
		number, _ := strconv.Atoi(filepath.Base(path))
		fd, err := unix.PidfdGetfd(own, number, 0)
		if err != nil {
			continue // closed meanwhile
		}
		if unix.Shutdown(fd, unix.SHUT_RDWR) == nil {
			n++
		}
		_ = unix.Close(fd)
	}
	return n
}

// sockets are the TCP sockets in a process' namespace, as its descriptors name them.
func (a *arm) sockets(pid int, state string) map[string]bool {
	a.t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		a.t.Fatal(err)
	}
	defer f.Close()
	out := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) > 9 && w[3] == state {
			out["socket:["+w[9]+"]"] = true
		}
	}
	return out
}

// limitDescriptors lets a process open so many further descriptors.
func (a *arm) limitDescriptors(pid, further int) {
	a.t.Helper()
	limit := 0
	for ; ; limit++ {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%d", pid, limit)); err != nil {
			if further--; further < 0 {
				break
			}
		}
	}
	a.setDescriptors(pid, uint64(limit))
}

// setDescriptors sets the limit itself.
func (a *arm) setDescriptors(pid int, limit uint64) {
	a.t.Helper()
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &now); err != nil {
		a.t.Fatal(err)
	}
	now.Cur = limit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &now, nil); err != nil {
		a.t.Fatal(err)
	}
}

// A fakeClock is the clock of what runs with its environment.
type fakeClock struct {
	a    *arm
	file string
}

func (a *arm) fakeClock() fakeClock {
	return fakeClock{a, a.file("clock", "+0\n")}
}

func (c fakeClock) env() []string {
	c.a.t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if len(found) == 0 {
		c.a.t.Fatal("libfaketime is not installed")
	}
	return []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_CACHE_DURATION=1"}
}

// jump sets the clock apart from the computer's by so much.
func (c fakeClock) jump(by time.Duration) {
	c.a.file("clock", fmt.Sprintf("%+d\n", int(by.Seconds())))
}

// steady is env for a program whose timers go on as the clock jumps, as they
// do. (tor's threads do not start with it, and tor is started again anyhow.)
func (c fakeClock) steady() []string { return append(c.env(), "FAKETIME_DONT_FAKE_MONOTONIC=1") }

// tor starts the client's tor by that clock.
func (c fakeClock) tor() {
	c.a.t.Helper()
	env := environment(c.a.t, "client", "env", c.a.client.name)
	cmd := c.a.command(append(append([]string{"env", "-u", "FAKETIME_DONT_FAKE_MONOTONIC"}, c.env()...), "tor", "--defaults-torrc", "/nonexistent", "-f", env["CLIENT_TORRC"])...)
	if err := cmd.Start(); err != nil {
		c.a.t.Fatal(err)
	}
	c.a.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}
