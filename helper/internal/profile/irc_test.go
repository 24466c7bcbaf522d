// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// TestIRCPorts pins what Changes relies on: which port the real libpurple asks
// its proxy for, and whether it speaks TLS there.
func TestIRCPorts(t *testing.T) {
	const ssl = "<setting name='ssl' type='bool'>1</setting>"
	port := func(n int) string { return fmt.Sprintf("<setting name='port' type='int'>%d</setting>", n) }
	for name, c := range map[string]struct {
		settings string
		port     uint16
		tls      bool
	}{
		"absent":       {"", 6667, false},
		"ssl":          {ssl, 994, true}, // where no IRC network listens
		"ssl and 6667": {ssl + port(6667), 6667, true},
		"ssl and 6697": {ssl + port(6697), 6697, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, tls := dialled(t, c.settings)
			if got != c.port || tls != c.tls {
				t.Errorf("port %d TLS %v, want %d %v", got, tls, c.port, c.tls)
			}
		})
	}
}

// dialled connects an IRC account through a SOCKS server of ours.
func dialled(t *testing.T, settings string) (port uint16, tls bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	put(t, dir, AccountsFile, "<account>"+fmt.Sprintf(account, "prpl-irc", "n@irc.test.invalid",
		"<password>p</password><settings>"+settings+"</settings><proxy><type>socks5</type><host>127.0.0.1</host><port>"+fmt.Sprint(l.Addr().(*net.TCPAddr).Port)+"</port></proxy>")+"</account>")
	cmd := host(t, dir, "connect")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	port = socks(t, conn)
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		t.Fatal(err)
	}
	return port, first[0] == 0x16
}

// socks answers one CONNECT (RFC 1928) and gives its port.
func socks(t *testing.T, conn net.Conn) uint16 {
	t.Helper()
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(b ...byte) {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	read(int(read(2)[1]))
	write(5, 0)
	name := read(int(read(5)[4]))
	port := binary.BigEndian.Uint16(read(2))
	if string(name) != "irc.test.invalid" {
		t.Errorf("asked for %q", name)
	}
	write(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	return port
}
