// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
)

func TestConfined(t *testing.T) {
	proc := t.TempDir()
	process := func(pid, cgroup string, flatpak bool) {
		if err := os.MkdirAll(filepath.Join(proc, pid, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
		if cgroup != "" {
			if err := os.WriteFile(filepath.Join(proc, pid, "cgroup"), []byte(cgroup), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if flatpak {
			if err := os.WriteFile(filepath.Join(proc, pid, "root/.flatpak-info"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const plain = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope\n"
	process("10", plain, false)
	process("11", plain, true)
	process("12", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-1.scope\n", false)
	process("13", "", false)
	uid := uint32(os.Geteuid())
	tests := []struct {
		name     string
		pid, uid uint32
		label    string
		want     bool
	}{
		{"a program", 10, uid, "", false},
		{"unconfined", 10, uid, "unconfined\x00", false},
		{"a profile that confines nothing", 10, uid, "brave (unconfined)", false},
		{"SELinux", 10, uid, "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\x00", false},
		{"AppArmor", 10, uid, "/usr/bin/pidgin (enforce)\x00", true},
		{"AppArmor, complaining", 10, uid, "pidgin (complain)", true},
		{"snap's label", 10, uid, "snap.x.y (enforce)", true},
		{"Flatpak", 11, uid, "", true},
		{"snap's group", 12, uid, "", true},
		{"its groups cannot be read", 13, uid, "", true},
		{"it has ended", 14, uid, "", true},
		{"another user", 10, uid + 1, "", true},
		{"no process", 0, uid, "", true},
	}
	for _, tt := range tests {
		creds := map[string]dbus.Variant{"ProcessID": dbus.MakeVariant(tt.pid), "UnixUserID": dbus.MakeVariant(tt.uid)}
		if tt.label != "" {
			creds["LinuxSecurityLabel"] = dbus.MakeVariant([]byte(tt.label))
		}
		if got := confined(creds, proc, false); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	for _, tt := range tests { // on a cell's own bus nobody has a number; who has one is another's
		creds := map[string]dbus.Variant{"ProcessID": dbus.MakeVariant(tt.pid), "UnixUserID": dbus.MakeVariant(tt.uid), "LinuxSecurityLabel": dbus.MakeVariant([]byte(tt.label))}
		if got, want := confined(creds, proc, true), tt.want && tt.pid != 0; got != want {
			t.Errorf("%s, in a cell: %v", tt.name, got)
		}
	}
	if !confined(nil, proc, true) || !confined(map[string]dbus.Variant{"ProcessID": dbus.MakeVariant("10"), "UnixUserID": dbus.MakeVariant(uid)}, proc, true) {
		t.Error("nothing known is not taken for a sandbox")
	}
	c := callers{proc: proc, credentials: func(string) (map[string]dbus.Variant, error) { return nil, errors.New("no answer") }}
	if !c.sandboxed(":1.1") || numberless(c.credentials(":1.1")) {
		t.Error("who cannot be told is not taken for a sandbox")
	}
}

// inFlatpak runs a command in a root of its own that has Flatpak's mark.
const inFlatpak = `set -e
root=$1; shift
mount -t tmpfs tmpfs "$root"
for d in /*; do
  if [ -d "$d" ] && [ ! -L "$d" ]; then mkdir "$root$d" && mount --rbind "$d" "$root$d"
  elif [ -L "$d" ]; then cp -a "$d" "$root$d"; fi
done
: >"$root/.flatpak-info"
exec chroot "$root" "$@"`

// A caller in a sandbox, seen through the real bus and the real /proc, learns
// no name and changes nothing; the same caller outside does.
func TestSandboxedCaller(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	_, objects := s.look()
	var alice dbus.ObjectPath
	for p, a := range objects {
		if a.Account == aliceAccount {
			alice = p
		}
	}
	words := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		words = []string{"unshare", "--mount", "--map-root-user"}
	}
	run := func(sandbox bool, args ...string) string {
		t.Helper()
		args = append([]string{"gdbus", "call", "--address", address, "--dest", Name, "--object-path"}, args...)
		if sandbox {
			args = append(append(append([]string{}, words...), "sh", "-c", inFlatpak, "sh", t.TempDir()), args...)
		}
		out, _ := exec.Command(args[0], args[1:]...).CombinedOutput()
		return string(out)
	}
	personal := []string{"alice", "bob@", "CIRCUIT", "EXIT", "buddy"}
	for _, call := range [][]string{
		{string(Path), "--method", managerInterface + ".GetManagedObjects"},
		{string(alice), "--method", propertiesInterface + ".GetAll", accountInterface},
		{string(alice), "--method", propertiesInterface + ".Get", accountInterface, "Name"},
		{string(Path), "--method", helperInterface + ".Status"},
	} {
		outside, inside := run(false, call...), run(true, call...)
		if !strings.Contains(outside, "alice") {
			t.Errorf("the control, %v: %s", call, outside)
		}
		if strings.Contains(inside, "rror") {
			t.Errorf("%v: %s", call, inside)
		}
		for _, word := range personal {
			if strings.Contains(inside, word) {
				t.Errorf("%v tells %q: %s", call, word, inside)
			}
		}
	}
	if out := run(true, string(alice), "--method", propertiesInterface+".Get", accountInterface, "State"); !strings.Contains(out, "online") {
		t.Errorf("State: %s", out)
	}
	if out := run(true, string(Path), "--method", helperInterface+".Audit", "{}"); !strings.Contains(out, "[] true info") {
		t.Errorf("an audit is not redacted: %s", out)
	}
	for _, call := range [][]string{
		{string(Path), "--method", helperInterface + ".Protect", aliceAccount.String(), "secret"},
		{string(Path), "--method", helperInterface + ".Release", "prpl-jabber:nobody"},
		{string(Path), "--method", helperInterface + ".NewCircuit", aliceAccount.String()},
		{string(Path), "--method", helperInterface + ".Audit", "{'user_dirs': <['/etc']>}"},
	} {
		if out := run(true, call...); !strings.Contains(out, "AccessDenied") {
			t.Errorf("%v: %s", call, out)
		}
	}
	if did := s.doings(); len(did) != 0 {
		t.Errorf("a sandbox did %v", did)
	}
}

// handedOver is a connection to the bus by a process that has ended since:
// what the bus knows of the caller is nobody any more.
func handedOver(t *testing.T, address string) *dbus.Conn {
	t.Helper()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestConnectsAndEnds$")
	cmd.Env = append(os.Environ(), "HAND_OVER="+unixSockets(address)[0])
	cmd.ExtraFiles = []*os.File{theirs}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	oob := make([]byte, 64)
	_, n, _, _, err := syscall.Recvmsg(pair[0], make([]byte, 1), oob, 0)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[0]), "bus")
	defer file.Close()
	socket, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dbus.NewConn(socket)
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

// TestConnectsAndEnds is handedOver's other process.
func TestConnectsAndEnds(t *testing.T) {
	path := os.Getenv("HAND_OVER")
	if path == "" {
		return
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = syscall.Sendmsg(3, []byte{0}, syscall.UnixRights(fd), nil, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A caller whose process has ended before it is looked at may have been in a
// sandbox: it learns no name and changes nothing.
func TestCallerThatEnded(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	c := handedOver(t, address)
	objects, err := call1[map[dbus.ObjectPath]map[string]map[string]dbus.Variant](t, c, Path, managerInterface+".GetManagedObjects")
	if err != nil || len(objects) != 2 {
		t.Fatalf("%v %v", objects, err)
	}
	text, err := call1[string](t, c, Path, helperInterface+".Status")
	if told := flat([]any{objects}) + text; err != nil || strings.Contains(told, "alice") || strings.Contains(told, "bob@") || strings.Contains(told, "CIRCUIT") {
		t.Errorf("it learns %v %s %v", objects, text, err)
	}
	if err := c.Object(Name, Path).Call(helperInterface+".Protect", 0, aliceAccount.String(), "secret").Err; errorName(err) != accessDenied {
		t.Errorf("Protect: %v", err)
	}
	if did := s.doings(); len(did) != 0 {
		t.Errorf("it did %v", did)
	}
}

// A peer that floods from many connections, stops reading, and calls with what
// is too large: news is taken at once all the while, and afterwards the
// service answers.
func TestFlood(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	stop := make(chan struct{})
	var floods sync.WaitGroup
	large := strings.Repeat("x", 2<<20)
	for i := range 4 {
		c := peer(t, address)
		floods.Add(1)
		go func() {
			defer floods.Done()
			o := c.Object(Name, Path)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				switch (n + i) % 4 {
				case 0:
					o.Go(managerInterface+".GetManagedObjects", 0, nil)
				case 1:
					o.Go(helperInterface+".Status", 0, nil)
				case 2:
					_ = c.Emit(Path, "x.y.Z", "unasked")
				case 3:
					if n%400 < 4 {
						o.Go(helperInterface+".Explain", 0, nil, large)
					} else {
						o.Go("org.freedesktop.DBus.Peer.Ping", 0, nil)
					}
				}
			}
		}()
	}
	stalled, err := net.Dial("unix", unixSockets(address)[0]) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	slowest := time.Duration(0)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		before := time.Now()
		s.News(engine.News{Kind: engine.NewsAccount, Account: aliceAccount})
		slowest = max(slowest, time.Since(before))
	}
	close(stop)
	floods.Wait()
	if slowest > time.Second {
		t.Errorf("news waited %v", slowest)
	}
	fresh := peer(t, address)
	eventually(t, "the service answers again", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return fresh.Object(Name, Path).CallWithContext(ctx, helperInterface+".Explain", 0, "not-over-tor").Err == nil
	})
}

// What is too large is passed over unread, with the message after it intact.
func TestTooLarge(t *testing.T) {
	address := privateBus(t)
	start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	big := c.Object(Name, Path).Go(helperInterface+".Explain", 0, nil, strings.Repeat("x", usual.largest))
	if _, err := call1[string](t, c, Path, helperInterface+".Explain", "not-over-tor"); err != nil {
		t.Fatal(err)
	}
	select {
	case call := <-big.Done:
		t.Errorf("answered: %v", call.Err)
	default:
	}
}

// A bus that hangs, or that ends, delays neither start nor close.
func TestBusThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before := time.Now()
	s := Start(Settings{Address: "unix:path=" + path, Mode: ModePlugin, Backend: newBackend(), Log: func(string) {}})
	s.News(engine.News{Kind: engine.NewsTor})
	s.Close()
	if d := time.Since(before); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	var log []string
	s = Start(Settings{Mode: ModePlugin, Backend: newBackend(), Log: func(l string) { log = append(log, l) }})
	<-s.Done()
	if !errors.Is(s.Err(), ErrNoBus) || len(log) != 1 {
		t.Errorf("without a bus: %v, %q", s.Err(), log)
	}
}

// A peer that has the name keeps it, and gets nothing: the service goes on.
func TestNameTaken(t *testing.T) {
	address := privateBus(t)
	thief := peer(t, address)
	if r, err := thief.RequestName(Name, 0); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(r, err)
	}
	s := start(t, address, ModePlugin, newBackend())
	if !strings.Contains(s.logged(), "another program has the name") {
		t.Errorf("log %q", s.logged())
	}
	if _, err := thief.ReleaseName(Name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the name is ours when the thief is gone", func() bool { return owner(t, thief) != "" })
}

// Any arguments, on any object and method: an error, or an answer that names
// nobody where nobody was to be named; and the service lives.
func FuzzCalls(f *testing.F) {
	address := privateBus(f)
	s := start(f, address, ModePlugin, newBackend(), limits{1 << 20, 1e9, 1e9})
	c := peer(f, address)
	for i, seed := range []string{"prpl-jabber:alice@a.test/", "", "tor", "/x|prpl-jabber:a", "org.purpleonion.Account1", "a{sv}", `[{"a":"b"}]`, strconv.Quote("\x00")} {
		f.Add(uint8(i), uint8(i), seed, seed, int64(i))
	}
	var members []string
	for name, of := range methods {
		for member := range of {
			members = append(members, name+"."+member)
		}
	}
	members = append(sorted(members), "Introspect", "org.freedesktop.DBus.Peer.GetMachineId", "no.such.Method")
	paths := []dbus.ObjectPath{Path, "/", accounts, "/org", accounts + "/0123"}
	f.Fuzz(func(t *testing.T, which, shape uint8, a, b string, n int64) {
		a, b = clean(a), clean(b)
		path := paths[int(shape)%len(paths)]
		args := [][]any{
			{}, {a}, {a, b}, {a, b, dbus.MakeVariant(n)}, {map[string]dbus.Variant{a: dbus.MakeVariant(b)}},
			{map[string]dbus.Variant{"user_dirs": dbus.MakeVariant([]string{a, b})}}, {n}, {[]byte(a)},
			{dbus.MakeVariant(dbus.MakeVariant([]any{a, n}))}, {map[string]dbus.Variant{"severity": dbus.MakeVariant(a), "redact": dbus.MakeVariant(n)}},
			{dbus.ObjectPath("/a"), a}, {struct{ A, B string }{a, b}},
		}[int(shape)%12]
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		before := len(s.doings())
		call := c.Object(Name, path).CallWithContext(ctx, members[int(which)%len(members)], 0, args...)
		if errors.Is(call.Err, context.DeadlineExceeded) {
			t.Fatal("no answer")
		}
		for _, did := range s.doings()[before:] {
			words := strings.Fields(did)
			if _, known := s.levels[words[1]]; !known {
				t.Errorf("%q was done to an account that is none", did)
			}
		}
		if call.Err != nil && strings.Contains(call.Err.Error(), "fell") {
			t.Errorf("%v", call.Err)
		}
		select {
		case <-s.Done():
			t.Fatal("the service ended")
		default:
		}
		if strings.Contains(s.logged(), "fell") {
			t.Fatalf("a call fell: %s", s.logged())
		}
	})
}

// Any bytes in the place of messages: the frames end, and nothing is read
// beyond its bounds.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("l\x01\x00\x01\x04\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00aaaaaaaabbbb"))
	f.Add([]byte("B\x02\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00cccc"))
	f.Add([]byte("l\x04\x00\x01\xff\xff\xff\x7f\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		go func() { _, _ = theirs.Write(data); _ = theirs.Close() }()
		w := &wire{Conn: ours, limits: limits{largest: 1000, burst: 10}, tokens: 10}
		w.framed.Store(true)
		buf, total := make([]byte, 64), 0
		for {
			n, err := w.Read(buf)
			total += n
			if n < 0 || n > len(buf) || w.rest < 0 || w.rest > w.largest {
				t.Fatalf("read %d, %d to come", n, w.rest)
			}
			if err != nil {
				break
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes of %d", total, len(data))
		}
	})
}

// What a sandbox reads is JSON all the same.
func TestNamelessIsWhole(t *testing.T) {
	b, err := json.Marshal(newBackend().Live(context.Background()).Nameless())
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s %v", b, err)
	}
}
