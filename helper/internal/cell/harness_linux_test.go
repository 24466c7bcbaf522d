// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// The tests run real cells. The test binary is all of its parts: what runs a
// cell (as root and as a user without privileges), the stages, and the program
// inside, which probes what it can reach.

func TestMain(m *testing.M) {
	if code, isStage := Stage(os.Args); isStage {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == "test-run" {
		os.Exit(testRun())
	}
	if len(os.Args) > 1 && os.Args[1] == "test-probe" {
		for _, p := range os.Args[2:] {
			what, arg, _ := strings.Cut(p, ":")
			fmt.Printf("%s\t%s\n", p, probe(what, arg))
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "test-automount" {
		os.Exit(testAutomount(os.Args[2], os.Args[3:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "test-service" {
		os.Exit(testService(os.Args[2]))
	}
	code := m.Run()
	_ = os.RemoveAll(filepath.Dir(self()))
	os.Exit(code)
}

// order is a Config for a process of its own.
type order struct {
	Config
	Socks string // where the fake Tor listens; empty: none answers

	Tor, Control, Say, Alive any `json:",omitempty"` // hide Config's, which are no data
}

// greeter is a service on a session bus.
type greeter struct{}

func (greeter) Hello() *dbus.Error { return nil }

func testService(name string) int {
	conn, err := dbus.ConnectSessionBus()
	if err == nil {
		err = conn.Export(greeter{}, "/", "org.example")
	}
	if err == nil {
		_, err = conn.RequestName(name, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	<-conn.Context().Done()
	return 0
}

// testAutomount mounts an automounter, whose requests (autofs.rst) go into the
// pipe at descriptor 4 and are never answered, and goes on as another program.
func testAutomount(dir string, args []string) int {
	err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("test", dir, "autofs", 0, fmt.Sprintf("fd=4,pgrp=%d,minproto=5,maxproto=5,indirect", unix.Getpgrp()))
	}
	if err == nil {
		err = unix.Setpgid(0, 0) // its own process group is let through
	}
	if err == nil {
		err = unix.Exec(args[0], args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "automount:", err)
	return 1
}

type dialTo string

func (d dialTo) Connect(ctx context.Context) (net.Conn, error) {
	if d == "" {
		return nil, errors.New("no Tor")
	}
	network := "tcp"
	if strings.HasPrefix(string(d), "/") {
		network = "unix"
	}
	return (&net.Dialer{}).DialContext(ctx, network, string(d))
}

func testRun() int {
	var o order
	if err := json.NewDecoder(os.NewFile(3, "order")).Decode(&o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	c := &o.Config
	c.Tor, c.Env, c.Say = dialTo(o.Socks), os.Environ(), func(s string) { fmt.Fprintln(os.Stderr, "cell: "+s) }
	code, err := Run(context.Background(), *c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	return code
}

// who runs cells: a user with a home.
type who struct {
	name string
	uid  int
	base string
	home string
	self string
}

// users are this user, and where it is root one without privileges.
func users(t testing.TB) []who {
	t.Helper()
	list := []who{newWho(t, "self", os.Geteuid())}
	if os.Geteuid() == 0 {
		list = append(list, newWho(t, "user", 1)) // daemon, which every system has
	}
	return list
}

// self is a copy of the test binary that every user may run, where it is seen
// inside too.
var self = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("/var/tmp", "cell-probe-")
	if err != nil {
		panic(err)
	}
	data, err := os.ReadFile("/proc/self/exe")
	file := filepath.Join(dir, "probe")
	if err != nil || os.Chmod(dir, 0o755) != nil || os.WriteFile(file, data, 0o755) != nil {
		panic("cannot copy the test binary")
	}
	return file
})

func newWho(t testing.TB, name string, uid int) who {
	t.Helper()
	parent := "/tmp" // fresh inside
	if name == "self" {
		parent = "/var/tmp"
	}
	base, err := os.MkdirTemp(parent, "cell-"+name+"-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	w := who{name: name, uid: uid, base: base, home: filepath.Join(base, "home")}
	w.self = self()
	must(t, os.Chmod(base, 0o755))
	must(t, os.Mkdir(w.home, 0o755))
	for _, f := range []string{base, w.home} {
		must(t, os.Chown(f, uid, uid))
	}
	return w
}

// command runs something as that user.
func (w who) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"HOME=" + w.home, "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "USER=probe"}
	cmd.Dir = w.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 && w.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(w.uid), Gid: uint32(w.uid)}
	}
	return cmd
}

// cell is a command that runs a cell.
func (w who) cell(t testing.TB, o order) *exec.Cmd {
	t.Helper()
	if o.TorPort == 0 {
		o.TorPort = 9050
	}
	if o.Dir == "" {
		o.Dir = w.home
	}
	r, wr, err := os.Pipe()
	must(t, err)
	must(t, json.NewEncoder(wr).Encode(o))
	must(t, wr.Close())
	t.Cleanup(func() { _ = r.Close() })
	cmd := w.command(w.self, "test-run")
	cmd.ExtraFiles = []*os.File{r}
	return cmd
}

// result is what a cell came to.
type result struct {
	code     int
	out, err string
}

func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	return begin(t, cmd)()
}

// begin starts it, and gives what waits for its end.
func begin(t testing.TB, cmd *exec.Cmd) func() result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	must(t, cmd.Start())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	return func() result {
		t.Helper()
		err := cmd.Wait()
		if !timer.Stop() {
			t.Fatalf("it does not end; so far: %s%s", out.String(), errs.String())
		}
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	}
}

// probes runs probes in a cell and gives their answers.
func (w who) probes(t testing.TB, o order, probes ...string) map[string]string {
	t.Helper()
	o.Program = append([]string{w.self, "test-probe"}, probes...)
	r := finish(t, w.cell(t, o))
	return answers(t, r, len(probes))
}

// bare runs the same probes without a cell: the control.
func (w who) bare(t testing.TB, probes ...string) map[string]string {
	t.Helper()
	return answers(t, finish(t, w.command(append([]string{w.self, "test-probe"}, probes...)...)), len(probes))
}

func answers(t testing.TB, r result, n int) map[string]string {
	t.Helper()
	got := map[string]string{}
	for line := range strings.Lines(r.out) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "\t")
		got[k] = v
	}
	if r.code != 0 || len(got) != n {
		t.Fatalf("exit %d, %d answers of %d: %s%s", r.code, len(got), n, r.out, r.err)
	}
	return got
}

// probe is one thing tried by the program; "yes" where it worked.
func probe(what, arg string) string {
	switch what {
	case "unix": // connect to a path or (with @) an abstract socket
		return answerOf(try("unix", arg))
	case "tcp":
		return answerOf(try("tcp", arg))
	case "socket": // FAMILY,TYPE,PROTOCOL
		n := numbers(arg)
		fd, err := unix.Socket(n[0], n[1], n[2])
		if err == nil {
			_ = unix.Close(fd)
		}
		return answerOf(err)
	case "pair":
		n := numbers(arg)
		pair, err := unix.Socketpair(n[0], n[1], n[2])
		if err == nil {
			_, _ = unix.Close(pair[0]), unix.Close(pair[1])
		}
		return answerOf(err)
	case "call": // NUMBER
		_, _, e := unix.Syscall6(uintptr(numbers(arg)[0]), ^uintptr(0), 0, 0, 0, 0, 0)
		return e.Error()
	case "fds":
		return descriptors()
	case "file":
		data, err := os.ReadFile(arg)
		if err != nil {
			return answerOf(err)
		}
		return strings.ReplaceAll(string(data), "\n", "|")
	case "opens": // for writing
		f, err := os.OpenFile(arg, os.O_WRONLY, 0)
		if err == nil {
			_ = f.Close()
		}
		return answerOf(err)
	case "write":
		return answerOf(os.WriteFile(arg, []byte("inside"), 0o600))
	case "list":
		return listing(arg)
	case "env":
		return os.Getenv(arg)
	case "line": // of /proc/self/status
		return statusLine(arg)
	case "id":
		host, _ := os.Hostname()
		return fmt.Sprintf("%d %d %s", os.Getuid(), os.Getgid(), host)
	case "dir":
		dir, _ := os.Getwd()
		return dir
	case "route":
		data, _ := os.ReadFile("/proc/net/route")
		six, _ := os.ReadFile("/proc/net/ipv6_route")
		return fmt.Sprint(strings.Count(string(data), "\n")-1, strings.Count(string(six), "\n")-strings.Count(string(six), " lo\n"))
	case "echo": // through the SOCKS port
		return echo(arg)
	case "listen": // at a path, and does not come back
		if got := own(arg); got != "yes" {
			return got
		}
		time.Sleep(patience)
	case "own":
		return own(arg)
	case "exists":
		return exists(arg)
	case "race":
		return race(arg)
	case "connects":
		return connects(numbers(arg)[0])
	case "sink": // PORT
		return sink(arg)
	case "sti":
		c := byte('x')
		_, _, e := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&c)))
		return e.Error()
	case "run":
		out, err := exec.Command("sh", "-c", arg).CombinedOutput()
		text := strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "|")
		if err != nil {
			return text + " " + err.Error()
		}
		return text
	case "wait": // says that it is there, and waits for a signal
		return awaitSignal(arg)
	case "rlimit":
		var l unix.Rlimit
		_ = unix.Getrlimit(unix.RLIMIT_CORE, &l)
		return fmt.Sprint(l.Cur, l.Max)
	}
	return "no such probe"
}

func try(network, address string) error {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func answerOf(err error) string {
	var e syscall.Errno
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &e):
		return unix.ErrnoName(e)
	}
	return err.Error()
}

func numbers(text string) [3]int {
	var n [3]int
	for i, f := range strings.Split(text, ",") {
		v, err := strconv.ParseInt(f, 0, 64)
		if err != nil {
			panic(err)
		}
		n[i] = int(v)
	}
	return n
}

func descriptors() string {
	var list []string
	for fd := range 1024 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			to, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			if !strings.HasPrefix(to, "anon_inode:") { // the probe's own, of Go's runtime
				list = append(list, strconv.Itoa(fd))
			}
		}
	}
	return strings.Join(list, " ")
}

func listing(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return answerOf(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func statusLine(name string) string {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "no such line"
}

// echo sends a line to a port of loopback, ends its half, and reads until the end.
func echo(port string) string {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 10*time.Second)
	if err != nil {
		return answerOf(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err = io.WriteString(conn, "hello"); err != nil {
		return answerOf(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	data, err := io.ReadAll(conn)
	if err != nil {
		return answerOf(err)
	}
	return string(data)
}

func awaitSignal(ready string) string {
	c := make(chan os.Signal, 8)
	signal.Notify(c, passed...)
	_ = os.WriteFile(ready, []byte("ready"), 0o600)
	select {
	case s := <-c:
		select { // a second one would be a doubled one
		case <-c:
			return s.String() + " twice"
		case <-time.After(500 * time.Millisecond):
		}
		return s.String()
	case <-time.After(patience):
		return "none"
	}
}

// fakeTor is a listener that sends back what it reads, after what says so.
func fakeTor(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, "tor:")
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// listenUnix binds a path socket that anyone may connect to.
func listenUnix(t testing.TB, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	if !strings.HasPrefix(path, "@") {
		must(t, os.Chmod(path, 0o777))
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
}

// eventually waits for something to come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
	}
}

// terminal is a new pair of a terminal's ends.
func terminal(t testing.TB) (ptmx, tty *os.File) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	raw, err := ptmx.SyscallConn()
	must(t, err)
	n := 0
	must(t, raw.Control(func(fd uintptr) {
		must(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	}))
	must(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	return ptmx, tty
}
