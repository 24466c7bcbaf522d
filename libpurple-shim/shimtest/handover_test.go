// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// activatingBus is a session bus that starts the daemon.
func activatingBus(t *testing.T, env []string) (conn *dbus.Conn, address string) {
	t.Helper()
	dir := t.TempDir()
	service := "[D-BUS Service]\nName=" + busName + "\nExec=" + filepath.Join(root, "build/purple-onion") + " daemon\n"
	if err := os.WriteFile(filepath.Join(dir, busName+".service"), []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "bus.conf")
	text := `<busconfig><type>session</type><listen>unix:path=` + filepath.Join(dir, "bus") + `</listen><servicedir>` + dir + `</servicedir>` +
		`<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--nopidfile", "--print-address=1")
	cmd.Env = env
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
	if conn, err = dbus.Connect(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, strings.TrimSpace(line)
}

// mode asks who has the name; the bus starts the daemon where nobody has it.
func mode(conn *dbus.Conn) string {
	var v dbus.Variant
	_ = conn.Object(busName, busPath).Call("org.freedesktop.DBus.Properties.Get", 0, busName, "Mode").Store(&v)
	text, _ := v.Value().(string)
	return text
}

func becomes(t *testing.T, conn *dbus.Conn, want, after string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); mode(conn) != want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s it is the %q, not the %s", after, mode(conn), want)
		}
	}
}

// endDaemon has the daemon end, so that the next call needs a new one.
func endDaemon(t *testing.T, conn *dbus.Conn) {
	t.Helper()
	var pid uint32
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, busName).Store(&pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(int(pid), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	there(t, conn, false)
}

// The real Pidgin takes the name from the daemon when it loads the plugin, and
// the daemon has it again when the plugin is unloaded in Pidgin's own dialog,
// and when Pidgin quits, is killed or crashes. After each the bus can start the
// daemon anew.
func TestPidginHandsOver(t *testing.T) {
	t.Parallel()
	conf, _ := settled(t)
	home := t.TempDir()
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1"}, conf...)
	conn, address := activatingBus(t, env)
	d := desk{t, append(env, "DBUS_SESSION_BUS_ADDRESS="+address, "DISPLAY="+display(t))}
	env = d.env
	d.start("openbox", "--sm-disable")
	dir, plugin := userDir(t, direct(away)), install(t, real)
	copyFile(t, filepath.Join(root, "build/lib/plugins/purple-onion.so"), plugin)
	prefs := "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='pidgin'>" +
		"<pref name='blist'><pref name='list_visible' type='bool' value='1'/></pref><pref name='sound'><pref name='method' type='string' value='none'/></pref><pref name='docklet'><pref name='show' type='string' value='never'/></pref>" +
		"<pref name='plugins'><pref name='loaded' type='pathlist'><item value='" + plugin + "'/></pref></pref></pref></pref>\n"
	ends := []struct {
		name string
		end  func(t *testing.T, cmd *exec.Cmd)
	}{
		{"unload", func(t *testing.T, _ *exec.Cmd) {
			d.pluginList("purple-onion")
			for _, want := range []string{"daemon", "plugin", "daemon"} {
				d.tick(conn, want)
			}
		}},
		{"quit", func(t *testing.T, cmd *exec.Cmd) {
			_ = purple(conn).Call("im.pidgin.purple.PurpleInterface.PurpleCoreQuit", 0).Err
		}},
		{"SIGKILL", func(t *testing.T, cmd *exec.Cmd) { _ = cmd.Process.Kill() }},
		{"SIGSEGV", func(t *testing.T, cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGSEGV) }},
	}
	for _, e := range ends {
		becomes(t, conn, "daemon", "activation")
		if err := os.WriteFile(filepath.Join(dir, "prefs.xml"), []byte(prefs), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := d.start("pidgin", "--multiple", "--config="+dir)
		becomes(t, conn, "plugin", "load")
		e.end(t, cmd)
		becomes(t, conn, "daemon", e.name)
		endDaemon(t, conn)
		becomes(t, conn, "daemon", "activation after "+e.name)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	other := install(t, real)
	h := start(t, dir, other, append(conf, "DBUS_SESSION_BUS_ADDRESS="+address)...)
	for range 2 {
		becomes(t, conn, "plugin", "load")
		h.do("unload", other)
		h.expect(`^unloaded .* 1$`)
		becomes(t, conn, "daemon", "unload")
		endDaemon(t, conn)
		becomes(t, conn, "daemon", "activation after unload")
		h.do("load", other)
		h.expect(`^loaded .* 1$`)
	}
	h.quit()
	becomes(t, conn, "daemon", "the host's end")
	endDaemon(t, conn)
}

// desk is an X display with programs on it.
type desk struct {
	t   *testing.T
	env []string
}

func (d desk) start(words ...string) *exec.Cmd {
	d.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = d.env
	if err := cmd.Start(); err != nil {
		d.t.Fatalf("cannot start %s: %v", words[0], err)
	}
	d.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func (d desk) x(words ...string) {
	d.t.Helper()
	cmd := exec.Command("timeout", append([]string{"30", "xdotool"}, words...)...)
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%q: %v: %s", words, err, out)
	}
}

// pluginList opens Pidgin's list of plugins at one of them, as a person does:
// who types in the list searches it.
func (d desk) pluginList(plugin string) {
	d.t.Helper()
	d.x("search", "--sync", "--onlyvisible", "--name", "^Buddy List$", "windowactivate", "--sync", "key", "ctrl+u")
	d.x("search", "--sync", "--onlyvisible", "--name", "^Plugins$", "windowactivate", "--sync")
	d.x("type", "--delay", "100", plugin)
	d.x("key", "Escape")
}

// tick changes the tick of the plugin there, until who has the bus name is as
// wanted. A key that a busy machine lost is pressed again.
func (d desk) tick(conn *dbus.Conn, want string) {
	d.t.Helper()
	for range 4 {
		d.x("search", "--sync", "--onlyvisible", "--name", "^Plugins$", "windowactivate", "--sync", "key", "space")
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if mode(conn) == want {
				return
			}
		}
	}
	d.t.Fatalf("after a tick in Pidgin's list of plugins it is the %q, not the %s", mode(conn), want)
}

func purple(conn *dbus.Conn) dbus.BusObject {
	return conn.Object("im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject")
}
