// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package tor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

// run starts a real program that listens on a port, and waits for the port.
func run(t *testing.T, port uint16, as *syscall.Credential, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot run %s: %v", name, err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	deadline := time.Now().Add(patience)
	for {
		conn, err := net.Dial("tcp", at(port))
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never listened: %s", name, out.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func at(port uint16) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))) }

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRealProgramsThatAreNotTor(t *testing.T) {
	for name, start := range map[string]func(*testing.T, uint16){
		"microsocks": func(t *testing.T, p uint16) { run(t, p, nil, "microsocks", "-i", "127.0.0.1", "-p", fmt.Sprint(p)) },
		"microsocks with passwords": func(t *testing.T, p uint16) {
			run(t, p, nil, "microsocks", "-i", "127.0.0.1", "-p", fmt.Sprint(p), "-u", "u", "-P", "p")
		},
		"dante":               startDante,
		"tinyproxy":           startTinyproxy,
		"ssh -D":              startSSH,
		"silent":              func(t *testing.T, p uint16) { listen(t, p, func(net.Conn) {}) },
		"closes":              func(t *testing.T, p uint16) { listen(t, p, func(c net.Conn) { _ = c.Close() }) },
		"takes any password":  func(t *testing.T, p uint16) { listen(t, p, takeAnything(replyRefused)) },
		"answers one address": func(t *testing.T, p uint16) { listen(t, p, takeAnything(replyConstant)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := tortest.FreePort(t)
			start(t, port)
			w := watchTor(t, Settings{Mode: ModeSystem, Socks: at(port), Control: at(tortest.FreePort(t))})
			s := w.until("looked at", func(s Status) bool { return s.State != policy.TorNotAsked })
			if s.State != policy.TorNotTor || s.Detail == "" {
				t.Errorf("taken for %v: %q", s.State, s.Detail)
			}
			u, p := NewCredentials()
			if _, err := w.Dial(context.Background(), u, p, "a.test", 5222); reasonOf(err) != policy.ReasonNotTor {
				t.Errorf("Dial: %v", err)
			}
		})
	}
}

func startDante(t *testing.T, port uint16) {
	conf := fmt.Sprintf(`internal: 127.0.0.1 port = %d
external: lo
clientmethod: none
socksmethod: username none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
`, port)
	run(t, port, nil, "danted", "-f", write(t, filepath.Join(t.TempDir(), "danted.conf"), conf), "-p", filepath.Join(t.TempDir(), "pid"))
}

func startTinyproxy(t *testing.T, port uint16) {
	conf := fmt.Sprintf("Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\n", port)
	run(t, port, nil, "tinyproxy", "-d", "-c", write(t, filepath.Join(t.TempDir(), "tinyproxy.conf"), conf))
}

// startSSH runs an sshd of its own on loopback, and ssh -D through it.
func startSSH(t *testing.T, port uint16) {
	dir := t.TempDir()
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Fatalf("cannot make a key: %v %s", err, out)
		}
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // sshd wants it when it is run by root
	sshd := tortest.FreePort(t)
	conf := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n", sshd, dir, dir)
	run(t, sshd, nil, "/usr/sbin/sshd", "-D", "-e", "-f", write(t, filepath.Join(dir, "sshd_config"), conf))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	run(t, port, nil, "ssh", "-F", "none", "-N", "-D", at(port), "-p", fmt.Sprint(sshd), "-i", filepath.Join(dir, "user"),
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", me.Username+"@127.0.0.1")
}

func listen(t *testing.T, port uint16, serve func(net.Conn)) {
	l, err := net.Listen("tcp", at(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go serve(c)
		}
	}()
}

var (
	replyRefused  = []byte{5, 7, 0, 1, 0, 0, 0, 0, 0, 0}
	replyConstant = []byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0}
)

// takeAnything is a SOCKS server that takes any user name and password.
func takeAnything(reply []byte) func(net.Conn) {
	return func(c net.Conn) {
		b := make([]byte, 512)
		for _, answer := range [][]byte{{5, 2}, {1, 0}, reply} {
			if _, err := c.Read(b); err != nil {
				return
			}
			_, _ = c.Write(answer)
		}
	}
}

// Another user's Tor is a real Tor in all but its owner. It needs root to run
// one as somebody else; CI is root.
func TestAnotherUsersTor(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: only the rule itself is tested, in TestAllowedOwner")
		return
	}
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	dir, err := os.MkdirTemp("/tmp", "other-user")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err = os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		as   *syscall.Credential
		want policy.TorState
	}{{nobody, policy.TorNotTor}, {&syscall.Credential{Uid: 0, Gid: 0}, policy.TorReady}} {
		port := tortest.FreePort(t)
		torrc := filepath.Join(dir, fmt.Sprint("torrc", port))
		text := strings.Join(append(tortest.OfflineTorrc, "SocksPort "+at(port), "DataDirectory "+filepath.Join(dir, fmt.Sprint(port))), "\n")
		if err := os.WriteFile(torrc, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, port, c.as, "tor", "-f", torrc, "--defaults-torrc", os.DevNull)
		s := watchTor(t, Settings{Mode: ModeSystem, Socks: at(port), Control: at(tortest.FreePort(t))}).
			until("looked at", func(s Status) bool { return s.State != policy.TorNotAsked })
		if s.State != c.want {
			t.Errorf("uid %d: %v (%s), want %v", c.as.Uid, s.State, s.Detail, c.want)
		}
	}
}

// filteredControl is a control port behind a filter such as Tails' and
// Whonix': "510 Command filtered" to what is not in its profile.
func filteredControl(t *testing.T, version string) string {
	port := tortest.FreePort(t)
	listen(t, port, func(c net.Conn) {
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			switch line := strings.TrimSpace(string(b[:n])); {
			case strings.HasPrefix(line, "PROTOCOLINFO"):
				_, _ = c.Write([]byte("250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.8.1\"\r\n250 OK\r\n"))
			case strings.HasPrefix(line, "AUTHENTICATE"):
				_, _ = c.Write([]byte("250 OK\r\n"))
			case line == "GETINFO version" && version != "":
				_, _ = c.Write([]byte("250-version=" + version + "\r\n250 OK\r\n"))
			case line == "GETINFO net/listeners/socks":
				_, _ = c.Write([]byte("250-net/listeners/socks=\"127.0.0.1:9150\"\r\n250 OK\r\n"))
			default:
				_, _ = c.Write([]byte("510 Command filtered\r\n"))
			}
		}
	})
	return at(port)
}

func TestFilteredControlPort(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{})
	s := watchTor(t, Settings{Mode: ModeSystem, Socks: r.Socks, Control: filteredControl(t, "")}).untilState(policy.TorReady)
	if s.Control != ControlFiltered || s.Isolation != policy.IsolationUnknown || !strings.Contains(s.Detail, "filtered") {
		t.Errorf("%+v", s)
	}
}

// What answers RESOLVE as Tor does, but takes a user name that a Tor of this
// version refuses, is not that Tor. Where the version is not known, or is one
// that took such names, it cannot be told apart (THREATS.md).
func TestReservedNames(t *testing.T) {
	for version, want := range map[string]policy.TorState{
		"0.4.9.8": policy.TorNotTor, "0.4.10.1-alpha (git-0123456789abcdef)": policy.TorNotTor, "1.0.0.0": policy.TorNotTor,
		"0.4.8.12": policy.TorReady, "": policy.TorReady, "nonsense": policy.TorReady,
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			port := tortest.FreePort(t)
			listen(t, port, resolves)
			s := watchTor(t, Settings{Mode: ModeSystem, Socks: at(port), Control: filteredControl(t, version)}).
				until("looked at", func(s Status) bool { return s.State != policy.TorNotAsked })
			if s.State != want || want == policy.TorNotTor && !strings.Contains(s.Detail, "reserves") {
				t.Errorf("%+v, want %v", s, want)
			}
		})
	}
}

// resolves takes any user name and password, and answers RESOLVE of an
// address as Tor does.
func resolves(c net.Conn) {
	b := make([]byte, 512)
	for _, answer := range [][]byte{{5, 2}, {1, 0}} {
		if _, err := c.Read(b); err != nil {
			return
		}
		_, _ = c.Write(answer)
	}
	n, err := c.Read(b)
	if err != nil || n < 7 {
		return
	}
	address := netip.MustParseAddr(string(b[5 : n-2])).As4()
	_, _ = c.Write(append(append([]byte{5, 0, 0, 1}, address[:]...), 0, 0))
}

// A hostile control port may neither hang us, nor fill the memory, nor get the password.
func TestHostileControlPort(t *testing.T) {
	r := tortest.Offline(t, tortest.Options{})
	for name, answer := range map[string]string{
		"a pipe for a cookie": "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=SAFECOOKIE COOKIEFILE=\"/dev/zero\"\r\n250 OK\r\n",
		"nonsense":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"an endless line":     strings.Repeat("x", maxAnswer+1),
	} {
		t.Run(name, func(t *testing.T) {
			port := tortest.FreePort(t)
			listen(t, port, func(c net.Conn) { _, _ = c.Write([]byte(answer)) })
			s := watchTor(t, Settings{Mode: ModeSystem, Socks: r.Socks, Control: at(port), ControlPassword: redact.New("hunter2")}).
				until("looked at", func(s Status) bool { return s.State != policy.TorNotAsked })
			if s.State != policy.TorReady || s.Control != ControlAbsent {
				t.Errorf("%+v", s)
			}
		})
	}
}
