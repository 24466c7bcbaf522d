// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func eachUser(t *testing.T, f func(*testing.T, who)) {
	for _, w := range users(t) {
		t.Run(w.name, func(t *testing.T) { t.Parallel(); f(t, w) })
	}
}

// hostAddress is an address of this computer beside loopback's, if it has one.
func hostAddress(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// Nothing of the network is reached but the SOCKS port; the same program
// without a cell reaches all of it.
func TestNetwork(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(t), "0"))
		must(t, err)
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
		host := "tcp:" + l.Addr().String()
		abstract := fmt.Sprintf("@cell-test-%d-%s", os.Getpid(), w.name)
		listenUnix(t, abstract)
		got := w.probes(t, order{Socks: fakeTor(t)}, host, "unix:"+abstract, "route", "echo:9050", "list:/sys/class/net")
		control := w.bare(t, host, "unix:"+abstract)
		for _, p := range []string{host, "unix:" + abstract} {
			if control[p] != "yes" {
				t.Errorf("the control cannot reach %s: %s", p, control[p])
			}
			if got[p] == "yes" {
				t.Errorf("%s is reached from inside", p)
			}
		}
		if got["route"] != "0 0" || got["list:/sys/class/net"] != "lo" {
			t.Errorf("routes %q, devices %q", got["route"], got["list:/sys/class/net"])
		}
		if got["echo:9050"] != "tor:hello" {
			t.Errorf("through the SOCKS port: %q", got["echo:9050"])
		}
	})
}

// No path socket of the outside is reached: not in the folders that are fresh
// inside, not in the home, not elsewhere. A bare network namespace lets the
// program reach them all.
func TestPathSockets(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		name := fmt.Sprintf("cell-test-%d-%s", os.Getpid(), w.name)
		link := filepath.Join("/tmp", name+"-link") // by this name it lies in a folder that is fresh inside
		must(t, os.Symlink(w.home, link))
		t.Cleanup(func() { _ = os.Remove(link) })
		paths := []string{filepath.Join("/tmp", name), filepath.Join(w.base, "beside"), filepath.Join(w.home, "in-home"), filepath.Join(w.home, "user-dir/control"), filepath.Join("/var/tmp", name)}
		if os.Geteuid() == 0 {
			paths = append(paths, "/run/"+name, "/dev/"+name)
			// An nscd of this computer's will do as well.
			if _, err := os.Stat("/run/nscd"); err != nil && w.name == "self" {
				must(t, os.Mkdir("/run/nscd", 0o755))
				t.Cleanup(func() { _ = os.Remove("/run/nscd") })
				paths = append(paths, "/run/nscd/socket")
			}
		}
		must(t, os.Mkdir(filepath.Join(w.home, "user-dir"), 0o755))
		var probes []string
		for _, p := range paths {
			listenUnix(t, p)
			probes = append(probes, "unix:"+p)
		}
		listenUnix(t, filepath.Join(link, "linked"))
		probes = append(probes, "unix:"+filepath.Join(w.home, ".purple/control"), "unix:"+filepath.Join(w.home, "linked"))
		got := w.probes(t, order{Config: Config{UserDir: filepath.Join(w.home, "user-dir")}}, probes...)
		control := answers(t, finish(t, w.command(append([]string{"unshare", "-U", "-r", "-n", w.self, "test-probe"}, probes...)...)), len(probes))
		for _, p := range probes {
			if control[p] != "yes" && !strings.HasSuffix(p, ".purple/control") {
				t.Errorf("a bare network namespace does not reach %s: %s", p, control[p])
			}
			if got[p] == "yes" {
				t.Errorf("%s is reached from inside", p)
			}
		}
	})
}

// An automounter is covered: to touch a name below it has a program outside
// ask for that name.
func TestAutomounter(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount one")
	}
	w := users(t)[0]
	dir := filepath.Join(w.home, "net")
	must(t, os.Mkdir(dir, 0o755))
	inner := w.cell(t, order{Config: Config{Program: []string{"sh", "-c", "ls -A " + dir + " && ls " + dir + "/a.test 2>&1; exit 5"}}})
	r, wr, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer wr.Close()
	cmd := w.command(append([]string{w.self, "test-automount", dir}, inner.Args...)...)
	cmd.ExtraFiles = append(inner.ExtraFiles, wr)
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS
	if res := finish(t, cmd); res.code != 5 || !strings.Contains(res.out, "No such file") {
		t.Errorf("exit %d: %s%s", res.code, res.out, res.err)
	}
}

// Four families of sockets can be made, and no other way to make them works.
func TestFamilies(t *testing.T) {
	t.Parallel()
	socket := func(n ...int) string {
		return fmt.Sprintf("socket:%d,%d,%d", n[0], n[1], n[2])
	}
	pair := fmt.Sprintf("pair:%d,%d,0", unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC)
	open := []string{
		socket(unix.AF_UNIX, unix.SOCK_STREAM, 0), socket(unix.AF_INET, unix.SOCK_STREAM, 0), socket(unix.AF_INET6, unix.SOCK_DGRAM, 0),
		socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE), socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT), pair,
	}
	shut := map[string]string{
		socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0):                           "EAFNOSUPPORT",
		socket(unix.AF_PACKET, unix.SOCK_RAW, 0):                             "EAFNOSUPPORT",
		socket(unix.AF_BLUETOOTH, unix.SOCK_STREAM, 3):                       "EAFNOSUPPORT",
		socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0):                          "EAFNOSUPPORT",
		socket(unix.AF_TIPC, unix.SOCK_STREAM, 0):                            "EAFNOSUPPORT",
		fmt.Sprintf("pair:%d,%d,0", unix.AF_VSOCK, unix.SOCK_STREAM):         "EAFNOSUPPORT",
		socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER):       "EPROTONOSUPPORT",
		fmt.Sprintf("socket:%d,%d,0", unix.AF_VSOCK|1<<32, unix.SOCK_STREAM): "EAFNOSUPPORT", // the kernel looks at 32 bits
		"call:" + strconv.Itoa(unix.SYS_IO_URING_SETUP):                      unix.ENOSYS.Error(),
		"call:" + strconv.Itoa(unix.SYS_REQUEST_KEY):                         unix.ENOSYS.Error(),
		"call:" + strconv.Itoa(unix.SYS_KEYCTL):                              unix.ENOSYS.Error(),
		"call:" + strconv.Itoa(unix.SYS_SETNS):                               unix.EPERM.Error(),
		"call:" + strconv.Itoa(unix.SYS_BPF):                                 unix.EPERM.Error(),
		socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0):                             "ESOCKTNOSUPPORT",
		socket(unix.AF_UNIX, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0):             "ESOCKTNOSUPPORT", // a datagram's, too
		fmt.Sprintf("pair:%d,%d,0", unix.AF_UNIX, unix.SOCK_DGRAM):           "ESOCKTNOSUPPORT",
		"sti": unix.EPERM.Error(),
	}
	eachUser(t, func(t *testing.T, w who) {
		probes := slices.Clone(open)
		for p := range shut {
			probes = append(probes, p)
		}
		got, control := w.probes(t, order{}, probes...), w.bare(t, probes...)
		for _, p := range open {
			if got[p] != "yes" {
				t.Errorf("%s: %s", p, got[p])
			}
		}
		for p, want := range shut {
			if got[p] != want {
				t.Errorf("%s: %s, want %s", p, got[p], want)
			}
		}
		if p := socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); control[p] != "yes" {
			t.Errorf("the control cannot make AF_VSOCK: %s", control[p])
		}
		for _, p := range []string{"call:" + strconv.Itoa(unix.SYS_SETNS), "call:" + strconv.Itoa(unix.SYS_KEYCTL), "sti"} {
			if control[p] == shut[p] {
				t.Errorf("the control gets the same for %s: %s", p, control[p])
			}
		}
	})
}

// The program has no privilege, no descriptor beside the three, and its own
// names for itself.
func TestConfined(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		cmd := w.cell(t, order{Config: Config{Program: []string{w.self, "test-probe", "fds", "line:CapPrm", "line:CapBnd", "line:CapInh", "line:CapAmb",
			"line:NoNewPrivs", "line:Seccomp", "id", "rlimit", "dir", "run:ls /proc | grep -c '^[0-9]'", "run:readlink /proc/1/cwd", "run:kill -9 1; mount -t tmpfs none /mnt"}}})
		left, err := os.Open("/tmp")
		must(t, err)
		defer left.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, left, left, left) // as a careless shell leaves them open
		got := answers(t, finish(t, cmd), 13)
		for _, kind := range []string{"user", "net", "mnt", "pid", "ipc", "uts"} {
			p := "run:readlink /proc/self/ns/" + kind
			if in, out := w.probes(t, order{}, p)[p], w.bare(t, p)[p]; in == out || !strings.HasPrefix(in, kind) {
				t.Errorf("the namespace %s is %s inside and %s outside", kind, in, out)
			}
		}
		none := "0000000000000000"
		want := map[string]string{
			"fds": "0 1 2", "line:CapPrm": none, "line:CapBnd": none, "line:CapInh": none, "line:CapAmb": none, "line:NoNewPrivs": "1", "line:Seccomp": "2",
			"id": fmt.Sprintf("%d %d localhost", w.uid, w.uid), "rlimit": "1 1", "dir": w.home, "run:readlink /proc/1/cwd": "/",
		}
		for p, v := range want {
			if got[p] != v {
				t.Errorf("%s: %q, want %q", p, got[p], v)
			}
		}
		if n, err := strconv.Atoi(got["run:ls /proc | grep -c '^[0-9]'"]); err != nil || n > 6 {
			t.Errorf("%s processes are seen", got["run:ls /proc | grep -c '^[0-9]'"])
		}
		if v := got["run:kill -9 1; mount -t tmpfs none /mnt"]; !strings.Contains(v, "exit status") {
			t.Errorf("the program can mount: %q", v)
		}
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		got := w.probes(t, order{}, "file:/etc/hosts", "file:/etc/hostname", "file:/etc/resolv.conf", "run:grep hosts: /etc/nsswitch.conf", "run:getent hosts localhost", "run:getent hosts example.com || true")
		if got["file:/etc/hosts"] != "127.0.0.1 localhost|::1 localhost|" || strings.Contains(got["file:/etc/resolv.conf"], "nameserver") {
			t.Errorf("%q", got)
		}
		if strings.Join(strings.Fields(got["run:grep hosts: /etc/nsswitch.conf"]), " ") != "hosts: files" || got["run:getent hosts example.com || true"] != "" {
			t.Errorf("%q", got)
		}
		if !strings.Contains(got["run:getent hosts localhost"], "localhost") {
			t.Errorf("localhost is not known: %q", got)
		}
	})
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	w := users(t)
	w = w[len(w)-1:]
	script := filepath.Join(w[0].home, "script")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\nexit 9\n"), 0o755))
	broken := filepath.Join(w[0].home, "broken")
	must(t, os.WriteFile(broken, []byte("not a program"), 0o755))
	plain := filepath.Join(w[0].home, "plain")
	must(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644))
	for _, c := range []struct {
		program []string
		code    int
	}{
		{[]string{"true"}, 0}, {[]string{"sh", "-c", "exit 7"}, 7}, {[]string{"sh", "-c", "exit 255"}, 255},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143}, {[]string{"sh", "-c", "kill -9 $$"}, 137}, {[]string{"sh", "-c", "kill -SEGV $$"}, 139},
		{[]string{script}, 9}, {[]string{"./script"}, 9}, {[]string{broken}, 126}, {[]string{plain}, 126}, {[]string{w[0].home}, 126},
		{[]string{"no-such-program"}, 127}, {[]string{"/no/such/program"}, 127}, {[]string{"./no"}, 127},
		{[]string{"sh", "-c", "sleep 1000 & exit 3"}, 3}, // what it leaves is ended
	} {
		t.Run(strings.Join(c.program, " "), func(t *testing.T) {
			r := finish(t, w[0].cell(t, order{Config: Config{Program: c.program}}))
			if r.code != c.code {
				t.Errorf("exit %d, want %d: %s%s", r.code, c.code, r.out, r.err)
			}
			if said := strings.Contains(r.err, "error:"); said != (c.code == 126 || c.code == 127) {
				t.Errorf("said %q", r.err)
			}
		})
	}
}

// A cell that cannot be made is 125 with the reason, and starts no program.
func TestNotMade(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		mark := filepath.Join(w.home, "started")
		for _, c := range []struct {
			order order
			env   string
			says  string
		}{
			{order{Config: Config{UserDir: "/no/such/dir"}}, "", "user directory"},
			{order{Config: Config{UserDir: w.self}}, "", "not a folder"},
			{order{}, "HOME=", "HOME"},
			{order{}, "HOME=/nowhere", "no folder"},
			{order{Config: Config{Display: DisplayX11}}, "", "DISPLAY is not set"},
			{order{Config: Config{Display: DisplayX11}}, "DISPLAY=box:10.0", "not of this computer"},
			{order{Config: Config{Display: DisplayX11}}, "DISPLAY=:64999", "is no socket"},
			{order{Config: Config{Display: DisplayWayland}}, "", "WAYLAND_DISPLAY is not set"},
			{order{Config: Config{Bus: BusFiltered, BusWanted: true}}, "", "DBUS_SESSION_BUS_ADDRESS"},
			{order{Config: Config{Bus: BusFiltered, BusWanted: true}}, "PATH=/nowhere", "xdg-dbus-proxy is not installed"},
			{order{Config: Config{Bus: BusPrivate, BusWanted: true}}, "PATH=/nowhere", "dbus-daemon is not installed"},
		} {
			c.order.Program = []string{"/bin/sh", "-c", "touch " + mark}
			cmd := w.cell(t, c.order)
			cmd.Env = append(cmd.Env, c.env)
			r := finish(t, cmd)
			if r.code != CodeNotMade || !strings.Contains(r.err, c.says) {
				t.Errorf("%s: exit %d: %s", c.says, r.code, r.err)
			}
		}
		if _, err := os.Stat(mark); err == nil {
			t.Error("a program was started")
		}
	})
}

// Where no user namespaces are allowed, the switch is named. The limit is set
// in a user namespace of the test's own, where it holds too.
func TestSwitchIsNamed(t *testing.T) {
	t.Parallel()
	w := users(t)[0]
	cmd := w.cell(t, order{Config: Config{Program: []string{"true"}}})
	args := append([]string{"unshare", "-U", "-r", "sh", "-c", `echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"`, "sh"}, cmd.Args...)
	outer := w.command(args...)
	outer.ExtraFiles = cmd.ExtraFiles
	r := finish(t, outer)
	if r.code != CodeNotMade || !strings.Contains(r.err, "sysctl user.max_user_namespaces") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// alive lists the processes that carry a mark in their arguments.
func alive(mark string) []int {
	var list []int
	dirs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range dirs {
		data, _ := os.ReadFile(f)
		if strings.Contains(string(data), mark) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			list = append(list, pid)
		}
	}
	return list
}

// Killed from either side, nothing is left: not the program, not what it
// started in sessions of their own, not init.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		for _, side := range []string{"run", "init", "stopped init"} {
			mark := fmt.Sprintf("cell-mark-%d-%s-%s", os.Getpid(), w.name, strings.ReplaceAll(side, " ", "-"))
			cmd := w.cell(t, order{Config: Config{Program: []string{"sh", "-c", `setsid sh -c 'trap "" TERM HUP; sleep 1000; : ` + mark + `' & sleep 1000; : ` + mark}}})
			must(t, cmd.Start())
			eventually(t, "started", func() bool { return len(alive(mark)) == 2 })
			init := initOf(t, cmd.Process.Pid)
			switch side {
			case "run":
				must(t, cmd.Process.Kill())
			case "init":
				must(t, unix.Kill(init, unix.SIGKILL))
			case "stopped init":
				must(t, unix.Kill(init, unix.SIGSTOP))
				must(t, cmd.Process.Kill())
			}
			_ = cmd.Wait()
			eventually(t, "gone after a kill of "+side, func() bool { return len(alive(mark)) == 0 && unix.Kill(init, 0) != nil })
			if side == "init" && cmd.ProcessState.ExitCode() != 137 {
				t.Errorf("init killed: exit %d", cmd.ProcessState.ExitCode())
			}
		}
	})
}

// initOf is the one child of run.
func initOf(t *testing.T, run int) int {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(run)).Output()
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	must(t, err)
	return pid
}

// Signals pass, once: also where the terminal sent them to the whole group.
func TestSignals(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		for i, s := range passed {
			for _, group := range []bool{false, true} {
				if group && i%3 != 0 {
					continue
				}
				ready := filepath.Join(w.home, fmt.Sprintf("ready-%d-%t", s, group))
				cmd := w.cell(t, order{Config: Config{Program: []string{w.self, "test-probe", "wait:" + ready}}})
				cmd.SysProcAttr.Setpgid = true
				end := begin(t, cmd)
				eventually(t, "ready", func() bool { _, err := os.Stat(ready); return err == nil })
				to := cmd.Process.Pid
				if group {
					to = -to
				}
				must(t, unix.Kill(to, s.(syscall.Signal)))
				if r := end(); !strings.HasSuffix(strings.TrimSpace(r.out), "\t"+s.String()) {
					t.Errorf("%v (group %t): exit %d, %s%s", s, group, r.code, r.out, r.err)
				}
			}
		}
	})
}

func TestHomes(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		dir, kept := filepath.Join(w.base, "identity"), filepath.Join(w.home, "kept")
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "accounts.xml"), []byte("mine"), 0o600))
		must(t, os.WriteFile(kept, []byte("kept"), 0o600))
		for _, f := range []string{dir, filepath.Join(dir, "accounts.xml"), kept} {
			must(t, os.Chown(f, w.uid, w.uid))
		}
		// An empty home, with the user directory alone. The program is a system's one.
		r := finish(t, w.cell(t, order{Config: Config{EmptyHome: true, UserDir: dir, Program: []string{"sh", "-c",
			`ls -A ~; cat ~/.purple/accounts.xml; echo; echo new >~/.purple/new; echo gone >~/gone; echo "$PURPLEHOME$XDG_CONFIG_HOME"`}}}))
		if r.code != 0 || r.out != ".purple\nmine\n\n" {
			t.Errorf("an empty home: exit %d %q %s", r.code, r.out, r.err)
		}
		if data, _ := os.ReadFile(filepath.Join(dir, "new")); string(data) != "new\n" {
			t.Error("the user directory is not written to")
		}
		if _, err := os.Stat(filepath.Join(w.home, "gone")); err == nil {
			t.Error("an empty home is written to the real one")
		}
		// The shared home is the real one.
		r = finish(t, w.cell(t, order{Config: Config{UserDir: dir, Program: []string{"sh", "-c", `cat ~/kept ~/.purple/accounts.xml; echo new >~/written`}}}))
		if r.code != 0 || r.out != "keptmine" {
			t.Errorf("a shared home: exit %d %q %s", r.code, r.out, r.err)
		}
		if _, err := os.Stat(filepath.Join(w.home, "written")); err != nil {
			t.Error("a shared home is not written to")
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	w := users(t)
	cmd := w[len(w)-1].cell(t, order{Config: Config{Program: []string{"env"}, TorPort: 19050}})
	keep := []string{"LANG=C.UTF-8", "EDITOR=ed", "XDG_DATA_HOME=/data"}
	gone := []string{"http_proxy", "HTTPS_PROXY", "all_proxy", "no_proxy", "HTTPPROXY_PORT", "SSH_AUTH_SOCK", "SSH_CONNECTION", "GPG_AGENT_INFO",
		"DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "SESSION_MANAGER", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "PULSE_SERVER",
		"TOR_CONTROL_PASSWD", "TOR_CONTROL_IPC_PATH", "DOCKER_HOST", "NOTIFY_SOCKET", "TMUX", "SOCKS_SERVER", "SOCKS5_SERVER", "DESKTOP_STARTUP_ID", "XAUTHLOCALHOSTNAME", "SWAYSOCK", "CREDENTIALS_DIRECTORY", "HOSTNAME", "AT_SPI_BUS_ADDRESS"}
	cmd.Env = append(cmd.Env, keep...)
	for _, name := range gone {
		cmd.Env = append(cmd.Env, name+"=outside")
	}
	cmd.Env = append(cmd.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path=/outside", "TOR_SOCKS_PORT=1")
	r := finish(t, cmd)
	lines := strings.Split(r.out, "\n")
	if strings.Contains(r.out, "outside") {
		t.Errorf("left: %s", r.out)
	}
	for _, want := range append(keep, "PURPLE_ONION_CELL=1", "TOR_SOCKS_HOST=127.0.0.1", "TOR_SOCKS_PORT=19050", "DBUS_SESSION_BUS_ADDRESS=disabled:",
		fmt.Sprintf("XDG_RUNTIME_DIR=/run/user/%d", w[len(w)-1].uid)) {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s in %s", want, r.out)
		}
	}
}
