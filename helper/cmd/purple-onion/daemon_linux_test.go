// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/tor"
	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

const (
	busName   = "org.purpleonion.Helper1"
	busPath   = "/org/purpleonion/Helper1"
	busErrors = "org.purpleonion.Error."
	patience  = 60 * time.Second
	account   = "prpl-jabber:none@xmpp.example/"
)

// session is a session bus of the test's own, a home, and the program.
type session struct {
	t       *testing.T
	home    string
	program string
	address string
	conn    *dbus.Conn
}

// newSession has the daemon activated by the bus where activation is true.
// config adds to the bus' configuration.
func newSession(t *testing.T, activation bool, config string) *session {
	t.Helper()
	dir, err := os.MkdirTemp("", "po") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, home: filepath.Join(dir, "home"), program: build(t)}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.copyUser()
	s.write("config/purple-onion/config.toml", "[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:1\"\n")
	services := filepath.Join(dir, "services")
	if activation {
		unit, err := os.ReadFile("../../../dbus/org.purpleonion.Helper1.service")
		if err != nil {
			t.Fatal(err)
		}
		// No systemd runs here: the bus starts the program by itself.
		text := regexp.MustCompile(`(?m)^SystemdService=.*\n`).ReplaceAllString(strings.ReplaceAll(string(unit), "/usr/bin/purple-onion", s.program), "")
		write(t, filepath.Join(services, "org.purpleonion.Helper1.service"), text)
	}
	conf := filepath.Join(dir, "bus.conf")
	write(t, conf, `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=`+dir+`/bus</listen><servicedir>`+services+`</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>`+config+`</busconfig>`)
	cmd := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--nopidfile", "--print-address=1")
	cmd.Env = s.env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start dbus-daemon: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.address = strings.TrimSpace(line)
	if s.conn, err = dbus.Connect(s.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	return s
}

// end stops a daemon that the bus started.
func (s *session) end() {
	var pid uint32
	if s.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, busName).Store(&pid) == nil && int(pid) != os.Getpid() {
		_ = syscall.Kill(int(pid), syscall.SIGTERM)
		s.until("the daemon ends", func() bool { return !s.owned() })
	}
	_ = s.conn.Close()
}

var built string

func build(t *testing.T) string {
	t.Helper()
	if built != "" {
		return built
	}
	dir, err := os.MkdirTemp("", "po-program")
	if err != nil {
		t.Fatal(err)
	}
	built = filepath.Join(dir, "purple-onion")
	removeLater = append(removeLater, dir)
	cmd := exec.Command("go", "build", "-o", built, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return built
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *session) write(name, text string) {
	s.t.Helper()
	write(s.t, filepath.Join(s.home, name), text)
}

// copyUser makes a user directory with one account, which nothing protects.
func (s *session) copyUser() {
	s.t.Helper()
	s.write(".purple/accounts.xml", "<?xml version='1.0' encoding='UTF-8' ?>\n\n<account version='1.0'>\n\t<account>\n\t\t<protocol>prpl-jabber</protocol>\n"+
		"\t\t<name>none@xmpp.example/</name>\n\t\t<password>hunter2</password>\n\t\t<settings>\n\t\t\t<setting name='connection_security' type='string'>require_tls</setting>\n\t\t</settings>\n"+
		"\t\t<proxy>\n\t\t\t<type>tor</type>\n\t\t\t<host>127.0.0.1</host>\n\t\t\t<port>9050</port>\n\t\t\t<username>u</username>\n\t\t\t<password>p</password>\n\t\t</proxy>\n\t</account>\n</account>\n")
	s.write(".purple/prefs.xml", "<?xml version='1.0' encoding='UTF-8' ?>\n\n<pref version='1' name='/'>\n</pref>\n")
}

func (s *session) env() []string {
	return []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "XDG_CONFIG_HOME=" + filepath.Join(s.home, "config"),
		"XDG_STATE_HOME=" + filepath.Join(s.home, "state"), "DBUS_SESSION_BUS_ADDRESS=" + s.address, "NO_COLOR=1"}
}

// run runs the command line.
func (s *session) run(args ...string) (out, errs string, code int) {
	s.t.Helper()
	cmd := exec.Command(s.program, args...)
	cmd.Env = s.env()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// daemon starts it by hand, without activation.
func (s *session) daemon(args ...string) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(s.program, append([]string{"daemon"}, args...)...)
	cmd.Env = s.env()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.until("the daemon is on the bus", s.owned)
	return cmd
}

func (s *session) owned() bool {
	var owned bool
	_ = s.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, busName).Store(&owned)
	return owned
}

func (s *session) until(what string, so func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

// call calls the service. Another package's test may run a libpurple program of
// no known directory for a moment: then it calls again.
func (s *session) call(member string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		call := s.conn.Object(busName, busPath).CallWithContext(ctx, member, 0, args...)
		if call.Err == nil || !strings.Contains(call.Err.Error(), "user directory cannot be told") {
			return call
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *session) mode() string {
	var v dbus.Variant
	_ = s.call("org.freedesktop.DBus.Properties.Get", busName, "Mode").Store(&v)
	text, _ := v.Value().(string)
	return text
}

func errorName(err error) string {
	var d dbus.Error
	if errors.As(err, &d) {
		return d.Name
	}
	return fmt.Sprint(err)
}

// The bus starts the daemon, which does at rest what the command line does.
func TestDaemonByActivation(t *testing.T) {
	s := newSession(t, true, "")
	if out, errs, code := s.run("status"); code != 3 || !strings.Contains(errs, "no purple-onion is on the session bus") || !strings.Contains(out, "Tor: absent") {
		t.Errorf("status with nobody there: %d %q %q", code, out, errs)
	}
	if s.owned() {
		t.Fatal("status started the daemon")
	}
	if _, errs, code := s.run("new-circuit", account); code != 3 || errs == "" {
		t.Errorf("new-circuit with nobody there: %d %q", code, errs)
	}
	if mode := s.mode(); mode != "daemon" {
		t.Fatalf("mode %q", mode)
	}
	var text string
	if err := s.call(busName+".Audit", map[string]dbus.Variant{}).Store(&text); err != nil {
		t.Fatal(err)
	}
	out, _, _ := s.run("audit", "--format", "json")
	if strings.TrimSpace(text) != strings.TrimSpace(out) || !strings.Contains(text, "none@xmpp.example") || strings.Contains(text, "hunter2") {
		t.Errorf("Audit says\n%s\nthe command line\n%s", text, out)
	}
	if err := s.call(busName+".Audit", map[string]dbus.Variant{"redact": dbus.MakeVariant(true)}).Store(&text); err != nil || strings.Contains(text, "none@") {
		t.Errorf("redacted: %v %s", err, text)
	}
	for _, c := range []struct {
		member string
		args   []any
		want   string
	}{
		{"Protect", []any{account, "tor"}, ""},
		{"Protect", []any{account, "tor"}, ""},
		{"Protect", []any{filepath.Join(s.home, ".purple") + "|" + account, "secret"}, ""},
		{"Protect", []any{account, "tor"}, "NeedsUser"},
		{"Release", []any{account}, "NeedsUser"},
		{"Release", []any{"/tmp|" + account}, "UnknownAccount"},
		{"Protect", []any{"prpl-jabber:other/", "tor"}, "UnknownAccount"},
		{"NewCircuit", []any{account}, "Busy"},
		{"Explain", []any{"bogus"}, "UnknownCheck"},
	} {
		err := s.call(busName+"."+c.member, c.args...).Err
		if c.want == "" && err != nil || c.want != "" && errorName(err) != busErrors+c.want {
			t.Errorf("%s%q: %v, want %q", c.member, c.args, err, c.want)
		}
	}
	accounts, err := os.ReadFile(filepath.Join(s.home, ".purple/accounts.xml"))
	if err != nil || !strings.Contains(string(accounts), ">secret<") {
		t.Errorf("accounts.xml: %v\n%s", err, accounts)
	}
	s.until("the account has an object", func() bool {
		var objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant
		_ = s.call("org.freedesktop.DBus.ObjectManager.GetManagedObjects").Store(&objects)
		for _, o := range objects {
			p := o["org.purpleonion.Account1"]
			return p["Name"].Value() == "none@xmpp.example/" && p["Protection"].Value() == "secret" && p["State"].Value() == "offline"
		}
		return false
	})
	var live engine.Live
	s.until("status says offline", func() bool {
		out, _, code := s.run("status", "--format", "json")
		err := json.Unmarshal([]byte(out), &live)
		return err == nil && code == 0 && len(live.Accounts) == 1 && live.Accounts[0].State == "offline"
	})
	if live.Tor.State != "absent" {
		t.Errorf("status: %+v", live)
	}
	if _, errs, code := s.run("new-circuit", account); code != 1 || errs == "" {
		t.Errorf("new-circuit at rest: %d %q", code, errs)
	}
	if _, _, code := s.run("new-circuit", "nobody"); code != 2 {
		t.Errorf("new-circuit of nobody: %d", code)
	}
	out, errs, code := s.run("audit", "--live", "--format", "json")
	if !strings.Contains(out, `"isolation-not-proven"`) || !strings.Contains(out, `"live"`) {
		t.Errorf("audit --live: %d %s %s", code, out, errs)
	}
	if out, _, _ := s.run("audit", "--format", "json"); strings.Contains(out, `"live"`) {
		t.Error("the plain audit asked")
	}
}

// One notification for what is new, which names no account; with notify_names
// it does. What was there at the start is not told.
func TestDaemonNotifies(t *testing.T) {
	for _, names := range []bool{false, true} {
		s := newSession(t, false, "")
		if names {
			s.write("config/purple-onion/config.toml", "notify_names = true\n[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:1\"\n")
		}
		told := make(chan string, 100)
		if err := s.conn.Export(notifications{told}, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.conn.RequestName("org.freedesktop.Notifications", 0); err != nil {
			t.Fatal(err)
		}
		s.daemon()
		path := filepath.Join(s.home, ".purple/accounts.xml")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		direct := strings.Replace(string(data), "<type>tor</type>", "<type>none</type>", 1)
		replace(t, path, direct)
		select {
		case text := <-told:
			if !strings.Contains(text, "not-over-tor") || strings.Contains(text, "none@xmpp.example") != names {
				t.Errorf("names %v: %q", names, text)
			}
		case <-time.After(patience):
			t.Fatal("no notification")
		}
		// Written again as it is, there is nothing new; the next new one shows
		// that nothing came in between.
		replace(t, path, direct)
		time.Sleep(2 * quietFor)
		replace(t, path, strings.Replace(direct, "require_tls", "opportunistic_tls", 1))
		select {
		case text := <-told:
			if !strings.Contains(text, "tls-not-required") || strings.Contains(text, "not-over-tor") {
				t.Errorf("%q", text)
			}
		case <-time.After(patience):
			t.Fatal("no second notification")
		}
	}
}

// replace is how libpurple writes: beside it, then renamed.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".save", text)
	if err := os.Rename(path+".save", path); err != nil {
		t.Fatal(err)
	}
}

type notifications struct{ told chan string }

func (n notifications) Notify(_ string, _ uint32, _, summary, body string, _ []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n.told <- summary + " " + body
	return 1, nil
}

// A user directory that comes to be is found; without a bus it says so.
func TestDaemonFindsNewDirectory(t *testing.T) {
	s := newSession(t, false, "")
	if err := os.Rename(filepath.Join(s.home, ".purple"), filepath.Join(s.home, "away")); err != nil {
		t.Fatal(err)
	}
	s.daemon()
	if err := s.call(busName+".Protect", account, "tor").Err; errorName(err) != busErrors+"UnknownAccount" {
		t.Errorf("before: %v", err)
	}
	if err := os.Rename(filepath.Join(s.home, "away"), filepath.Join(s.home, ".purple")); err != nil {
		t.Fatal(err)
	}
	if err := s.call(busName+".Protect", account, "tor").Err; err != nil {
		t.Errorf("after: %v", err)
	}
	s.until("it is shown", func() bool {
		out, _, _ := s.run("status", "--format", "json")
		return strings.Contains(out, "none@xmpp.example")
	})
	s.address = ""
	if _, errs, code := s.run("daemon"); code != 3 || !strings.Contains(errs, "no session bus") {
		t.Errorf("without a bus: %d %q", code, errs)
	}
	s.until("status without a bus says offline", func() bool {
		out, errs, code := s.run("status")
		return code == 3 && strings.Contains(errs, "no session bus") && strings.Contains(out, "offline")
	})
}

// A program that runs and is not on the bus may have the accounts online: they
// are not called offline, by the daemon or without it, and status says that
// something is not proven. What blocks an account at rest is told all the same.
func TestProgramOffTheBus(t *testing.T) {
	s := newSession(t, false, "")
	s.daemon()
	if err := s.call(busName+".Protect", account, "tor").Err; err != nil {
		t.Fatal(err)
	}
	status := func() (state string, code int) {
		t.Helper()
		out, errs, code := s.run("status", "--format", "json")
		var l engine.Live
		if err := json.Unmarshal([]byte(out), &l); err != nil {
			t.Fatalf("%v: %s %s", err, out, errs)
		}
		if len(l.Accounts) != 1 {
			return "no account", code
		}
		return l.Accounts[0].State, code
	}
	becomes := func(want string, exit int) {
		t.Helper()
		var state string
		var code int
		s.until("the state is "+strconv.Quote(want), func() bool { state, code = status(); return state == want })
		if code != exit {
			t.Errorf("%q: exit %d, want %d", want, code, exit)
		}
	}
	changes := make(chan *dbus.Signal, 100)
	s.conn.Signal(changes)
	if err := s.conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchArg(0, "org.purpleonion.Account1")); err != nil {
		t.Fatal(err)
	}
	becomes("offline", 0)
	pidgin := filepath.Join(t.TempDir(), "pidgin")
	data, err := os.ReadFile("/bin/cat")
	if err == nil {
		err = os.WriteFile(pidgin, data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(pidgin)
	cmd.Env = s.env()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	becomes("", 3)
	for end := time.After(patience); ; {
		select {
		case sig := <-changes:
			if v, ok := sig.Body[1].(map[string]dbus.Variant)["State"]; !ok || v.Value() != "" {
				continue
			}
		case <-end:
			t.Error("no PropertiesChanged")
		}
		break
	}
	address := s.address
	s.address = ""
	becomes("", 3)
	if out, _, _ := s.run("status"); !strings.Contains(out, "not known whether online") {
		t.Errorf("status: %s", out)
	}
	s.address = address
	if err := s.call(busName+".Protect", account, "secret").Err; errorName(err) != busErrors+"Busy" {
		t.Errorf("Protect while it runs: %v", err)
	}
	_ = stdin.Close()
	_ = cmd.Wait()
	becomes("offline", 0)
	path := filepath.Join(s.home, ".purple/accounts.xml")
	data, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, path, strings.Replace(string(data), ">tor</setting>", ">secret</setting>", 1))
	becomes("blocked", 0)
}

// The private Tor runs while an account needs it, and is one that Pidgin finds;
// it ends with who uses it last. It knows no network.
func TestDaemonOwnsPrivateTor(t *testing.T) {
	s := newSession(t, false, "")
	s.write("config/purple-onion/config.toml", fmt.Sprintf("[tor]\nmode = \"private\"\ntorrc = [%q, %q, %q]\n", tortest.OfflineTorrc[0], tortest.OfflineTorrc[1], tortest.OfflineTorrc[2]))
	d := s.daemon()
	socket := filepath.Join(s.home, "state/purple-onion/tor/socks")
	there := func() bool { _, err := os.Stat(socket); return err == nil }
	if there() {
		t.Error("a Tor runs that nobody needs")
	}
	if err := s.call(busName+".Protect", account, "tor").Err; err != nil {
		t.Fatal(err)
	}
	s.until("the private Tor runs", there)
	s.until("status shows it", func() bool {
		out, _, _ := s.run("status", "--format", "json")
		return strings.Contains(out, `"unix:`+socket+`"`)
	})
	pid := torOf(t, s.home)
	starts := func() *tor.Client {
		told := make(chan tor.Status, 100)
		c := tor.Start(tor.Settings{Mode: tor.ModePrivate, StateDir: filepath.Dir(socket), Torrc: tortest.OfflineTorrc}, func(s tor.Status) { told <- s })
		t.Cleanup(c.Close)
		for st := range told {
			if st.Socks != "" {
				return c
			}
		}
		return c
	}
	starts().Close() // Pidgin, which is started again:
	pidgin := starts()
	if torOf(t, s.home) != pid {
		t.Error("Tor was started anew with Pidgin")
	}
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil {
		t.Errorf("the daemon ended badly: %v", err)
	}
	if torOf(t, s.home) != pid || syscall.Kill(pid, 0) != nil {
		t.Error("Pidgin's Tor went with the daemon")
	}
	pidgin.Close()
	s.until("the private Tor has ended", func() bool { return syscall.Kill(pid, 0) != nil })
}

// torOf finds the test's own tor by its configuration.
func torOf(t *testing.T, home string) int {
	t.Helper()
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), home) && strings.Contains(string(text), "\x00-f\x00") {
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err == nil {
				return pid
			}
		}
	}
	t.Fatal("no tor of the test's runs")
	return 0
}

// The unit of the daemon: systemd finds nothing to say about it.
func TestSystemdUnit(t *testing.T) {
	text, err := os.ReadFile("../../../dbus/systemd/purple-onion.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "purple-onion.service")
	verify := func(text string) string {
		write(t, path, text)
		cmd := exec.Command("systemd-analyze", "verify", "--user", "--man=no", path)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return err.Error() + string(out)
		}
		return string(out)
	}
	unit := strings.ReplaceAll(string(text), "/usr/bin/purple-onion", build(t))
	if out := verify(unit); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	if verify(strings.Replace(unit, "LockPersonality", "LokPersonality", 1)) == "" {
		t.Error("the control: a mistyped key is not told")
	}
	write(t, path, unit)
	cmd := exec.Command("systemd-analyze", "security", "--offline=yes", "--user", "--no-pager", "--threshold=65", path)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	service, err := os.ReadFile("../../../dbus/org.purpleonion.Helper1.service")
	if err != nil || !strings.Contains(string(service), "SystemdService=purple-onion.service\n") || !strings.Contains(unit, "BusName="+busName+"\n") {
		t.Errorf("bus service and unit do not name each other: %s", service)
	}
}

// The deny file keeps programs of the session from Pidgin's own service; in
// the control arm, without it, they get through. What else is on the bus, the
// owner's other connections among it, is as before.
func TestDenyFile(t *testing.T) {
	rules, err := filepath.Abs("../../../dbus/pidgin-deny.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, denied := range []bool{false, true} {
		include := ""
		if denied {
			include = "<include>" + rules + "</include>"
		}
		s := newSession(t, false, include)
		heard, called := s.purple(), false
		get := func(destination, path, member string) bool {
			return s.conn.Object(destination, dbus.ObjectPath(path)).Call(member, dbus.FlagNoAutoStart).Err == nil
		}
		const service, object, iface = "im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface"
		called = get(service, object, iface+".PurpleAccountsGetAll")
		if called == denied {
			t.Errorf("denied %v: by its name %v", denied, called)
		}
		var unique string
		if err := s.conn.BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, service).Store(&unique); err != nil {
			t.Fatal(err)
		}
		if got := get(unique, object, iface+".PurpleAccountsGetAll"); got == denied {
			t.Errorf("denied %v: by its unique name %v", denied, got)
		}
		if got := get(unique, object, "PurpleAccountsGetAll"); got == denied {
			t.Errorf("denied %v: without an interface %v", denied, got)
		}
		if got := heard(); got == denied {
			t.Errorf("denied %v: its signals are heard: %v", denied, got)
		}
		s.daemon()
		if s.mode() != "daemon" {
			t.Errorf("denied %v: the daemon does not answer", denied)
		}
	}
}

type purple struct{}

func (purple) PurpleAccountsGetAll() ([]int32, *dbus.Error) { return []int32{1}, nil }

// purple is a stand-in for Pidgin's service on a connection of its own. What
// it gives says whether a signal of its own reaches another program.
func (s *session) purple() (heard func() bool) {
	s.t.Helper()
	const service, object, iface = "im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface"
	pidgin, err := dbus.Connect(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = pidgin.Close() })
	if err := pidgin.Export(purple{}, object, iface); err != nil {
		s.t.Fatal(err)
	}
	if _, err := pidgin.RequestName(service, 0); err != nil {
		s.t.Fatal(err)
	}
	signals := make(chan *dbus.Signal, 10)
	s.conn.Signal(signals)
	for _, rule := range []string{iface, "org.example.After"} {
		if err := s.conn.AddMatchSignal(dbus.WithMatchInterface(rule)); err != nil {
			s.t.Fatal(err)
		}
	}
	return func() bool {
		_ = pidgin.Emit(object, iface+".ReceivedImMsg", int32(1), "bob", "a message")
		_ = pidgin.Emit("/x", "org.example.After.Next")
		got := false
		for end := time.After(patience); ; {
			select {
			case sig := <-signals:
				if sig.Name == "org.example.After.Next" {
					return got
				}
				got = got || sig.Name == iface+".ReceivedImMsg"
			case <-end:
				s.t.Fatal("no signal at all")
			}
		}
	}
}

// A watch prints an object a line, and ends by a signal.
func TestStatusWatch(t *testing.T) {
	s := newSession(t, false, "")
	s.daemon()
	cmd := exec.Command(s.program, "status", "--watch", "--format", "json")
	cmd.Env = s.env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	accounts := func() int {
		if !lines.Scan() {
			t.Fatal("it ended")
		}
		var l engine.Live
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		return len(l.Accounts)
	}
	if n := accounts(); n != 0 {
		t.Errorf("%d accounts", n)
	}
	if err := s.call(busName+".Protect", account, "tor").Err; err != nil {
		t.Fatal(err)
	}
	for accounts() != 1 {
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended badly: %v", err)
	}
}
