// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

const deadline = 30 * time.Second

// privateBus starts the real dbus-daemon, as a session bus of the test's own.
func privateBus(t testing.TB) (address string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address, _ = busAt(t, dir)
	return address
}

// busAt is a bus in a folder; end ends it.
func busAt(t testing.TB, dir string) (address string, end func()) {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:path="+filepath.Join(dir, "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start dbus-daemon: %v", err)
	}
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon gives no address: %v", err)
	}
	return strings.TrimSpace(line), end
}

// peer is another program of the session.
func peer(t testing.TB, address string) *dbus.Conn {
	t.Helper()
	c, err := dbus.Dial(address)
	if err == nil {
		err = c.Auth(nil)
	}
	if err == nil {
		err = c.Hello()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var (
	aliceAccount = policy.Account{Protocol: "prpl-jabber", Name: "alice@a.test/"}
	bobAccount   = policy.Account{Protocol: "prpl-irc", Name: "bob@irc.test"}
)

// backend is what the service is over in these tests.
type backend struct {
	floor  policy.Level
	mu     sync.Mutex
	status engine.Status
	levels map[string]policy.Level
	done   []string
	fall   bool
	hold   chan struct{} // Audit waits for it, where there is one
}

func newBackend() *backend {
	return &backend{
		levels: map[string]policy.Level{aliceAccount.String(): policy.LevelTor, bobAccount.String(): policy.LevelSecret, "prpl-jabber:none@a.test/": policy.LevelNone},
		status: engine.Status{
			Tor: engine.TorStatus{State: policy.TorStarting, Progress: 40}, GatePort: 4711,
			Accounts: []engine.AccountStatus{
				{Account: aliceAccount, Level: policy.LevelTor, State: engine.Online, SignOn: 1,
					Stream:   engine.Stream{Circuit: "CIRCUIT", Exit: "EXIT"},
					Messages: map[string]policy.MessageState{"buddy@b.test": policy.StateEncrypted}},
				{Account: bobAccount, Level: policy.LevelSecret, State: engine.Blocked, Reason: policy.ReasonNoTor},
			},
		},
	}
}

func (b *backend) did(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, text)
}

func (b *backend) doings() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.done)
}

func (b *backend) change(f func(*engine.Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	accounts := slices.Clone(b.status.Accounts)
	b.status.Accounts = accounts
	f(&b.status)
}

func (b *backend) Status() engine.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fall {
		panic("a secret in a panic")
	}
	return b.status
}

func (b *backend) Live(context.Context) engine.Live {
	l := engine.NewLive(b.Status().Tor)
	l.Accounts = append(l.Accounts, engine.LiveAccount{Protocol: aliceAccount.Protocol, Name: aliceAccount.Name, Circuit: "CIRCUIT"})
	return l
}

func (b *backend) Audit(o AuditOptions) (string, error) {
	if b.hold != nil {
		<-b.hold
	}
	return fmt.Sprintf("%v %v %s", o.UserDirs, o.Redact, o.Severity), nil
}

func (b *backend) Level(account string) (policy.Level, error) {
	if l, ok := b.levels[account]; ok {
		return l, nil
	}
	return policy.LevelUnknown, &Error{UnknownAccount, "there is no such account"}
}

func (b *backend) MaySet(level policy.Level) policy.Decision {
	return policy.MaySet(level, max(b.floor, policy.LevelNone))
}

func (b *backend) Protect(_ context.Context, account string, level policy.Level) error {
	b.did("protect " + account + " " + level.String())
	return nil
}

func (b *backend) Ask(account string, level policy.Level) {
	b.did("ask " + account + " " + level.String())
}

func (b *backend) NewCircuit(_ context.Context, account string) error {
	b.did("circuit " + account)
	return nil
}

func (b *backend) Explain(check string) (string, bool) { return "why", check == "not-over-tor" }

// service is a running one that owns the name.
type service struct {
	*Service
	*backend
	t     testing.TB
	mu    sync.Mutex
	lines []string
}

func start(t testing.TB, address, mode string, b *backend, l ...limits) *service {
	t.Helper()
	s := &service{t: t, backend: b}
	ready := make(chan struct{})
	var first sync.Once
	s.Service = Start(Settings{
		limits: append(l, limits{})[0], Address: address, Version: "1.2.3", Mode: mode, Backend: b,
		Log:   func(line string) { s.mu.Lock(); defer s.mu.Unlock(); s.lines = append(s.lines, line) },
		Ready: func() { first.Do(func() { close(ready) }) },
	})
	t.Cleanup(s.Service.Close)
	select {
	case <-ready:
	case <-s.Done():
		t.Fatalf("the service ended: %v", s.Err())
	case <-time.After(deadline):
		t.Fatal("the service is not on the bus")
	}
	return s
}

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func call1[T any](t testing.TB, c *dbus.Conn, path dbus.ObjectPath, method string, args ...any) (T, error) {
	t.Helper()
	var out T
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return out, c.Object(Name, path).CallWithContext(ctx, method, 0, args...).Store(&out)
}

func errorName(err error) string {
	var d dbus.Error
	if errors.As(err, &d) {
		return d.Name
	}
	return fmt.Sprint(err)
}

// eventually waits for something to be so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func owner(t testing.TB, c *dbus.Conn) string {
	t.Helper()
	var name string
	_ = c.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, Name).Store(&name)
	return name
}
