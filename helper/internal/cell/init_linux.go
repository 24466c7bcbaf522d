// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// passed are the signals that run hands on. A terminal sends some of them to
// the whole process group, program included.
var passed = []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH}

// doubled is how long a signal that run got and one that init got may lie
// apart and be the same: sent to the process group, and so to the program too.
const doubled = 50 * time.Millisecond

// busPatience bounds the start of the private bus.
const busPatience = 10 * time.Second

// initialise is PID 1, confined as the program is.
func initialise(t *talk, p plan) (int, error) {
	if err := closeOnExec(); err != nil {
		return CodeNotMade, err
	}
	own := make(chan os.Signal, 16)
	signal.Notify(own, passed...)
	if p.Bus == BusPrivate {
		if err := startBus(p); err != nil {
			return CodeNotMade, err
		}
	}
	program, code, err := startProgram(p)
	if err != nil {
		return code, err
	}
	orders := make(chan message, 16)
	ended := make(chan unix.WaitStatus, 1)
	guarded(func() {
		defer close(orders)
		for {
			m, _, err := t.receive()
			if err != nil {
				return
			}
			orders <- m
		}
	}, func() {})
	guarded(func() { ended <- reap(program) }, func() { close(ended) })
	return attend(program, orders, own, ended), nil
}

// attend is until the program ends, or run is gone: then init's end is the
// end of all.
func attend(program int, orders <-chan message, own <-chan os.Signal, ended <-chan unix.WaitStatus) int {
	seen := make(map[int]time.Time) // by signal: when init got it itself
	for {
		select {
		case m, ok := <-orders:
			if !ok {
				return CodeSignal + int(unix.SIGKILL)
			}
			if m.Signal != 0 && !doubledSignal(m.Signal, own, seen) {
				_ = unix.Kill(program, unix.Signal(m.Signal))
			}
		case s := <-own:
			note(s, seen)
		case status, ok := <-ended:
			switch {
			case !ok:
				return CodeNotMade
			case status.Signaled():
				return CodeSignal + int(status.Signal())
			}
			return status.ExitStatus()
		}
	}
}

func note(s os.Signal, seen map[int]time.Time) {
	if n, ok := s.(syscall.Signal); ok {
		seen[int(n)] = time.Now()
	}
}

// doubledSignal says whether the program got this signal already, since init,
// of the same process group, did.
func doubledSignal(n int, own <-chan os.Signal, seen map[int]time.Time) bool {
	late := time.NewTimer(doubled)
	defer late.Stop()
	for {
		if at, ok := seen[n]; ok && time.Since(at) < 2*doubled {
			delete(seen, n)
			return true
		}
		select {
		case s := <-own:
			note(s, seen)
		case <-late.C:
			return false
		}
	}
}

// reap waits for every process that is init's to wait for, until the program
// is among them.
func reap(program int) unix.WaitStatus {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err == nil && pid == program && (status.Exited() || status.Signaled()) {
			return status
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			panic("no child: the program is lost")
		}
	}
}

// startProgram starts it with 0, 1 and 2 alone.
func startProgram(p plan) (pid, code int, err error) {
	path, err := lookPath(p.Program[0], p.folder(), lookup(p.Env, "PATH"))
	if err == nil {
		pid, err = start(path, p.Program, p)
	}
	switch {
	case err == nil:
		return pid, 0, nil
	case errors.Is(err, fs.ErrNotExist):
		return 0, CodeNotFound, fmt.Errorf("cannot run %s: there is no such program in the cell", p.Program[0])
	}
	var bare syscall.Errno
	if errors.As(err, &bare) {
		err = bare
	}
	return 0, CodeNotRunnable, fmt.Errorf("cannot run %s: %w", p.Program[0], err)
}

func start(path string, args []string, p plan, more ...*os.File) (int, error) {
	files := append([]*os.File{os.NewFile(0, "stdin"), os.NewFile(1, "stdout"), os.NewFile(2, "stderr")}, more...)
	process, err := os.StartProcess(path, args, &os.ProcAttr{Dir: p.folder(), Env: p.Env, Files: files})
	if err != nil {
		return 0, err
	}
	return process.Pid, nil
}

// folder is the program's: the caller's where it is seen inside. It is found
// anew by its name, for the caller's own may lie under a cover.
func (p plan) folder() string {
	for _, dir := range []string{p.Dir, p.Home} {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			return dir
		}
	}
	return "/"
}

// startBus starts a session bus inside, and waits until it listens.
func startBus(p plan) error {
	path, err := lookPath("dbus-daemon", "", lookup(p.Env, "PATH"))
	if err != nil {
		return fmt.Errorf("cannot start a session bus: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot start a session bus: %w", err)
	}
	defer r.Close()
	address := "unix:path=" + filepath.Join(p.RuntimeDir, "bus")
	args := []string{"dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--address=" + address, "--print-address=3"}
	_, err = start(path, args, p, w)
	_ = w.Close()
	if err != nil {
		return fmt.Errorf("cannot start a session bus: %w", err)
	}
	_ = r.SetReadDeadline(time.Now().Add(busPatience))
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "unix:") {
		return errors.New("cannot start a session bus: dbus-daemon says no address")
	}
	return nil
}
