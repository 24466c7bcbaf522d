// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/profile"
)

// What the real libpurple does with a server that offers no TLS, for each
// setting that tlsRequired and plainAllowed judge: it logs in, or it does not.
func TestLoginWithoutTLS(t *testing.T) {
	host := buildC(t, "loginhost")
	const plain, scram = "PLAIN", "SCRAM-SHA-1"
	setting := func(name, kind, value string) string {
		return fmt.Sprintf("<settings><setting name='%s' type='%s'>%s</setting></settings>", name, kind, value)
	}
	security := func(value string) string { return setting("connection_security", "string", value) }
	for _, c := range []struct {
		name, protocol, settings, offers string
		goesOn                           bool
	}{
		{"no settings at all", "prpl-jabber", "", scram, true},
		{"another setting", "prpl-jabber", setting("port", "int", "5222"), scram, false},
		{"require_tls", "prpl-jabber", security("require_tls"), scram, false},
		{"opportunistic_tls", "prpl-jabber", security("opportunistic_tls"), scram, true},
		{"old_ssl", "prpl-jabber", security("old_ssl"), scram, false},
		{"require_starttls", "prpl-jabber", security("require_starttls"), scram, true},
		{"plain, absent", "prpl-jabber", security("opportunistic_tls"), plain, false},
		{"plain, allowed", "prpl-jabber", security("opportunistic_tls") + setting("auth_plain_in_clear", "bool", "1"), plain, true},
		{"IRC, absent", "prpl-irc", "", "", true},
		{"IRC, off", "prpl-irc", setting("ssl", "bool", "0"), "", true},
		{"IRC, on", "prpl-irc", setting("ssl", "bool", "1"), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := listenPlain(t, c.offers)
			dir := t.TempDir()
			writeFile(t, dir, "accounts.xml", fmt.Sprintf("<account version='1.0'><account><protocol>%s</protocol><name>alice@a.test</name><password>x</password>%s"+
				"<proxy><type>tor</type><host>127.0.0.1</host><port>%d</port></proxy></account></account>", c.protocol, c.settings, server.port))
			writeFile(t, dir, "prefs.xml", "<pref version='1' name='/'/>")
			d, err := profile.Read(dir) // before libpurple writes it
			must(t, err)
			startHost(t, host, dir)
			if got := server.loggedIn(t); got != c.goesOn {
				t.Errorf("libpurple goes on in clear: %v, want %v", got, c.goesOn)
			}
			ours := !tlsRequired(d.Accounts[0])
			if c.offers == plain {
				ours = ours && plainAllowed(d.Accounts[0])
			}
			if ours != c.goesOn {
				t.Errorf("the audit says that it goes on in clear: %v, want %v", ours, c.goesOn)
			}
		})
	}
}

func startHost(t *testing.T, host, dir string) {
	t.Helper()
	cmd := exec.Command(host, dir)
	cmd.Env = []string{"PATH=/nonexistent", "HOME=" + dir, "DBUS_SESSION_BUS_ADDRESS=disabled:"}
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("libpurple's host: %v", err)
		}
	})
}

// plainServer is a SOCKS5 port (RFC 1928) behind which stands a server that
// offers no TLS. outcome tells whether the first client tried to log in.
type plainServer struct {
	port    int
	outcome chan bool
}

func listenPlain(t *testing.T, offers string) plainServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	s := plainServer{l.Addr().(*net.TCPAddr).Port, make(chan bool, 16)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(c, offers)
		}
	}()
	return s
}

func (s plainServer) loggedIn(t *testing.T) bool {
	t.Helper()
	select {
	case in := <-s.outcome:
		return in
	case <-time.After(30 * time.Second):
		t.Fatal("libpurple neither logged in nor hung up")
		return false
	}
}

// serve answers until the client logs in (true), begins TLS, hangs up, or says
// nothing more (false).
func (s plainServer) serve(c net.Conn, offers string) {
	defer c.Close()
	r := bufio.NewReader(c)
	head := make([]byte, 3)
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return
	}
	_, _ = r.Discard(int(head[1]))
	_, _ = c.Write([]byte{5, 0})
	request := make([]byte, 5) // version, CONNECT, 0, domain, length
	if _, err := io.ReadFull(r, request); err != nil {
		return
	}
	target := make([]byte, int(request[4])+2)
	if _, err := io.ReadFull(r, target); err != nil {
		return
	}
	_, _ = c.Write(binary.BigEndian.AppendUint16([]byte{5, 0, 0, 1, 127, 0, 0, 1}, 1))
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	for greeted := false; ; {
		// silence after our answer is a client that waits for its user
		_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
		n, err := r.Read(buf)
		seen.Write(buf[:n])
		text := seen.String()
		switch {
		case strings.Contains(text, "<auth") || strings.HasPrefix(text, "CAP ") || strings.HasPrefix(text, "NICK ") || strings.HasPrefix(text, "USER ") || strings.HasPrefix(text, "PASS "):
			s.outcome <- true
			return
		case err != nil || strings.HasPrefix(text, "\x16\x03"):
			s.outcome <- false
			return
		case !greeted && strings.Contains(text, "<stream:stream"):
			greeted = true
			fmt.Fprintf(c, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' from='a.test' version='1.0'>"+
				"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>%s</mechanism></mechanisms></stream:features>", offers)
		}
	}
}
