// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// start runs a program of the outside as that user until the test ends.
func (w who) start(t *testing.T, env []string, more []*os.File, args ...string) {
	t.Helper()
	cmd := w.command(args...)
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles = more
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// xServer starts an X server that asks for a cookie, which stands in a file
// under a host's name, as startx leaves it.
func (w who) xServer(t *testing.T) (display, authority string) {
	t.Helper()
	var cookie [16]byte
	_, _ = rand.Read(cookie[:])
	authority = filepath.Join(w.base, "Xauthority")
	r, wr, err := os.Pipe()
	must(t, err)
	defer r.Close()
	// The number is not known yet: an entry for every display, for the server itself.
	all := w.command("xauth", "-f", authority, "add", "box/unix:0", "MIT-MAGIC-COOKIE-1", hex.EncodeToString(cookie[:]))
	if out, err := all.CombinedOutput(); err != nil {
		t.Fatalf("xauth: %v: %s", err, out)
	}
	w.start(t, nil, []*os.File{wr}, "Xvfb", "-displayfd", "3", "-screen", "0", "320x200x24", "-nolisten", "tcp", "-auth", authority)
	_ = wr.Close()
	_ = r.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb gives no display: %v", err)
	}
	number := strings.TrimSpace(line)
	for _, name := range []string{"box/unix:" + number, "box/unix:64998"} {
		if out, err := w.command("xauth", "-f", authority, "add", name, "MIT-MAGIC-COOKIE-1", hex.EncodeToString(cookie[:])).CombinedOutput(); err != nil {
			t.Fatalf("xauth: %v: %s", err, out)
		}
	}
	return ":" + number, authority
}

// The display is reached by its path socket alone, with its own cookie, though
// the host has another name inside; other displays' sockets are not there.
func TestX11(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		display, authority := w.xServer(t)
		env := []string{"DISPLAY=" + display + ".0", "XAUTHORITY=" + authority}
		for _, c := range []struct {
			display Display
			program []string
			env     []string
			code    int
			out     string
		}{
			{DisplayX11, []string{"xdotool", "getdisplaygeometry"}, env, 0, "320 200\n"},
			{DisplayAuto, []string{"sh", "-c", "xdotool getdisplaygeometry; ls /tmp/.X11-unix; xauth list | wc -l; echo $WAYLAND_DISPLAY"}, env, 0, "320 200\nX" + display[1:] + "\n1\n\n"},
			{DisplayX11, []string{"sh", "-c", "XAUTHORITY=/dev/null xdotool getdisplaygeometry 2>/dev/null"}, env, 1, ""},
			{DisplayNone, []string{"sh", "-c", "echo $DISPLAY; ls -A /tmp/.X11-unix 2>/dev/null; DISPLAY=" + display + " xdotool getdisplaygeometry 2>/dev/null"}, env, 1, "\n"},
			{DisplayAuto, []string{"sh", "-c", "echo none $DISPLAY"}, nil, 0, "none\n"},
		} {
			cmd := w.cell(t, order{Config: Config{Display: c.display, Program: c.program}})
			cmd.Env = append(cmd.Env, c.env...)
			if r := finish(t, cmd); r.code != c.code || r.out != c.out {
				t.Errorf("%s %q: exit %d, %q %s", c.display, c.program, r.code, r.out, r.err)
			}
		}
	})
}

// Wayland's and the sound servers' sockets, one by one, where they are wanted.
func TestSocketsLetIn(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		run, err := os.MkdirTemp("/tmp", "cell-run-")
		must(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(run) })
		must(t, os.Chmod(run, 0o755))
		must(t, os.Mkdir(filepath.Join(run, "pulse"), 0o755))
		for _, s := range []string{"wayland-7", "pulse/native", "pipewire-0", "bus"} {
			listenUnix(t, filepath.Join(run, s))
		}
		inside := fmt.Sprintf("/run/user/%d/", w.uid)
		probes := []string{"unix:" + inside + "wayland-0", "unix:" + inside + "pulse/native", "unix:" + inside + "pipewire-0", "unix:" + inside + "bus",
			"env:WAYLAND_DISPLAY", "env:PULSE_SERVER", "unix:" + filepath.Join(run, "bus")}
		for _, c := range []struct {
			config Config
			want   string
		}{
			{Config{Display: DisplayWayland, Sound: true}, "yes yes yes ENOENT wayland-0 unix:" + inside + "pulse/native ENOENT"},
			{Config{Display: DisplayAuto}, "yes ENOENT ENOENT ENOENT wayland-0  ENOENT"},
			{Config{Display: DisplayNone, Sound: true}, "ENOENT yes yes ENOENT  unix:" + inside + "pulse/native ENOENT"},
			{Config{}, "ENOENT ENOENT ENOENT ENOENT   ENOENT"},
		} {
			c.config.Program = append([]string{w.self, "test-probe"}, probes...)
			cmd := w.cell(t, order{Config: c.config})
			cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+run, "WAYLAND_DISPLAY=wayland-7")
			got := answers(t, finish(t, cmd), len(probes))
			var all []string
			for _, p := range probes {
				all = append(all, got[p])
			}
			if strings.Join(all, " ") != c.want {
				t.Errorf("%+v: %q, want %q", c.config, all, c.want)
			}
		}
	})
}

// sessionBus is a bus of the outside with two services.
func (w who) sessionBus(t *testing.T) string {
	t.Helper()
	r, wr, err := os.Pipe()
	must(t, err)
	defer r.Close()
	w.start(t, nil, []*os.File{wr}, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path="+filepath.Join(w.base, "session-bus"), "--print-address=3")
	_ = wr.Close()
	_ = r.SetReadDeadline(time.Now().Add(patience))
	address, err := bufio.NewReader(r).ReadString('\n')
	must(t, err)
	address = strings.TrimSpace(address)
	for _, name := range []string{"org.freedesktop.Notifications", "org.example.Secret"} {
		w.start(t, []string{"DBUS_SESSION_BUS_ADDRESS=" + address}, nil, w.self, "test-service", name)
		eventually(t, name, func() bool {
			cmd := w.command("dbus-send", "--session", "--print-reply", "--dest="+name, "/", "org.example.Hello")
			cmd.Env = append(cmd.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
			return cmd.Run() == nil
		})
	}
	return address
}

// Of the session bus a filtered one lets two names through; a private one is
// another bus; without one there is none.
func TestBuses(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		address := w.sessionBus(t)
		send := func(dest string, more string) string {
			return "dbus-send --session --reply-timeout=5000 --print-reply --dest=" + dest + " / " + more + " >/dev/null 2>&1 && echo yes || echo no; "
		}
		script := send("org.freedesktop.Notifications", "org.example.Hello") + send("org.example.Secret", "org.example.Hello") +
			send("org.freedesktop.DBus", "org.freedesktop.DBus.ListNames") +
			send("org.freedesktop.DBus", "org.freedesktop.DBus.RequestName string:org.purpleonion.Helper1 uint32:0") +
			send("org.freedesktop.DBus", "org.freedesktop.DBus.RequestName string:org.example.Own uint32:0") +
			strings.ReplaceAll(send("org.freedesktop.DBus", "org.freedesktop.DBus.UpdateActivationEnvironment dict:string:string:LD_PRELOAD,x")+
				send("org.freedesktop.DBus", "org.freedesktop.DBus.Monitoring.BecomeMonitor array:string:type=signal uint32:0"), " / ", " /org/freedesktop/DBus ") +
			send("org.freedesktop.DBus", "org.freedesktop.DBus.StartServiceByName string:org.freedesktop.systemd1 uint32:0") +
			send("org.freedesktop.DBus", "org.freedesktop.DBus.GetNameOwner string:org.example.Secret") +
			"DBUS_SESSION_BUS_ADDRESS=" + address + " " + send("org.freedesktop.DBus", "org.freedesktop.DBus.ListNames")
		for bus, want := range map[Bus]string{
			BusPrivate:  "no no yes yes yes yes yes no no no",
			BusFiltered: "yes no yes yes no no no no no no",
			BusNone:     "no no no no no no no no no no",
		} {
			cmd := w.cell(t, order{Config: Config{Bus: bus, BusWanted: true, Program: []string{"sh", "-c", script}}})
			cmd.Env = append(cmd.Env, "DBUS_SESSION_BUS_ADDRESS="+address)
			if r := finish(t, cmd); strings.Join(strings.Fields(r.out), " ") != want {
				t.Errorf("%s: %q, want %q; exit %d %s", bus, strings.Fields(r.out), want, r.code, r.err)
			}
		}
		eventually(t, "the proxies are gone", func() bool { return len(alive("--own="+busNames[0]+"\x00")) == 0 || !mine(w, "--own="+busNames[0]) })
	})
}

// mine says whether a process with these words runs as that user.
func mine(w who, words string) bool {
	for _, pid := range alive(words) {
		if st, err := os.Stat("/proc/" + strconv.Itoa(pid)); err == nil && int(st.Sys().(*syscall.Stat_t).Uid) == w.uid {
			return true
		}
	}
	return false
}

// A bus that is not installed is left out, and said, where nobody asked for it.
func TestBusNotInstalled(t *testing.T) {
	t.Parallel()
	w := users(t)[0]
	cmd := w.cell(t, order{Config: Config{Bus: BusPrivate, Program: []string{"/bin/sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS"}}})
	cmd.Env = append(cmd.Env, "PATH=/nowhere")
	if r := finish(t, cmd); r.code != 0 || r.out != "disabled:\n" || !strings.Contains(r.err, "dbus-daemon is not installed") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}

// A user whom no file knows (as with LDAP) has a name inside, for nothing but
// files is asked there; dbus-daemon would not start without.
func TestUserOfNoFile(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	w := newWho(t, "nobody", 64321)
	r := finish(t, w.cell(t, order{Config: Config{Bus: BusPrivate, BusWanted: true, Program: []string{"sh", "-c",
		"id -un; id -gn; getent passwd 64321; getent passwd 0; dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames >/dev/null && echo bus"}}}))
	if r.code != 0 || !strings.HasPrefix(r.out, "probe\nprobe\nprobe:x:64321:64321::"+w.home+":/bin/sh\nroot:") || !strings.HasSuffix(r.out, "bus\n") {
		t.Errorf("exit %d: %q %s", r.code, r.out, r.err)
	}
}

// A program of a terminal keeps it, and cannot type into it for whoever comes after.
func TestTerminal(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		cmd := w.cell(t, order{Config: Config{Program: []string{w.self, "test-probe", "sti", "run:stty size </dev/tty && ls /dev/pts"}}})
		out := onTerminal(t, cmd)
		if !strings.Contains(out, "sti\toperation not permitted") || !strings.Contains(out, "|ptmx") {
			t.Errorf("on a terminal: %q", out)
		}
	})
}

// onTerminal runs a command on a terminal of its own, as its controlling one.
func onTerminal(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	ptmx, tty := terminal(t)
	defer ptmx.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	must(t, cmd.Start())
	_ = tty.Close()
	var out strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := ptmx.Read(b)
			out.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	must(t, cmd.Wait())
	<-done
	return out.String()
}

// Tor goes and comes: the port inside refuses, and serves again.
func TestTorGoesAndComes(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close()) // a port that was asked for by number stays the socket's
	fd, err := listen(uint16(l.Addr().(*net.TCPAddr).Port))
	must(t, err)
	f := os.NewFile(uintptr(fd), "inside")
	l, err = net.FileListener(f)
	must(t, err)
	must(t, f.Close())
	tor := fakeTor(t)
	s := serve(l, maxStreams, forwarder{tor: dialTo(tor)}.serve)
	t.Cleanup(s.close)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	held, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer held.Close()
	for range 3 {
		if got := echo(port); got != "tor:hello" {
			t.Fatalf("while there is a Tor: %q", got)
		}
		s.open(false)
		s.open(false) // Tor tells of its end more than once
		eventually(t, "refused", func() bool { return echo(port) == "ECONNREFUSED" })
		s.open(true)
		s.open(true)
		eventually(t, "served again", func() bool { return echo(port) == "tor:hello" })
		twoWays(t, l.Addr().String())
	}
	_ = held.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 64)
	for err = nil; err == nil; _, err = held.Read(b) {
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a stream stays open without a Tor")
	}
}

// twoWays sends and gets more than once on one connection.
func twoWays(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	for _, want := range []string{"tor:hello", "hello", "hello"} {
		got := make([]byte, len(want))
		if _, err = conn.Write([]byte("hello")); err == nil {
			_, err = io.ReadFull(conn, got)
		}
		if err != nil || string(got) != want {
			t.Fatalf("on one connection: %v %q", err, got)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The forwarder has a bound, and what is beyond it waits for its turn.
func TestForwarderIsBounded(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := serve(l, 3, forwarder{tor: dialTo(fakeTor(t))}.serve)
	t.Cleanup(s.close)
	var conns []net.Conn
	for range 8 {
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		conns = append(conns, conn)
	}
	served := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns)
	}
	eventually(t, "three are served", func() bool { return served() == 6 }) // each has two ends
	time.Sleep(100 * time.Millisecond)
	if n := served(); n != 6 {
		t.Errorf("%d ends are held", n)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if got := echo(port); got != "tor:hello" {
		t.Errorf("afterwards: %q", got)
	}
}

type brokenTor struct{}

func (brokenTor) Connect(context.Context) (net.Conn, error) { panic("broken") }

// A panic closes the port: nothing is reached any more.
func TestForwarderFailsClosed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := serve(l, 3, forwarder{tor: brokenTor{}}.serve)
	t.Cleanup(s.close)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = echo(port)
	eventually(t, "closed", func() bool { return echo(port) == "ECONNREFUSED" })
}
