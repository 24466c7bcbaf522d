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
// the daemon has it again when Pidgin quits, is killed or crashes. After each
// the bus can start the daemon anew. Unloading, which Pidgin has no call for, is
// the host's.
func TestPidginHandsOver(t *testing.T) {
	t.Parallel()
	conf, _ := settled(t)
	home := t.TempDir()
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1"}, conf...)
	conn, address := activatingBus(t, env)
	env = append(env, "DBUS_SESSION_BUS_ADDRESS="+address, "DISPLAY="+display(t))
	dir, plugin := userDir(t, direct(away)), install(t, real)
	copyFile(t, filepath.Join(root, "build/lib/plugins/purple-onion.so"), plugin)
	prefs := "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='pidgin'>" +
		"<pref name='sound'><pref name='method' type='string' value='none'/></pref><pref name='docklet'><pref name='show' type='string' value='never'/></pref>" +
		"<pref name='plugins'><pref name='loaded' type='pathlist'><item value='" + plugin + "'/></pref></pref></pref></pref>\n"
	ends := []struct {
		name string
		end  func(t *testing.T, cmd *exec.Cmd)
	}{
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
		cmd := exec.Command("pidgin", "--multiple", "--config="+dir)
		cmd.Env = env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
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

func purple(conn *dbus.Conn) dbus.BusObject {
	return conn.Object("im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject")
}
