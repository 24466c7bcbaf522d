// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package tor

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

func privateSettings(t *testing.T) Settings {
	t.Helper()
	dir, err := os.MkdirTemp("", "p t") // short, and with a space
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Settings{Mode: ModePrivate, StateDir: filepath.Join(dir, "tor"), Torrc: tortest.OfflineTorrc, Getenv: os.Getenv}
}

func pidOf(t *testing.T, s Settings) int {
	t.Helper()
	k, err := openControlConn(context.Background(), address{"unix", privateFiles{s.StateDir}.control()}, privateFiles{s.StateDir}.candidate())
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	text, err := k.info("process/pid")
	pid, err2 := strconv.Atoi(text)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return pid
}

func TestPrivateTorStartedAdoptedAndStopped(t *testing.T) {
	s := privateSettings(t)
	first := watchTor(t, s)
	st := first.untilState(policy.TorStarting)
	if !st.Private || st.Control != ControlOpen || st.Isolation != policy.IsolationProven || !strings.HasPrefix(st.Socks, "unix:") {
		t.Errorf("%+v", st)
	}
	if info, err := os.Stat(s.StateDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info.Mode(), err)
	}
	pid := pidOf(t, s)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	second := watchTor(t, s)
	second.untilState(policy.TorStarting)
	first.Close()
	if got := pidOf(t, s); got != pid {
		t.Errorf("pid %d, then %d: a second Tor was started", pid, got)
	}
	second.Close()
	if _, err := net.Dial("unix", privateFiles{s.StateDir}.socks()); err == nil {
		t.Error("the last one left, and Tor still runs")
	}
}

func TestPrivateTorSurvivesAKilledParentAndComesBackWhenKilled(t *testing.T) {
	s := privateSettings(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := startPrivate(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	pid := pidOf(t, s)
	_ = p.users.Close() // what is left of a process that was killed
	w := watchTor(t, s)
	w.untilState(policy.TorStarting)
	if got := pidOf(t, s); got != pid {
		t.Errorf("not adopted: pid %d, then %d", pid, got)
	}
	if err = syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.untilState(policy.TorDead)
}

// The program around us may reap our children first, as Pidgin's SIGCHLD
// handler does; ignoring SIGCHLD has the kernel do it every time.
func TestPrivateTorWithStolenExitStatus(t *testing.T) {
	signal.Ignore(syscall.SIGCHLD)
	defer signal.Reset(syscall.SIGCHLD)
	if err := exec.Command("true").Run(); err == nil {
		t.Error("control arm: the exit status is not lost, so this test shows nothing")
	}
	good := privateSettings(t)
	w := watchTor(t, good)
	w.untilState(policy.TorStarting)
	if err := syscall.Kill(pidOf(t, good), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.untilState(policy.TorDead)
	w.untilState(policy.TorStarting) // started again
	w.Close()

	bad := privateSettings(t)
	bad.Torrc = append(bad.Torrc, "NoSuchOption 1")
	st := watchTor(t, bad).until("failed", func(s Status) bool { return strings.Contains(s.Detail, "cannot start") })
	if !strings.Contains(st.Detail, "NoSuchOption") || st.State != policy.TorAbsent {
		t.Errorf("%+v", st)
	}
}

func TestPrivateRefusals(t *testing.T) {
	missing := privateSettings(t)
	missing.Program = "/nonexistent/tor"
	long := privateSettings(t)
	long.StateDir = filepath.Join(long.StateDir, strings.Repeat("x", 100))
	foreign := privateSettings(t)
	if err := os.Symlink("/", foreign.StateDir); err != nil {
		t.Fatal(err)
	}
	lines := privateSettings(t)
	lines.Torrc = append(lines.Torrc, "Log notice stdout\nSocksPort 0.0.0.0:9050")
	for name, s := range map[string]Settings{"no program": missing, "long path": long, "symlink": foreign, "two lines": lines} {
		if _, err := startPrivate(context.Background(), s); err == nil {
			t.Errorf("%s: started", name)
		} else {
			t.Log(err)
		}
	}
}

func TestNoPrivateTorBesideAnotherOne(t *testing.T) {
	d := distribution{}
	c := func(mode string) *Client { return &Client{settings: Settings{Mode: mode, StateDir: "/x"}} }
	for _, k := range []struct {
		name string
		ok   bool
		want bool
	}{
		{"auto, nothing there", c("").mayStartPrivate(&search{}, d, false), true},
		{"auto, a system Tor was seen", c(ModeAuto).mayStartPrivate(&search{system: true}, d, false), false},
		{"auto, an address is configured", c(ModeAuto).mayStartPrivate(&search{}, d, true), false},
		{"auto on Tails", c(ModeAuto).mayStartPrivate(&search{}, distribution{tails: true}, false), false},
		{"system", c(ModeSystem).mayStartPrivate(&search{}, d, false), false},
		{"private", c(ModePrivate).mayStartPrivate(&search{system: true}, d, true), true},
		{"private without a folder", (&Client{settings: Settings{Mode: ModePrivate}}).mayStartPrivate(&search{}, d, false), false},
	} {
		if k.ok != k.want {
			t.Errorf("%s: %v", k.name, k.ok)
		}
	}
}

// A child must not inherit the signal mask that the shim gives our threads.
func TestChildHasNoBlockedSignals(t *testing.T) {
	blocked := func(start func(*exec.Cmd) error) string {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var all, before unix.Sigset_t
		for i := range all.Val {
			all.Val[i] = ^all.Val[i]
		}
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &before); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
		var out bytes.Buffer
		cmd := exec.Command("grep", "SigBlk", "/proc/self/status")
		cmd.Stdout = &out
		if err := start(cmd); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		return strings.TrimSpace(strings.TrimPrefix(out.String(), "SigBlk:"))
	}
	mask := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return n
	}
	const term, child = 1 << (unix.SIGTERM - 1), 1 << (unix.SIGCHLD - 1)
	if got := mask(blocked((*exec.Cmd).Start)); got&(term|child) != term|child {
		t.Errorf("control arm: %x blocks neither, so this test shows nothing", got)
	}
	if got := mask(blocked(func(c *exec.Cmd) error { return withOpenSignals(c.Start) })); got&(term|child) != 0 {
		t.Errorf("SIGTERM or SIGCHLD blocked: %x", got)
	}
}
