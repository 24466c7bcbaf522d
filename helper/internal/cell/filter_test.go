// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// inside is a control connection as a program of the cell has it.
type inside struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func control(t *testing.T, f *Filter) *inside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := serve(l, maxReaders, f.serve)
	t.Cleanup(s.close)
	return dialControl(t, l)
}

func dialControl(t *testing.T, l net.Listener) *inside {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &inside{t, conn, bufio.NewReader(conn)}
}

// ask gives the reply, its lines joined by "|".
func (i *inside) ask(command string) string {
	i.t.Helper()
	if _, err := fmt.Fprintf(i.conn, "%s\r\n", command); err != nil {
		i.t.Fatal(err)
	}
	var lines []string
	block := false
	for {
		line := i.line()
		lines = append(lines, line)
		switch {
		case block:
			block = line != "."
		case len(line) > 3 && line[3] == '+':
			block = true
		case len(line) > 3 && line[3] == ' ':
			return strings.Join(lines, "|")
		}
	}
}

func (i *inside) line() string {
	i.t.Helper()
	line, err := i.in.ReadString('\n')
	if err != nil {
		i.t.Fatalf("the control port: %v", err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

func someFilter(alive *bool) *Filter {
	f := NewFilter(func() Facts {
		return Facts{Alive: *alive, Version: "0.4.9.1", Progress: 100, Summary: `Done "so"`}
	}, func(context.Context) ([]Circuit, error) {
		return []Circuit{
			{ID: "7", ConfluxID: "AB", Status: "BUILT", Purpose: "CONFLUX_LINKED", Exit: "$AA~exit", User: redact.New("u")},
			{ID: "8", ConfluxID: "AB", Status: "BUILT", Purpose: "CONFLUX_LINKED", Exit: "$AA~exit"},
			{ID: "9", ConfluxID: "CD", Status: "BUILT", Purpose: "CONFLUX_LINKED", Exit: "$BB~other", User: redact.New("theirs")},
			{ID: "10", Status: "BUILT", Purpose: "GENERAL", Exit: "$CC~third"},
		}, nil
	})
	f.socks = "127.0.0.1:9050"
	return f
}

func address(text string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		panic(err)
	}
	return a
}

func TestControlRefusesTheRest(t *testing.T) {
	t.Parallel()
	alive := true
	c := control(t, someFilter(&alive))
	if got := c.ask("PROTOCOLINFO 1"); got != `250-PROTOCOLINFO 1|250-AUTH METHODS=NULL|250-VERSION Tor="0.4.9.1"|250 OK` {
		t.Error(got)
	}
	if got := c.ask("AUTHENTICATE"); got != "250 OK" {
		t.Error(got)
	}
	for _, command := range []string{
		"GETINFO address", "GETINFO version address", "GETINFO config-text", "GETINFO entry-guards", "GETINFO ns/all", "GETINFO net/listeners/control",
		"GETCONF SocksPort", "SETCONF SocksPort=1", "RESETCONF SocksPort", "ADD_ONION NEW:BEST Port=80", "DEL_ONION x", "ONION_CLIENT_AUTH_VIEW", "HSFETCH x",
		"SIGNAL NEWNYM", "SIGNAL SHUTDOWN", "SETEVENTS CIRC", "SETEVENTS STREAM INFO", "SETEVENTS NS", "MAPADDRESS a=b", "EXTENDCIRCUIT 0", "ATTACHSTREAM 1 1",
		"REDIRECTSTREAM 1 a", "CLOSESTREAM 1 1", "CLOSECIRCUIT 1", "USEFEATURE VERBOSE_NAMES", "LOADCONF", "+LOADCONF", "SAVECONF", "RESOLVE a", "TAKEOWNERSHIP",
		"DROPGUARDS", "AUTHCHALLENGE SAFECOOKIE 00", "getinfo address", "",
	} {
		if got := c.ask(command); !strings.HasPrefix(got, "5") {
			t.Errorf("%s: %s", command, got)
		}
	}
	for command, want := range map[string]string{
		"GETINFO version":                "250-version=0.4.9.1|250 OK",
		"GETINFO status/bootstrap-phase": `250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done \"so\""|250 OK`,
		"GETINFO net/listeners/socks":    `250-net/listeners/socks="127.0.0.1:9050"|250 OK`,
		"GETINFO stream-status":          "250+stream-status=|.|250 OK",
		"GETINFO circuit-status":         "250+circuit-status=|.|250 OK",
		"SETEVENTS":                      "250 OK",
	} {
		if got := c.ask(command); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
	if got := c.ask("QUIT"); got != "250 closing connection" {
		t.Error(got)
	}
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("QUIT does not close")
	}
}

func TestControlWantsAuthentication(t *testing.T) {
	t.Parallel()
	alive := true
	c := control(t, someFilter(&alive))
	if got := c.ask("GETINFO version"); !strings.HasPrefix(got, "514") {
		t.Error(got)
	}
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("it stays open")
	}
}

// A line without an end does not fill memory.
func TestControlLongLine(t *testing.T) {
	t.Parallel()
	alive := true
	c := control(t, someFilter(&alive))
	_, _ = c.conn.Write([]byte(strings.Repeat("x", 4*maxCommand)))
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("it stays open")
	}
}

// Only streams of this cell are told of, with the ends that they have inside.
func TestControlTellsOwnStreams(t *testing.T) {
	t.Parallel()
	alive := true
	f := someFilter(&alive)
	c := control(t, f)
	c.ask("AUTHENTICATE")
	c.ask("SETEVENTS STREAM STATUS_CLIENT CONF_CHANGED")
	l := f.opened(address("127.0.0.1:40000"), address("127.0.0.1:5555"))
	theirs := StreamEvent{ID: "1", Status: "NEW", Circuit: "0", Target: "theirs.test:5222", Source: "127.0.0.1:40001", User: redact.New("theirs"), Password: redact.New("p")}
	ours := StreamEvent{ID: "2", Status: "NEW", Circuit: "0", Target: "ours.test:5222", Source: "127.0.0.1:40000", User: redact.New(`u"\` + "\n"), Password: redact.New("p"), IsolatedBy: "SOCKS_USERNAME,SOCKS_PASSWORD"}
	for _, ev := range []StreamEvent{theirs, ours, {ID: "1", Status: "SUCCEEDED", Circuit: "9", Target: theirs.Target}, {ID: "2", Status: "SUCCEEDED", Circuit: "7", Target: ours.Target}} {
		f.Stream(ev)
	}
	if got := c.line(); got != `650 STREAM 2 NEW 0 ours.test:5222 SOURCE_ADDR=127.0.0.1:5555 SOCKS_USERNAME="u\"\\\012" SOCKS_PASSWORD="p" ISO_FIELDS=SOCKS_USERNAME,SOCKS_PASSWORD` {
		t.Error(got)
	}
	if got := c.line(); got != "650 STREAM 2 SUCCEEDED 7 ours.test:5222" {
		t.Error(got)
	}
	if got := c.ask("GETINFO stream-status"); got != "250+stream-status=|2 SUCCEEDED 7 ours.test:5222|.|250 OK" {
		t.Error(got)
	}
	want := `250+circuit-status=|7 BUILT $AA~exit PURPOSE=CONFLUX_LINKED CONFLUX_ID=AB SOCKS_USERNAME="u"|8 BUILT $AA~exit PURPOSE=CONFLUX_LINKED CONFLUX_ID=AB|.|250 OK`
	if got := c.ask("GETINFO circuit-status"); got != want {
		t.Error(got)
	}
	// Its end; then the port is another program's.
	f.Stream(StreamEvent{ID: "2", Status: "CLOSED", Circuit: "7", Target: ours.Target})
	f.closed(l)
	f.Stream(StreamEvent{ID: "3", Status: "NEW", Circuit: "0", Target: "later.test:1", Source: "127.0.0.1:40000"})
	if got := c.line(); got != "650 STREAM 2 CLOSED 7 ours.test:5222" {
		t.Error(got)
	}
	if got := c.ask("GETINFO stream-status circuit-status"); got != "250+stream-status=|.|250+circuit-status=|.|250 OK" {
		t.Error(got)
	}
	f.Changed()
	if got := c.line(); !strings.HasPrefix(got, "650 STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=100") {
		t.Error(got)
	}
	alive = false
	f.Changed()
	if _, err := c.in.ReadByte(); err == nil {
		t.Error("Tor is gone, and the control port's connection stays")
	}
}

// Over a unix socket a stream is known by the credentials that the program
// gave on a connection of this cell, once.
func TestControlKnowsStreamsByCredentials(t *testing.T) {
	t.Parallel()
	alive := true
	f := someFilter(&alive)
	l := f.opened(&net.UnixAddr{Name: "@", Net: "unix"}, address("127.0.0.1:5555"))
	a, b := net.Pipe()
	go func() {
		_, _ = a.Write([]byte("\x05\x01\x02"))
		_, _ = a.Write([]byte("\x01\x04user\x04pass"))
		_ = a.Close()
	}()
	_, err := bufio.NewReader(l.watch(b)).ReadString(0)
	if err == nil {
		t.Fatal("no end")
	}
	ev := StreamEvent{ID: "1", Status: "NEW", Circuit: "0", Target: "a.test:1", Source: "(Tor_internal):0", User: redact.New("user"), Password: redact.New("pass")}
	for _, other := range []StreamEvent{{ID: "8", Status: "NEW", User: redact.New("user"), Password: redact.New("else")}, {ID: "9", Status: "NEW"}} {
		f.Stream(other)
	}
	f.Stream(ev)
	ev.ID = "2" // the same credentials once more: of a program outside
	f.Stream(ev)
	if got := strings.Join(f.streamLines(), "|"); got != "1 NEW 0 a.test:1" {
		t.Error(got)
	}
}

// The event may come after the connection's end, of a RESOLVE for one. Then the
// port alone does not tell: it may be another program's.
func TestControlKnowsLateStreams(t *testing.T) {
	t.Parallel()
	alive := true
	f := someFilter(&alive)
	l := f.opened(address("127.0.0.1:40000"), address("127.0.0.1:5555"))
	_, _ = io.ReadAll(l.watch(pipeOf("\x05\x01\x02\x01\x04user\x04passrest")))
	f.closed(l)
	bare := f.opened(address("127.0.0.1:40002"), address("127.0.0.1:5556"))
	f.closed(bare)
	late := StreamEvent{ID: "1", Status: "NEWRESOLVE", Circuit: "0", Target: "a.test:0", Source: "127.0.0.1:40000", User: redact.New("user"), Password: redact.New("pass")}
	for i, other := range []StreamEvent{{Source: late.Source}, {Source: late.Source, User: late.User, Password: redact.New("else")},
		{Source: "127.0.0.1:40001", User: late.User, Password: late.Password}, {Source: "127.0.0.1:40002"}} {
		other.ID, other.Status, other.Circuit, other.Target = strconv.Itoa(10+i), "NEW", "0", "theirs.test:1"
		f.Stream(other)
	}
	f.Stream(late)
	late.ID = "2" // SOCKS has one for a connection
	f.Stream(late)
	if got := strings.Join(f.streamLines(), "|"); got != "1 NEWRESOLVE 0 a.test:0" {
		t.Error(got)
	}
}

// pipeOf is a connection on which a text comes.
func pipeOf(text string) net.Conn {
	a, b := net.Pipe()
	go func() { _, _ = io.WriteString(a, text); _ = a.Close() }()
	return b
}

func TestSniffer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\x05\x01\x02\x01\x01u\x01pDATA":            "u p",
		"\x05\x03\x00\x01\x02\x01\x03abc\x02de\x05": "abc de",
		"\x05\x01\x00\x05\x01\x00\x03":              " ",
		"\x04\x01\x00\x50":                          " ",
		"GET / HTTP/1.1":                            " ",
		"\x05\x01\x02\x01\xff":                      "none",
		"":                                          "none",
	} {
		for _, r := range []*strings.Reader{strings.NewReader(in)} {
			got := "none"
			s := &sniffer{Reader: iotest.OneByteReader(r), found: func(u, p string) { got = u + " " + p }}
			buf := make([]byte, 64)
			var all []byte
			for {
				n, err := s.Read(buf)
				all = append(all, buf[:n]...)
				if err != nil {
					break
				}
			}
			rest, _ := io.ReadAll(r)
			all = append(all, rest...)
			if got != want || string(all) != in {
				t.Errorf("%q: %q, passed on %q", in, got, all)
			}
		}
	}
}

// Who does not read its events is dropped, and holds nobody up.
func TestControlDropsWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	alive := true
	f := someFilter(&alive)
	c := control(t, f)
	c.ask("AUTHENTICATE")
	c.ask("SETEVENTS STREAM")
	_ = f.opened(address("127.0.0.1:40000"), address("127.0.0.1:5555"))
	f.Stream(StreamEvent{ID: "1", Status: "NEW", Circuit: "0", Source: "127.0.0.1:40000"})
	long := strings.Repeat("x", 100000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2000 {
			f.Stream(StreamEvent{ID: "1", Status: "SENTCONNECT", Circuit: "7", Target: long})
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("a reader that does not read holds Tor's events up")
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	if n, _ := io.Copy(io.Discard, c.in); n >= 2000*100000 {
		t.Error("all events were kept for it")
	}
}

func TestControlTorDoesNotTell(t *testing.T) {
	t.Parallel()
	alive := true
	f := someFilter(&alive)
	f.circuits = func(context.Context) ([]Circuit, error) { return nil, errors.New("no") }
	_ = f.opened(address("127.0.0.1:40000"), address("127.0.0.1:5555"))
	f.Stream(StreamEvent{ID: "2", Status: "NEW", Circuit: "7", Source: "127.0.0.1:40000"})
	c := control(t, f)
	c.ask("AUTHENTICATE")
	if got := c.ask("GETINFO circuit-status"); !strings.HasPrefix(got, "551") {
		t.Error(got)
	}
	if got := c.ask("GETINFO version"); !slices.Contains(strings.Split(got, "|"), "250 OK") {
		t.Error(got)
	}
}
