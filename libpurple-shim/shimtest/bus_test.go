// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	busName   = "org.purpleonion.Helper1"
	busPath   = "/org/purpleonion/Helper1"
	busErrors = "org.purpleonion.Error."
)

// privateBus starts the real dbus-daemon; end ends it.
func privateBus(t *testing.T) (conn *dbus.Conn, env string, end func()) {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start dbus-daemon: %v", err)
	}
	end = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(end)
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	if conn, err = dbus.Connect(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, "DBUS_SESSION_BUS_ADDRESS=" + address, end
}

func onBus(conn *dbus.Conn, member string, args ...any) error {
	return conn.Object(busName, busPath).Call(busName+"."+member, dbus.FlagNoAutoStart, args...).Err
}

func named(err error) string {
	var d dbus.Error
	if errors.As(err, &d) {
		return d.Name
	}
	return fmt.Sprint(err)
}

// there waits until somebody has the name, or nobody.
func there(t *testing.T, conn *dbus.Conn, want bool) {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(10 * time.Millisecond) {
		var owned bool
		_ = conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, busName).Store(&owned)
		if owned == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the name is owned: %v", owned)
		}
	}
}

// A program on the bus makes an account stricter at once, and weaker only by
// the person's yes; a no stands, and is not asked for again at once.
func TestBusChangesProtection(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	conn, address, _ := privateBus(t)
	a := account{"prpl-jabber", away, "<setting name='connection_security' type='string'>opportunistic_tls</setting>",
		"<proxy><type>http</type><host>127.0.0.1</host><port>7</port></proxy>"}
	other := direct("bob@b.test/")
	dir := userDir(t, a, other)
	h := start(t, dir, install(t, real), append(env, address)...)
	there(t, conn, true)
	proxy := func(want string) {
		t.Helper()
		h.do("show", alice)
		h.expect(`proxy ` + want)
	}
	if err := onBus(conn, "Protect", alice, "tor"); err != nil {
		t.Fatal(err)
	}
	proxy(`5 127\.0\.0\.1 1 user no`)
	if err := onBus(conn, "Protect", dir+"|"+strings.TrimSuffix(alice, "/"), "secret"); err != nil {
		t.Fatal(err)
	}
	h.do("get", alice, "purple-onion/protection")
	h.expect(` secret$`)
	for account, want := range map[string]string{
		"prpl-jabber:nobody@a.test/": "UnknownAccount", "/elsewhere|" + alice: "UnknownAccount", "": "UnknownAccount", away: "UnknownAccount",
	} {
		if err := onBus(conn, "Protect", account, "tor"); named(err) != busErrors+want {
			t.Errorf("Protect %q: %v", account, err)
		}
	}
	if err := onBus(conn, "NewCircuit", alice); named(err) != busErrors+"NoTor" {
		t.Errorf("NewCircuit without Tor: %v", err)
	}
	// Nobody answers the question: nothing changes, and it is asked once.
	for range 3 {
		if err := onBus(conn, "Release", alice); named(err) != busErrors+"NeedsUser" {
			t.Errorf("Release: %v", err)
		}
	}
	h.expect(`^ask purple-onion \| Make protection weaker\? \| .*` + away)
	proxy(`5 127\.0\.0\.1 1 user no`)
	// A yes carries it out.
	if err := onBus(conn, "Protect", "prpl-jabber:bob@b.test/", "tor"); err != nil {
		t.Fatal(err)
	}
	h.do("forms", "1")
	if err := onBus(conn, "Release", "prpl-jabber:bob@b.test/"); named(err) != busErrors+"NeedsUser" {
		t.Errorf("Release: %v", err)
	}
	h.expect(`^ask purple-onion \| Make protection weaker\? \| .*bob@b\.test`)
	h.expect(`^pressed`)
	h.do("show", "prpl-jabber:bob@b.test/")
	h.expect(`proxy 0 `)
	h.sync("released")
	asked := 0
	for _, line := range h.Seen {
		if strings.HasPrefix(line, "ask purple-onion | Make protection weaker") {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("the person was asked %d times", asked)
	}
	if f := foreign(h.quit()); len(f) > 0 {
		t.Errorf("dialled %v", f)
	}
	there(t, conn, false)
}

// A question that is answered with no changes nothing, and comes again only
// after a while.
func TestBusNo(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	conn, address, _ := privateBus(t)
	h := start(t, userDir(t, direct(away)), install(t, real), append(env, address)...)
	there(t, conn, true)
	if err := onBus(conn, "Protect", alice, "tor"); err != nil {
		t.Fatal(err)
	}
	h.do("forms", "2")
	for range 2 {
		if err := onBus(conn, "Release", alice); named(err) != busErrors+"NeedsUser" {
			t.Errorf("Release: %v", err)
		}
		h.sync("asked")
	}
	if h.Find(`^pressed`) == "" {
		h.expect(`^pressed`)
	}
	h.do("show", alice)
	h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
	if err := onBus(conn, "Release", alice); named(err) != busErrors+"NeedsUser" {
		t.Errorf("Release: %v", err)
	}
	h.sync("again")
	asked := 0
	for _, line := range h.Seen {
		if strings.HasPrefix(line, "ask purple-onion") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the person was asked %d times", asked)
	}
	h.quit()
}

// Without a bus one line says so, and all else works; nothing is started. A
// bus that ends in a session takes nothing with it.
func TestBusMissing(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		env, _ := settled(t)
		env = append(env, "HOST_DEBUG=1")
		end := func() {}
		if ends {
			_, address, e := privateBus(t)
			env, end = append(env, address), e
		}
		h := start(t, userDir(t, direct(away)), install(t, real), env...)
		if ends {
			h.expect(`on the session bus as`)
			end()
			h.expect(`not on the session bus: `)
		} else if h.Find(`not on the session bus: there is no session bus`) == "" {
			h.expect(`not on the session bus: there is no session bus`)
		}
		h.protect("1")
		h.do("show", alice)
		h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
		h.quit()
	}
}

// Programs that flood the bus with calls, signals and garbage do not hold up the
// program's main loop.
func TestBusFlood(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	conn, address, _ := privateBus(t)
	h := start(t, userDir(t, direct(away)), install(t, real), append(env, address)...)
	there(t, conn, true)
	if err := onBus(conn, "Protect", alice, "tor"); err != nil {
		t.Fatal(err)
	}
	const long = 3 * time.Second
	var floods sync.WaitGroup
	h.do("stall", "begin")
	for range 4 {
		floods.Add(1)
		go func() {
			defer floods.Done()
			flood(t, strings.TrimPrefix(address, "DBUS_SESSION_BUS_ADDRESS="), long)
		}()
	}
	floods.Wait()
	h.do("stall", "end")
	during, err := time.ParseDuration(strings.TrimPrefix(h.expect(`^stall `), "stall ") + "ms")
	if err != nil {
		t.Fatal(err)
	}
	answered := false
	for end := time.Now().Add(deadline); !answered && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		// One that comes while it is still too much is passed over, without a word.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		answered = conn.Object(busName, busPath).CallWithContext(ctx, busName+".Explain", dbus.FlagNoAutoStart, "not-over-tor").Err == nil
		cancel()
	}
	if !answered {
		t.Error("after the flood nobody answers")
	}
	t.Logf("the main loop did not turn for %v at the longest", during)
	if during > long/6 {
		t.Errorf("in a flood of %v the main loop did not turn for %v", long, during)
	}
	h.quit()
}

// flood is one program of the session that calls for so long.
func flood(t *testing.T, address string, long time.Duration) {
	c, err := dbus.Connect(address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	o, large := c.Object(busName, busPath), strings.Repeat("x", 1<<20)
	for n, end := 0, time.Now().Add(long); time.Now().Before(end); n++ {
		switch n % 6 {
		case 0:
			o.Go(busName+".Status", 0, nil)
		case 1:
			o.Go("org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0, nil)
		case 2:
			o.Go(busName+".Release", 0, nil, alice)
		case 3:
			o.Go(busName+".Protect", 0, nil, alice, "tor")
		case 4:
			_ = c.Emit(busPath, "x.y.Z", "unasked")
		case 5:
			if n%600 == 5 {
				o.Go(busName+".Explain", 0, nil, large)
			} else {
				o.Go(busName+".Audit", 0, nil, map[string]dbus.Variant{"severity": dbus.MakeVariant("fail")})
			}
		}
	}
}

// Tor status in the program says what purple-onion status does: its findings,
// too.
func TestTorStatusPage(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	h := start(t, userDir(t, direct(away)), install(t, real), env...)
	h.protect("1")
	h.do("action", "Tor status")
	h.expect(`^page Tor status.*prpl-jabber:` + away + `, tor, .*isolation-not-proven: Tor is `)
	h.quit()
}

// While the program runs the command line goes through it: stricter at once,
// weaker by the person's yes there. Another user directory is none of its own.
func TestCommandLineThroughTheProgram(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	conn, address, _ := privateBus(t)
	env = append(env, address)
	dir := userDir(t, direct(away))
	h := start(t, dir, install(t, real), env...)
	there(t, conn, true)
	run := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(root, "build/purple-onion"), append(args, "--user-dir", dir)...)
		cmd.Env = append(append([]string{}, env...), "HOME="+t.TempDir(), "PATH=/usr/bin:/bin")
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%v: exit %d, want %d: %s", args, code, want, out)
		}
		return string(out)
	}
	if out := run(0, "protect", away); !strings.Contains(out, "none -> tor") {
		t.Errorf("protect: %s", out)
	}
	h.do("show", alice)
	h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
	if out := run(1, "release", away, "--yes"); !strings.Contains(out, "answer the question") {
		t.Errorf("release: %s", out)
	}
	h.expect(`^ask purple-onion \| Make protection weaker`)
	h.do("show", alice)
	h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
	if out := run(1, "new-circuit", away); !strings.Contains(out, "Tor is") {
		t.Errorf("new-circuit: %s", out)
	}
	dir = userDir(t, direct(away)) // nobody runs on it
	if out := run(2, "new-circuit", away); !strings.Contains(out, "no such account") {
		t.Errorf("new-circuit elsewhere: %s", out)
	}
	h.quit()
}
