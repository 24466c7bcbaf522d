// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// The cell's cases: a program without our plugin, and what of the outside it
// might have send something for it. X11 is not among them: a program that may
// speak to the display can ask every other one there (THREATS.md, "The cell").
// A bare network namespace is the control where it leaks; it keeps in what goes
// by abstract names, by DNS and by a port of loopback, and there the control is
// none at all.
var cellCases = []leakCase{
	{"cell", "login", off, leakCellLogin, nil},
	{"cell", "names", off, speaks("names"), nil},
	{"cell", "environment-proxy", off, speaks("proxy"), nil},
	{"cell", "abstract-socket", off, speaks("abstract"), nil},
	{"cell", "vsock", unshare, speaks("vsock"), nil},
	{"cell", "path-socket", unshare, speaks("paths"), nil},
	{"cell", "home-socket", unshare, speaks("home"), nil},
	{"cell", "later-socket", unshare, speaks("later"), nil},
	{"cell", "datagram", unshare, speaks("datagram"), nil},
	{"cell", "nscd", unshare, speaks("nscd"), nil},
	{"cell", "systemd", unshare, speaks("systemd"), nil},
	{"cell", "descriptor", unshare, speaks("descriptor"), nil},
	{"cell", "bus-service", unshare, speaks("service"), nil},
	{"cell", "no-bus-service", unshare, speaks("service", "--session-bus", "none"), nil},
	{"cell", "portal", unshare, speaks("portal", "--session-bus", "filtered"), nil},
	{"cell", "control", off, speaks("control", "--control"), nil},
}

// leakCellLogin is the real Pidgin. Inside, an account with no libpurple proxy
// gets nowhere; one that is sent to Tor's port signs on, and its name is not
// asked of DNS.
func leakCellLogin(a *arm) {
	direct, socks := a.user("a.test", direct), a.user("a.test", socks5)
	a.shown()
	dir := a.realDir(inPidgin, direct, socks)
	p := a.program(a.words(nil, "pidgin", "--debug", "--multiple", "--config="+dir)...)
	if a.held == "" {
		p.expect(`dnsquery: .*(failed|Error resolving|Unable to resolve)|Unable to connect`, patience)
	} else {
		a.bound(1, direct)
	}
	a.bound(1, socks)
}

// words is a program as the arm runs it: in a cell, in a bare network
// namespace, or as it is.
func (a *arm) words(flags []string, program ...string) []string {
	switch a.held {
	case "":
		return cell(flags, program...)
	case unshare:
		return append([]string{"unshare", "-r", "-n", "--"}, program...)
	}
	return program
}

// part is a copy of this program where it is seen inside.
func (a *arm) part() string {
	a.t.Helper()
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		a.t.Fatal(err)
	}
	path := filepath.Join(a.home, "part")
	if err = os.WriteFile(path, data, 0o700); err != nil {
		a.t.Fatal(err)
	}
	return path
}

var traits = regexp.MustCompile(`(?m)^trait: (.*)$`)

// speaks is a case of leaks_parts_test.go: an outside in which everything that
// is spoken to sends a packet, and a program that tries one thing of it.
func speaks(what string, flags ...string) func(*arm) {
	return func(a *arm) {
		part := a.part()
		words := a.words(flags, part, partInside, what)
		cmd := a.command(append([]string{"unshare", "-m", "--", part, partOutside}, words...)...)
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		out, err := cmd.CombinedOutput()
		if !timer.Stop() || err != nil {
			a.t.Fatalf("%q: %v: %s", words, err, out)
		}
		for _, m := range traits.FindAllStringSubmatch(string(out), -1) {
			a.trait(1, strings.TrimSpace(m[1]))
		}
	}
}
