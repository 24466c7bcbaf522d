// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel's switches cannot be written to, by root neither: core_pattern
// names a program that runs outside. No namespaces can be made in the cell,
// with which more of the kernel could be had.
func TestKernelSwitches(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		probes := []string{"opens:/proc/sys/kernel/core_pattern", "opens:/proc/sysrq-trigger", "opens:/proc/sys/user/max_user_namespaces", "run:unshare -U true", "run:unshare -U -r -n -m true"}
		got, control := w.probes(t, order{}, probes...), w.bare(t, probes...)
		for i, p := range probes {
			if got[p] == "yes" || got[p] == "" {
				t.Errorf("%s: %q", p, got[p])
			}
			if reached := control[p] == "yes" || control[p] == ""; !reached && (i > 2 || i == 0 && w.uid == 0) {
				t.Errorf("the control: %s: %q", p, control[p])
			}
		}
	})
}

// What the three descriptors are may not be a way out: a folder, by which
// covered files are reached, or a socket of a network.
func TestStandardDescriptors(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		pair := func(kind int) *os.File {
			fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
			must(t, err)
			t.Cleanup(func() { _ = unix.Close(fds[1]) })
			return os.NewFile(uintptr(fds[0]), "pair")
		}
		network, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		folder, err := os.Open("/run")
		must(t, err)
		for _, c := range []struct {
			file *os.File
			code int
		}{{folder, CodeNotMade}, {os.NewFile(uintptr(network), "tcp"), CodeNotMade}, {pair(unix.SOCK_DGRAM), CodeNotMade}, {pair(unix.SOCK_STREAM), 4}} {
			cmd := w.cell(t, order{Config: Config{Program: []string{"sh", "-c", "exit 4"}}})
			cmd.Stdin = c.file
			if r := finish(t, cmd); r.code != c.code || (c.code == CodeNotMade) != strings.Contains(r.err, "descriptor 0") {
				t.Errorf("%s: exit %d: %s", c.file.Name(), r.code, r.err)
			}
			_ = c.file.Close()
		}
	})
}

// A home without ~/.purple has none afterwards, unless something was put there.
func TestUserDirLeavesNothing(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, w who) {
		dir := filepath.Join(w.base, "identity")
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.Chown(dir, w.uid, w.uid))
		r := finish(t, w.cell(t, order{Config: Config{UserDir: dir, Program: []string{"sh", "-c", "echo mine >~/.purple/file"}}}))
		if _, err := os.Stat(filepath.Join(dir, "file")); r.code != 0 || err != nil {
			t.Errorf("exit %d: %s %v", r.code, r.err, err)
		}
		if _, err := os.Lstat(filepath.Join(w.home, ".purple")); err == nil {
			t.Error("a folder is left in the home")
		}
	})
}

// A cell within a cell cannot be made, and says why.
func TestCellInCell(t *testing.T) {
	t.Parallel()
	w := users(t)[0]
	r := finish(t, w.cell(t, order{Config: Config{Program: []string{"sh", "-c", `exec "$0" test-run 3<"$1"`, w.self, w.file(t, "order", `{"Program":["true"],"TorPort":9050}`)}}}))
	if r.code != CodeNotMade || !strings.Contains(r.err, "this is a cell already") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func (w who) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(w.home, name)
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// The program can have init's end of the socket to run, by ptrace: what it says
// there serves no further sockets and hands over no other calls.
func TestProgramSpeaksAsInit(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	for _, m := range []message{{Ready: true}, {Calls: true}, {Go: true}, {}} {
		r := &running{listeners: []net.Listener{l}, connector: &connector{calls: 99}}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		must(t, err)
		if err = r.hear(said{m, pair[:1]}, plan{}, nil); err == nil || len(r.listeners) != 1 || r.connector.calls != 99 {
			t.Errorf("%+v: %v, %d sockets", m, err, len(r.listeners))
		}
		if n, err := unix.Read(pair[1], make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("%+v: the descriptor stays open: %d %v", m, n, err)
		}
		_ = unix.Close(pair[1])
	}
}
