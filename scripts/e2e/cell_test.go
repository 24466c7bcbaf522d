// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// cell is the command line that runs a program in a cell.
func cell(flags []string, program ...string) []string {
	return append(append(append([]string{filepath.Join(root, "build/purple-onion"), "run"}, flags...), "--"), program...)
}

// shown gives the client a display, and what keeps GTK quiet.
func (c *client) shown() *client {
	c.env = append(c.env, "DISPLAY="+display(c.t), "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1")
	return c
}

const patience = 60 * time.Second

// signedOn is what libpurple's debug log has of an XMPP session that is up.
func signedOn(name string) string {
	return `jabber: Sending \(ssl\) \(` + name + `@a\.test/.*<presence`
}

// The real Pidgin with the plugin in a cell: the plugin finds Tor there, and
// by the cell's control port it proves isolation; Tor's end is told as Tor's end.
func TestCellPidgin(t *testing.T) {
	t.Parallel()
	user(t, "cell-a@a.test")
	user(t, "cell-b@b.test")
	c := newClient(t, "cell").shown()
	dir := c.realDir(inPidgin, jabber("cell-a@a.test/", direct), jabber("cell-b@b.test/", direct))
	c.protect(dir, "tor", "--all")
	script := `pidgin --debug --multiple --config="$1" &
		while [ ! -e "$1/ask" ]; do sleep 0.1; done
		gdbus call --session --dest org.purpleonion.Helper1 --object-path /org/purpleonion/Helper1 --method org.freedesktop.DBus.Properties.Get org.purpleonion.Helper1 InCell >"$1/said" 2>&1
		"$2" status >>"$1/said" 2>&1
		mv "$1/said" "$1/answers"; wait`
	// The cell has its home, and no /tmp, in which this may be checked out.
	program, asks := filepath.Join(root, "build/purple-onion"), filepath.Join(dir, "asks")
	if out, err := exec.Command("cp", program, asks).CombinedOutput(); err != nil {
		t.Fatalf("cannot copy %s: %v: %s", program, err, out)
	}
	p := c.program(cell([]string{"--control"}, "sh", "-c", script, "sh", dir, asks)...)
	p.expect(`cell: control +at 127\.0\.0\.1:9051`, patience)
	for range 2 {
		p.expect(`: way \S+, circuit \S+, exit \S+, isolation proven`, patience)
	}
	// Asked by the cell's own bus it says where it is, and to who asks there the
	// accounts' names. Not on Pidgin's output, into whose lines it would fall.
	write(t, filepath.Join(dir, "ask"), "")
	var said []byte
	until(t, "answers by the cell's bus", patience, func() bool {
		said, _ = os.ReadFile(filepath.Join(dir, "answers"))
		return len(said) > 0
	})
	if !regexp.MustCompile(`(?ms)^\(<true>,\)$.*^prpl-jabber:cell-a@a\.test/$`).Match(said) {
		t.Errorf("the cell's bus says %s", said)
	}
	lab(t, "client", "tor", c.name, "kill")
	for range 2 {
		p.expect(`purple-onion: .*\((tor-dead|no-tor)\)`, 15*time.Second)
	}
	lab(t, "client", "tor", c.name, "start")
	p.expect(`core-purple-onion: \S+: online`, 100*time.Second)
	c.clean()
}

// Pidgin without the plugin, its account at plain SOCKS, which has libpurple
// ask DNS: in a cell it signs on and nothing else leaves; outside it leaks.
func TestCellWithoutPlugin(t *testing.T) {
	t.Parallel()
	for _, inCell := range []bool{true, false} {
		name := fmt.Sprintf("cell-bare-%t", inCell)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user(t, name+"@a.test")
			c := newClient(t, name).shown()
			dir := c.realDir(inPidgin, jabber(name+"@a.test/", socks5))
			words := []string{"pidgin", "--debug", "--multiple", "--config=" + dir}
			if inCell {
				words = cell(nil, words...)
			}
			c.program(words...).expect(signedOn(name), patience)
			if inCell {
				c.clean()
			} else {
				c.leaks()
			}
		})
	}
}

// An account without any libpurple proxy does not get out of a cell, and sends
// nothing while it tries.
func TestCellDirect(t *testing.T) {
	t.Parallel()
	user(t, "cell-direct@a.test")
	c := newClient(t, "cell-direct").shown()
	dir := c.realDir(inPidgin, jabber("cell-direct@a.test/", direct))
	p := c.program(cell(nil, "pidgin", "--debug", "--multiple", "--config="+dir)...)
	p.expect(`dnsquery: .*(failed|Error resolving|Unable to resolve)|Unable to connect`, patience)
	c.clean()
}

// Finch, in a terminal, without the plugin.
func TestCellFinch(t *testing.T) {
	t.Parallel()
	user(t, "cell-finch@a.test")
	c := newClient(t, "cell-finch")
	dir := c.realDir(inFinch, jabber("cell-finch@a.test/", socks5))
	log := filepath.Join(c.home, "finch.log")
	c.terminal(strings.Join(cell([]string{"--session-bus", "none"}, "finch", "-d", "-c", dir), " ") + " 2>" + log)
	c.program("tail", "-n", "+1", "-F", log).expect(signedOn("cell-finch"), patience)
	c.clean()
}

// profanity knows no SOCKS: torsocks leads it to Tor's port inside.
func TestCellProfanity(t *testing.T) {
	t.Parallel()
	user(t, "cell-prof@a.test")
	c := newClient(t, "cell-prof")
	s := c.terminal(strings.Join(cell([]string{"--session-bus", "none", "--home", "empty"}, "torsocks", "profanity"), " ") + " 2>" + filepath.Join(c.home, "log"))
	s.shows(`(?i)profanity`)
	s.press("-l", "/connect cell-prof@a.test tls trust")
	s.press("Enter")
	s.shows(`(?i)password`)
	s.press("-l", "pw-e2e")
	s.press("Enter")
	s.shows(`(?i)logged in successfully`)
	c.clean()
}

// What leads out of a bare network namespace does not lead out of a cell: a
// service of the session bus, a name by DNS, the host's names by nscd.
func TestCellHasNoOtherWay(t *testing.T) {
	t.Parallel()
	c := newClient(t, "cell-ways")
	script := `getent hosts a.test; printf 'GET / HTTP/1.0\r\n\r\n' | timeout 5 bash -c 'exec 3<>/dev/tcp/10.77.0.5/5222' ; timeout 5 bash -c 'exec 3<>/dev/udp/10.77.0.53/53; echo x >&3'; true`
	out, err := c.command(cell(nil, "sh", "-c", script)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	c.clean()
	c2 := newClient(t, "cell-ways-control")
	if out, err := c2.command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	c2.leaks()
}
