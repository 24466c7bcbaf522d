// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package tortest

import (
	"bufio"
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

// OfflineTorrc are the lines that keep a Tor from any network.
var OfflineTorrc = []string{
	"TestingTorNetwork 1",
	"DirAuthority nobody orport=9 v3ident=0123456789012345678901234567890123456789 127.0.0.1:9 0123456789ABCDEF0123456789ABCDEF01234567",
	"SocksTimeout 3",
}

// Tor is a running tor program.
type Tor struct {
	Dir     string
	Socks   string // address of the first SOCKS port
	Control string // address of the control port; empty: none
	t       testing.TB
	cmd     *exec.Cmd
	args    []string
}

// Options are how the Tor is set up.
type Options struct {
	SocksFlags string   // of the SOCKS port
	SocksPort  uint16   // 0: a free one
	NoControl  bool     // without a control port, as Debian's
	NoCookie   bool     // the control port takes no cookie
	Lines      []string // more lines of torrc
}

// Offline starts a Tor and waits for its ports. It is killed when the test ends.
func Offline(t testing.TB, o Options) *Tor {
	t.Helper()
	r := &Tor{Dir: t.TempDir(), t: t}
	socks := "auto"
	if o.SocksPort != 0 {
		socks = strconv.Itoa(int(o.SocksPort))
	}
	lines := append(append([]string{}, OfflineTorrc...), o.Lines...)
	lines = append(lines, "DataDirectory "+filepath.Join(r.Dir, "data"), "SocksPort 127.0.0.1:"+socks+" "+o.SocksFlags,
		"Log notice stdout")
	if !o.NoCookie {
		lines = append(lines, "CookieAuthentication 1", "CookieAuthFile "+filepath.Join(r.Dir, "cookie"))
	}
	if !o.NoControl {
		lines = append(lines, "ControlPort 127.0.0.1:auto")
	}
	torrc := filepath.Join(r.Dir, "torrc")
	if err := os.WriteFile(torrc, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = []string{"-f", torrc, "--defaults-torrc", os.DevNull}
	r.start(!o.NoControl)
	return r
}

func (r *Tor) start(wantControl bool) {
	r.t.Helper()
	r.cmd = exec.Command("tor", r.args...)
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err = r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	cmd := r.cmd
	r.t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	ready := make(chan string, 1)
	go r.read(bufio.NewScanner(out), wantControl, ready)
	select {
	case problem := <-ready:
		if problem != "" {
			r.t.Fatal(problem)
		}
	case <-time.After(30 * time.Second):
		r.t.Fatal("tor does not open its ports")
	}
}

func (r *Tor) read(lines *bufio.Scanner, wantControl bool, ready chan<- string) {
	told := ""
	socks, control := "", ""
	for lines.Scan() {
		told += lines.Text() + "\n"
		if _, a, ok := strings.Cut(lines.Text(), "Opened Socks listener connection (ready) on "); ok && socks == "" {
			socks = a
		}
		if _, a, ok := strings.Cut(lines.Text(), "Opened Control listener connection (ready) on "); ok {
			control = a
		}
		if ready != nil && socks != "" && (control != "" || !wantControl) {
			r.Socks, r.Control = socks, control
			ready <- ""
			ready, told = nil, ""
		}
	}
	if ready != nil {
		ready <- "tor ended:\n" + told
	}
}

// Signal sends a signal to the process.
func (r *Tor) Signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// Kill is SIGKILL, waited for.
func (r *Tor) Kill() {
	r.t.Helper()
	r.Signal(syscall.SIGKILL)
	_, _ = r.cmd.Process.Wait()
}

// FreePort is a TCP port of 127.0.0.1 that nobody listens on right now.
func FreePort(t testing.TB) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}
