// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// Available says whether cells can be made on this system, as far as that can
// be told without making one.
func Available() error { return nil }

// running is a cell from outside.
type running struct {
	config    Config
	cmd       *exec.Cmd
	talk      *talk
	said      chan said     // from the stages; closed when they are gone
	ended     chan struct{} // init was waited for
	listeners []net.Listener
	connector *connector
	started   bool // the program may run
	toClose   []func()
}

// said is what a stage said, and the descriptors that came with it.
type said struct {
	message
	fds []int
}

// Run makes a cell, runs the program in it, and gives the program's exit code,
// or one of the codes above with the reason. The program is ended when ctx is.
func Run(ctx context.Context, c Config) (int, error) {
	p, say, err := c.plan()
	if err != nil {
		return CodeNotMade, err
	}
	// The kernel ends init with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err = standard(); err != nil {
		return CodeNotMade, err
	}
	r := &running{config: c, said: make(chan said, 4), ended: make(chan struct{})}
	defer r.end()
	if p.MakesDir {
		r.toClose = append(r.toClose, func() { _ = unix.Rmdir(p.purple()) }) // where it is still empty
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passed...)
	defer signal.Stop(signals)
	if err = r.start(p); err != nil {
		return CodeNotMade, explain(err)
	}
	return r.attend(ctx, p, say, signals)
}

// standard looks at the descriptors that the program gets. A folder would lead
// to what is covered, and a socket that is not of a connection to anywhere.
func standard() error {
	for fd := range 3 {
		st := unix.Stat_t{}
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("cannot make the cell: descriptor %d: %w", fd, err)
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			return fmt.Errorf("cannot make the cell: descriptor %d is a folder, which leads out", fd)
		case unix.S_IFSOCK:
			domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
			kind, err2 := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
			if err != nil || err2 != nil || domain != unix.AF_UNIX || kind != unix.SOCK_STREAM && kind != unix.SOCK_SEQPACKET {
				return fmt.Errorf("cannot make the cell: descriptor %d is a socket of a network, which leads out", fd)
			}
		}
	}
	return nil
}

// start starts build in the namespaces.
func (r *running) start(p plan) error {
	ours, theirs, err := talkPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	r.talk = ours
	r.toClose = append(r.toClose, ours.close)
	file, err := planFile(p)
	if err != nil {
		return err
	}
	defer file.Close()
	r.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{os.Args[0], argBuild}, Env: []string{}, Dir: "/",
		Stdin: os.NewFile(0, "stdin"), Stdout: os.NewFile(1, "stdout"), Stderr: os.NewFile(2, "stderr"),
		ExtraFiles: []*os.File{theirs, file},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:                 namespaces,
			UidMappings:                []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}},
			GidMappings:                []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}},
			GidMappingsEnableSetgroups: false,
			AmbientCaps:                buildCapabilities,
			Pdeathsig:                  unix.SIGKILL,
		},
	}
	if err = r.cmd.Start(); err != nil {
		close(r.ended)
		return fmt.Errorf("cannot make the namespaces: %w", err)
	}
	guarded(func() {
		defer close(r.ended)
		_ = r.cmd.Wait()
	}, func() {})
	return nil
}

// listen reads what the stages say, until they are gone.
func (r *running) listen() {
	defer close(r.said)
	for {
		m, fds, err := r.talk.receive()
		if err != nil {
			return
		}
		r.said <- said{m, fds}
	}
}

// attend is from the start of build to the end of init.
func (r *running) attend(ctx context.Context, p plan, say []string, signals <-chan os.Signal) (int, error) {
	guarded(r.listen, func() {})
	var failed message
	from := r.said
	for {
		select {
		case m, ok := <-from:
			if !ok {
				from = nil
			} else if m.Error != "" {
				failed = m.message
			} else if err := r.hear(m, p, say); err != nil {
				return CodeNotMade, explain(err)
			}
		case s := <-signals:
			n, _ := s.(syscall.Signal)
			switch {
			case r.started:
				_ = r.talk.send(message{Signal: int(n)}, nil)
			case n != unix.SIGWINCH:
				return CodeSignal + int(n), nil
			}
		case <-ctx.Done():
			return CodeNotMade, ctx.Err()
		case <-r.ended:
			for m := range r.said { // what was said last may come after the end
				if m.Error != "" {
					failed = m.message
				}
			}
			return r.code(failed)
		}
	}
}

// hear is one message of the stages'. Each kind comes once: later ones are not
// the stages' own any more, for the program can have init's end of the socket.
func (r *running) hear(m said, p plan, say []string) error {
	switch {
	case m.Ready && r.listeners == nil:
		for _, fd := range m.fds {
			f := os.NewFile(uintptr(fd), "inside")
			l, err := net.FileListener(f)
			_ = f.Close()
			if err != nil {
				return fmt.Errorf("cannot take the sockets of the cell: %w", err)
			}
			r.listeners = append(r.listeners, l)
		}
		return r.ready(p, say)
	case m.Calls && len(m.fds) == 1 && r.connector != nil && r.connector.calls < 0:
		r.connector.serve(m.fds[0])
		return nil
	}
	for _, fd := range m.fds {
		_ = unix.Close(fd)
	}
	return errors.New("what the cell says is not to be understood")
}

// code is the program's exit code, or why there is none.
func (r *running) code(failed message) (int, error) {
	switch {
	case failed.Error != "" && failed.Code == CodeNotMade:
		return CodeNotMade, explain(errors.New(failed.Error))
	case failed.Error != "":
		return failed.Code, errors.New(failed.Error)
	}
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Exited() && len(r.listeners) == 0:
		return CodeNotMade, errors.New("cannot make the cell: it ended and said nothing")
	case ok && status.Exited():
		return status.ExitStatus(), nil
	case ok && status.Signaled():
		return CodeSignal + int(status.Signal()), nil
	}
	return CodeNotMade, errors.New("cannot tell how the cell ended")
}

// ready serves the sockets from inside, and lets the program start.
func (r *running) ready(p plan, say []string) error {
	if len(r.listeners) != len(p.Ports) {
		return errors.New("its sockets did not come out")
	}
	connector, err := newConnector(r.cmd.Process.Pid, p)
	if err != nil {
		return err
	}
	r.connector = connector
	r.toClose = append(r.toClose, connector.close)
	c := r.config
	socks := serve(r.listeners[0], maxStreams, forwarder{c.Tor, c.Control}.serve)
	r.toClose = append(r.toClose, socks.close)
	if c.Control != nil {
		c.Control.socks = fmt.Sprintf("127.0.0.1:%d", c.TorPort)
		r.toClose = append(r.toClose, serve(r.listeners[1], maxReaders, c.Control.serve).close)
	}
	guarded(func() {
		for alive := range c.Alive {
			socks.open(alive)
		}
	}, socks.close)
	if p.Bus == BusFiltered {
		if err := r.startProxy(p); err != nil {
			return err
		}
	}
	for _, line := range say {
		r.config.Say(line)
	}
	r.started = true
	return r.talk.send(message{Go: true}, nil)
}

// startProxy starts xdg-dbus-proxy outside. Its socket is made in the cell's
// own file system, by way of init's root; it ends with the pipe to it.
func (r *running) startProxy(p plan) error {
	path, err := lookPath("xdg-dbus-proxy", "", lookup(r.config.Env, "PATH"))
	if err != nil {
		return fmt.Errorf("cannot filter the session bus: %w", err)
	}
	life, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("cannot filter the session bus: %w", err)
	}
	defer theirs.Close()
	at := filepath.Join(fmt.Sprintf("/proc/%d/root", r.cmd.Process.Pid), p.RuntimeDir, "bus")
	args := []string{"--fd=3", lookup(r.config.Env, "DBUS_SESSION_BUS_ADDRESS"), at, "--filter"}
	for _, name := range busNames {
		args = append(args, "--talk="+name)
	}
	proxy := exec.Command(path, append(args, "--own="+busNames[0])...)
	proxy.ExtraFiles, proxy.Env, proxy.Dir = []*os.File{theirs}, r.config.Env, "/"
	proxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err = proxy.Start(); err != nil {
		_ = life.Close()
		return fmt.Errorf("cannot filter the session bus: %w", err)
	}
	r.toClose = append(r.toClose, func() {
		_ = life.Close()
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
	})
	if _, err = life.Read(make([]byte, 1)); err != nil {
		return errors.New("cannot filter the session bus: xdg-dbus-proxy ended at once")
	}
	return nil
}

// open has the port refuse connections while there is no Tor, as Tor's own
// would. A listening socket that was shut down keeps its address, and listens
// again when it is told to. Shut down twice, it would give that on to what it
// accepts later.
func (s *server) open(alive bool) {
	s.mu.Lock()
	same := s.shut != alive
	s.shut = !alive
	s.mu.Unlock()
	if same {
		return
	}
	l, ok := s.listener.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if alive {
			_ = unix.Listen(int(fd), backlog)
		} else {
			_ = unix.Shutdown(int(fd), unix.SHUT_RD)
		}
	})
	if !alive {
		s.closeAll()
	}
}

// end leaves nothing behind: init, and with it all in its PID namespace, is
// ended where it lives still.
func (r *running) end() {
	if r.cmd != nil && r.cmd.Process != nil {
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
	for _, do := range r.toClose {
		do()
	}
	for _, l := range r.listeners {
		_ = l.Close()
	}
}

// profile is AppArmor's for this command, as installed beside it, else in the
// sources.
func profile() string {
	program, _ := os.Executable()
	path := filepath.Join(filepath.Dir(program), "../share/purple-onion/purple-onion-run")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return "packaging/apparmor/purple-onion-run"
}

// explain adds to a failure what on this system may be the cause.
func explain(err error) error {
	hints := hints(func(path string) string {
		text, _ := os.ReadFile(path)
		return strings.TrimSpace(string(text))
	}, os.Getenv("PURPLE_ONION_CELL") != "", profile())
	if hints == "" {
		return fmt.Errorf("cannot make the cell: %w", err)
	}
	return fmt.Errorf("cannot make the cell: %w; %s", err, hints)
}
