// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package tor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// privateTor is our part in the user's one private Tor. Every process that
// uses it holds a shared lock on the file "users"; who leaves last, and sees
// that by getting the lock alone, stops Tor. A process that dies lets go by
// itself, and its Tor is adopted by the next. The file "start" is held while
// one starts, adopts or stops it.
type privateTor struct {
	privateFiles
	users *os.File
	ended chan struct{} // closed when the Tor that we started has ended; nil: adopted
}

func ownedByUs(st fs.FileInfo) bool {
	s, ok := st.Sys().(*syscall.Stat_t)
	return ok && int64(s.Uid) == int64(os.Geteuid())
}

// startPrivate adopts the user's private Tor, or starts it.
func startPrivate(ctx context.Context, s Settings) (*privateTor, error) {
	p := &privateTor{privateFiles: privateFiles{s.StateDir}}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	start, err := p.lock(ctx, "start", unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer start.Close()
	if p.users, err = p.lock(ctx, "users", unix.LOCK_SH); err != nil {
		return nil, err
	}
	if p.answers() {
		return p, nil
	}
	if err = p.start(ctx, s); err != nil {
		_ = p.users.Close()
		return nil, err
	}
	return p, nil
}

// lock waits for a lock; the file's closing (or our end) gives it back.
func (p *privateTor) lock(ctx context.Context, name string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(p.dir, name), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			break
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, errors.New("cannot get the lock: another program holds it")
		case <-time.After(50 * time.Millisecond):
		}
	}
	_ = f.Close()
	return nil, fmt.Errorf("cannot get the lock: %w", err)
}

// answers says whether a Tor holds the control socket. The folder is ours
// alone, so whoever listens there is of our user.
func (p *privateTor) answers() bool {
	conn, err := net.DialTimeout("unix", p.control(), time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func (p *privateTor) start(ctx context.Context, s Settings) error {
	program, err := findProgram(s.Program, s.getenv()("PATH"))
	if err != nil {
		return err
	}
	torrc, err := p.torrcText(s.Torrc)
	if err != nil {
		return err
	}
	if err = os.WriteFile(p.torrc(), []byte(torrc), 0o600); err != nil {
		return fmt.Errorf("cannot write its configuration: %w", err)
	}
	log, err := os.OpenFile(p.log(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write its log: %w", err)
	}
	defer log.Close()
	_ = os.Remove(p.cookie()) // an old one must not be taken for this Tor's
	cmd := exec.Command(program, "-f", p.torrc(), "--defaults-torrc", os.DevNull)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.Env = []string{"PATH=" + s.getenv()("PATH"), "HOME=" + s.getenv()("HOME"), "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C in a terminal is not meant for it
	if err = withOpenSignals(cmd.Start); err != nil {
		return fmt.Errorf("cannot run %s: %w", program, err)
	}
	p.ended = make(chan struct{})
	guarded(func() {
		defer close(p.ended)
		_ = cmd.Wait() // ECHILD where the program around us reaped it: ended, status unknown
	}, nil)
	return p.awaitSockets(ctx)
}

// awaitSockets is until Tor has opened its sockets, or ended.
func (p *privateTor) awaitSockets(ctx context.Context) error {
	for {
		if _, err := os.Stat(p.cookie()); err == nil && p.answers() {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended at once: %s", p.lastComplaint())
		case <-ctx.Done():
			return errors.New("it does not open its control port")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// release gives up our share. Finally, the last one stops Tor.
func (p *privateTor) release(finally bool) {
	defer p.users.Close()
	if !finally {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	start, err := p.lock(ctx, "start", unix.LOCK_EX)
	if err != nil {
		return
	}
	defer start.Close()
	if unix.Flock(int(p.users.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return
	}
	k, err := openControlConn(ctx, address{"unix", p.control()}, p.candidate())
	if err != nil {
		return
	}
	_, _ = k.ask("SIGNAL HALT")
	k.close()
	p.awaitEnd(ctx)
}

func (p *privateTor) awaitEnd(ctx context.Context) {
	for p.answers() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
