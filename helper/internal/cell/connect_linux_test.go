// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket of the outside in the home is not reached, by whatever name it is
// known, however late it comes, and in whatever network namespace it listens.
func TestHomeSockets(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		at := func(name string) string { return filepath.Join(w.home, name) }
		listenUnix(t, at("plain"))
		listenUnix(t, at("first-name"))
		must(t, os.Rename(at("first-name"), at("renamed")))
		must(t, os.Link(at("renamed"), at("linked")))
		must(t, os.Symlink(at("renamed"), at("by-symlink")))
		w.start(t, nil, nil, "unshare", "-U", "-r", "-n", w.self, "test-probe", "listen:"+at("other-namespace"))
		go func() {
			eventually(t, "asked for", func() bool { _, err := os.Stat(at("ask")); return err == nil })
			listenUnix(t, at("later"))
		}()
		eventually(t, "listened to", func() bool { _, err := os.Stat(at("other-namespace")); return err == nil })
		probes := []string{"run:touch " + at("ask"), "exists:" + at("later")}
		for _, name := range []string{"plain", "renamed", "linked", "by-symlink", "other-namespace", "later"} {
			probes = append(probes, "unix:"+at(name))
		}
		probes = append(probes, "unix:renamed", "unix:../"+filepath.Base(w.home)+"/renamed")
		got, control := w.probes(t, order{}, probes...), w.bare(t, probes...)
		for _, p := range probes[2:] {
			if got[p] != "ECONNREFUSED" {
				t.Errorf("%s: %s", p, got[p])
			}
			if control[p] != "yes" {
				t.Errorf("the control does not reach %s: %s", p, control[p])
			}
		}
	})
}

// Sockets of its own a program reaches as anywhere: by paths of all kinds, and
// by abstract names; what it gets wrong it is told as the kernel does.
func TestOwnSockets(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		must(t, os.Symlink("/tmp/own", filepath.Join(w.home, "to-own")))
		probes := []string{"own:/tmp/own", "unix:/tmp/own", "unix:/run/../tmp/./own", "unix:" + filepath.Join(w.home, "to-own"), "unix:" + strings.Repeat("../", 9) + "tmp/own",
			"own:@own", "unix:@own", "unix:/tmp/none", "unix:/tmp", "unix:/proc/self/root/tmp/own", "tcp:127.0.0.1:1", "call:" + fmt.Sprint(unix.SYS_CONNECT)}
		want := []string{"yes", "yes", "yes", "yes", "yes", "yes", "yes", "ENOENT", "ECONNREFUSED", "ENOENT", "ECONNREFUSED", unix.EBADF.Error()}
		got := w.probes(t, order{}, probes...)
		for i, p := range probes {
			if got[p] != want[i] {
				t.Errorf("%s: %s, want %s", p, got[p], want[i])
			}
		}
	})
}

// A path that is changed while the kernel waits reaches nothing else.
func TestChangedPath(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		if len(w.home) > 80 {
			t.Fatal("no room for the path of a socket")
		}
		outer := filepath.Join(w.home, "race")
		l, err := net.Listen("unix", outer)
		must(t, err)
		defer l.Close()
		must(t, os.Chmod(outer, 0o777))
		var reached atomic.Int64
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				reached.Add(1)
				_ = conn.Close()
			}
		}()
		probe := "race:" + outer
		got := w.probes(t, order{}, probe)[probe]
		if n := reached.Load(); n != 0 || !strings.HasPrefix(got, "inside ") || got == "inside 0" {
			t.Errorf("%d times outside; %s", n, got)
		}
		if got = w.bare(t, probe)[probe]; reached.Load() == 0 {
			t.Errorf("the control does not get outside: %s", got)
		}
	})
}

// race connects by an address that another thread changes all the time,
// between a socket of its own and outer.
func race(outer string) string {
	own := "/tmp/" + strings.Repeat("r", len(outer)-5)
	_ = os.Remove(own)
	l, err := net.Listen("unix", own)
	if err != nil {
		return answerOf(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	address := make([]byte, unix.SizeofSockaddrUnix)
	address[0] = unix.AF_UNIX
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for !stop.Load() {
			copy(address[2:], outer)
			copy(address[2:], own)
		}
	}()
	inside := 0
	for range 3000 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return answerOf(err)
		}
		if _, _, e := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&address[0])), uintptr(2+len(outer)+1)); e == 0 {
			inside++
		}
		_ = unix.Close(fd)
	}
	return fmt.Sprint("inside ", inside)
}

// own listens at a path of the cell's until the program's end.
func own(path string) string {
	l, err := net.Listen("unix", path)
	if err != nil {
		return answerOf(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return "yes"
}

// exists waits for a file.
func exists(path string) string {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return "yes"
		}
	}
	return "no"
}

// BenchmarkConnect is a connection within the cell, beside one without a cell.
func BenchmarkConnect(b *testing.B) {
	w := users(b)[0]
	for b.Loop() {
		bare, inside := w.bare(b, "connects:2000")["connects:2000"], w.probes(b, order{}, "connects:2000")["connects:2000"]
		b.ReportMetric(float64(duration(b, bare).Microseconds())/2000, "us-bare")
		b.ReportMetric(float64(duration(b, inside).Microseconds())/2000, "us-inside")
	}
	b.ReportMetric(0, "ns/op")
}

func connects(n int) string {
	path := fmt.Sprintf("/tmp/connects-%d", os.Getpid())
	if got := own(path); got != "yes" {
		return got
	}
	defer os.Remove(path)
	started := time.Now()
	for range n {
		if err := try("unix", path); err != nil {
			return answerOf(err)
		}
	}
	return time.Since(started).String()
}
