// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// live is what `purple-onion status --format json` prints.
type live struct {
	Tor struct {
		State, Version, Socks, Control string
	}
	Accounts  []liveAccount
	Isolation []struct{ A, B, Verdict, Evidence string }
	Findings  []struct{ Check, Message string }
}

type liveAccount struct {
	Protocol, Name, Protection, State, Reason, Circuit, Exit, Onion, Since string
	OwnCircuit                                                             string `json:"own_circuit"`
	Messages                                                               struct{ Plaintext, Encrypted, Finished int }
}

// bus starts a session bus for the client; its socket is seen from every
// network namespace. All that goes over it is recorded.
func (c *client) bus() (conn *dbus.Conn, recorded func() string) {
	c.t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:path="+filepath.Join(c.home, "bus"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("cannot start dbus-daemon: %v", err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	c.env = append(c.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	var mu sync.Mutex
	var tape bytes.Buffer
	monitor := exec.Command("dbus-monitor", "--address", address)
	lines, err := monitor.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := monitor.Start(); err != nil {
		c.t.Fatalf("cannot start dbus-monitor: %v", err)
	}
	c.t.Cleanup(func() { _ = monitor.Process.Kill(); _ = monitor.Wait() })
	go func() {
		for s := bufio.NewScanner(lines); s.Scan(); {
			mu.Lock()
			tape.WriteString(s.Text() + "\n")
			mu.Unlock()
		}
	}()
	recorded = func() string { mu.Lock(); defer mu.Unlock(); return tape.String() }
	if conn, err = dbus.Connect(address); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	c.until("the monitor records", func() bool { return strings.Contains(recorded(), "NameAcquired") })
	return conn, recorded
}

func (c *client) until(what string, so func() bool) {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("never: %s", what)
		}
	}
}

// status runs the command line on the client's bus.
func (c *client) status() (live, int) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(root, "build/purple-onion"), "status", "--format", "json")
	cmd.Env = c.env
	out, _ := cmd.Output()
	var l live
	if err := json.Unmarshal(out, &l); err != nil {
		c.t.Fatalf("status: %v: %s", err, out)
	}
	return l, cmd.ProcessState.ExitCode()
}

// reported waits until status has so many accounts, and gives them.
func (c *client) reported(n int) []liveAccount {
	c.t.Helper()
	var l live
	c.until(fmt.Sprintf("%d accounts in status", n), func() bool { l, _ = c.status(); return len(l.Accounts) == n })
	return l.Accounts
}

// verdict waits until status has one pair, and gives its exit code.
func (c *client) verdict(want string) (live, int) {
	c.t.Helper()
	var l live
	var code int
	c.until("a pair that is "+want, func() bool {
		l, code = c.status()
		return len(l.Isolation) == 1 && l.Isolation[0].Verdict == want
	})
	return l, code
}

// Two accounts: status proves circuits of their own, and a new circuit is
// another one. Nothing that is secret was on the bus in the whole session:
// login, conversation, new circuit, block, release.
func TestStatusDistinct(t *testing.T) {
	t.Parallel()
	user(t, "status-a@a.test")
	user(t, "status-b@a.test")
	c := newClient(t, "status")
	conn, recorded := c.bus()
	a, b := jabber("status-a@a.test/", direct), jabber("status-b@a.test/", direct)
	dir := c.userDir(a, b)
	c.protect(dir, "tor", "--all")
	h := c.host(dir, true)
	h.Patience = 60 * time.Second
	online(h, a.id())
	online(h, b.id())
	l, code := c.verdict("distinct")
	if code != 0 || l.Tor.State != "ready" || l.Tor.Control != "open" || l.Tor.Version == "" || l.Tor.Socks == "" {
		t.Errorf("exit %d, %+v", code, l.Tor)
	}
	before := ""
	for _, x := range l.Accounts {
		if x.State != "online" || x.OwnCircuit != "proven" || x.Circuit == "" || len(x.Exit) != 40 || x.Since == "" || x.Protection != "tor" {
			t.Errorf("%+v", x)
		}
		if x.Name == a.name {
			before = x.Circuit
		}
	}
	if ids := c.circuits(); !slices.Contains(ids, before) {
		t.Errorf("Tor has the streams on circuits %q, status says %q", ids, before)
	}
	const text = "a message that nobody on the bus may read"
	h.Do("send", a.id(), "status-b@a.test", text)
	h.Expect(text)
	object := conn.Object("org.purpleonion.Helper1", "/org/purpleonion/Helper1")
	if err := object.Call("org.purpleonion.Helper1.NewCircuit", 0, a.id()).Err; err != nil {
		t.Errorf("NewCircuit: %v", err)
	}
	h.Expect(`^signed-off ` + a.id())
	h.Expect(`^signed-on ` + a.id())
	l, _ = c.verdict("distinct")
	for _, x := range l.Accounts {
		if x.Name == a.name && x.Circuit == before {
			t.Errorf("still on circuit %s", before)
		}
	}
	secrets := c.secrets()
	lab(t, "client", "tor", c.name, "kill")
	refused(h, a.id(), "tor-dead")
	refused(h, b.id(), "tor-dead")
	for _, x := range c.reported(2) {
		if x.State != "blocked" || x.Reason != "tor-dead" {
			t.Errorf("without Tor: %+v", x)
		}
	}
	h.Do("forms", "1") // the person's yes
	err := object.Call("org.purpleonion.Helper1.Release", 0, b.id()).Err
	if e, ok := err.(dbus.Error); !ok || e.Name != "org.purpleonion.Error.NeedsUser" {
		t.Errorf("Release: %v", err)
	}
	h.Expect(`^pressed`)
	c.reported(1)
	c.until("the object is told to be gone", func() bool { return strings.Contains(recorded(), "member=InterfacesRemoved") })
	var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
	if err := object.Call("org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&objects); err != nil || len(objects) != 1 {
		t.Errorf("objects %v %v", objects, err)
	}
	var helper string
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, "org.purpleonion.Helper1").Store(&helper); err != nil {
		t.Fatal(err)
	}
	h.Quit()
	c.clean()
	// libpurple has a connection of its own, on which it tells each message to
	// all (pidgin-bus-exposed): the control of this search.
	if !strings.Contains(recorded(), text) {
		t.Error("the recording lacks what libpurple itself tells")
	}
	tape := of(recorded(), helper)
	for _, part := range []string{"PropertiesChanged", "status-a@a.test", "member=NewCircuit", "member=Blocked", `string "tor-dead"`, "member=Release", "NeedsUser", "member=InterfacesRemoved"} {
		if !strings.Contains(tape, part) {
			t.Errorf("the recording of the helper lacks %s", part)
		}
	}
	for _, word := range append(secrets, "pw-e2e", text) {
		if strings.Contains(tape, word) {
			t.Errorf("%q was on the bus", word)
		}
	}
}

// of are the messages of a recording from or to one connection. A message
// begins at a line's start.
func of(tape, connection string) string {
	var out strings.Builder
	ours := false
	for line := range strings.Lines(tape) {
		if !strings.HasPrefix(line, " ") {
			ours = strings.Contains(line, "sender="+connection+" ") || strings.Contains(line, "destination="+connection+" ") ||
				strings.Contains(line, "destination=org.purpleonion.Helper1 ")
		}
		if ours {
			out.WriteString(line)
		}
	}
	return out.String()
}

// secrets are the credentials that Tor saw of the accounts' streams.
func (c *client) secrets() []string {
	c.t.Helper()
	env := environment(c.t, "client", "env", c.name)
	host, port, _ := strings.Cut(env["CLIENT_CONTROL"], ":")
	out, _ := c.command("bash", "-c", `exec 3<>/dev/tcp/`+host+`/`+port+
		`; printf 'AUTHENTICATE %s\r\nGETINFO circuit-status\r\nQUIT\r\n' "$(od -An -v -tx1 `+env["CLIENT_COOKIE"]+` | tr -d ' \n')" >&3; cat <&3`).Output()
	var list []string
	for _, part := range strings.Split(string(out), "SOCKS_")[1:] {
		if _, rest, ok := strings.Cut(part, `="`); ok {
			value, _, _ := strings.Cut(rest, `"`)
			list = append(list, value)
		}
	}
	if len(list) == 0 {
		c.t.Error("Tor tells of no credentials: the search shows nothing")
	}
	return list
}

// With isolation turned off in Tor, both ways, the accounts are blocked and
// status says that they would share.
func TestStatusShared(t *testing.T) {
	for name, flag := range map[string]string{"no-isolation": "NoIsolateSOCKSAuth", "prefer": "PreferSOCKSNoAuth"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, "sh-"+name, "--tor-line", "SocksPort 127.0.0.1:9050 "+flag)
			c.bus()
			a, b := jabber("alice@a.test/", direct), jabber("bob@a.test/", direct)
			dir := c.userDir(a, b)
			c.protect(dir, "tor", "--all")
			h := c.host(dir, true)
			settle(h)
			refused(h, a.id(), "tor-isolation-off")
			refused(h, b.id(), "tor-isolation-off")
			l, code := c.verdict("shared")
			if code != 1 || !strings.Contains(l.Isolation[0].Evidence, flag) {
				t.Errorf("exit %d, %+v", code, l.Isolation)
			}
			for _, x := range l.Accounts {
				if x.State != "blocked" || x.Reason != "tor-isolation-off" {
					t.Errorf("%+v", x)
				}
			}
			if len(l.Findings) != 1 || l.Findings[0].Check != "tor-isolation-off" {
				t.Errorf("findings %+v", l.Findings)
			}
			h.Quit()
			c.clean()
		})
	}
}

// With the control port filtered, as Tails and Whonix do, nothing is proven.
func TestStatusFiltered(t *testing.T) {
	t.Parallel()
	user(t, "filter-a@a.test")
	user(t, "filter-b@a.test")
	c := newClient(t, "filter")
	c.bus()
	path := filepath.Join(c.home, "control")
	filteredControl(t, path)
	c.config(fmt.Sprintf("[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:9050\"\ncontrol = \"unix:%s\"\n", path))
	a, b := jabber("filter-a@a.test/", direct), jabber("filter-b@a.test/", direct)
	dir := c.userDir(a, b)
	c.protect(dir, "tor", "--all")
	h := c.host(dir, true)
	h.Patience = 60 * time.Second
	online(h, a.id())
	online(h, b.id())
	l, code := c.verdict("not-proven")
	if code != 3 || l.Tor.Control != "filtered" || !strings.Contains(l.Isolation[0].Evidence, "filtered") {
		t.Errorf("exit %d, %+v %+v", code, l.Tor, l.Isolation)
	}
	h.Quit()
	c.clean()
}

// filteredControl is a control port that lets through what onion-grater does
// to any program, and refuses the rest.
func filteredControl(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = os.Remove(path) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for s := bufio.NewScanner(conn); s.Scan(); {
					answer := "510 Command filtered\r\n"
					switch words := strings.Fields(s.Text() + " -"); words[0] {
					case "PROTOCOLINFO":
						answer = "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.8.1\"\r\n250 OK\r\n"
					case "AUTHENTICATE":
						answer = "250 OK\r\n"
					case "GETINFO":
						switch words[1] {
						case "version":
							answer = "250-version=0.4.8.1\r\n250 OK\r\n"
						case "status/bootstrap-phase":
							answer = "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"\r\n250 OK\r\n"
						}
					}
					if _, err := conn.Write([]byte(answer)); err != nil {
						return
					}
				}
			}()
		}
	}()
}
