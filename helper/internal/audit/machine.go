// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const maxEtcBytes = 4 << 20

// judgeMachine looks at the machine where an XMPP account would log in, and at
// the session that Pidgin would be part of.
func (a *auditor) judgeMachine() {
	a.pidginBus()
	for _, d := range a.dirs {
		for _, x := range d.accounts {
			if x.Protocol == "prpl-jabber" {
				a.hostnameLookup()
				return
			}
		}
	}
}

func (a *auditor) hostnameLookup() {
	hosts, ok1 := a.etc("hosts")
	order, ok2 := a.etc("nsswitch.conf")
	if !ok1 || !ok2 {
		return
	}
	switch {
	case a.Hostname == "":
		a.report.Errors = append(a.report.Errors, Problem{Path: "machine", Message: "the computer's name could not be found out"})
	case NameAnsweredHere(hosts, order, a.Hostname):
	case inHosts(hosts, a.Hostname):
		a.findAs("hostname-lookup", "", []string{"machine"}, "DNS is asked for this computer's name before /etc/hosts is",
			"sudoedit /etc/nsswitch.conf  # hosts: files myhostname, then the rest")
	default:
		a.findAs("hostname-lookup", "", []string{"machine"}, "This computer's name is not in /etc/hosts, so DNS is asked for it",
			`echo "127.0.1.1 $(hostname)" | sudo tee -a /etc/hosts`)
	}
}

// purpleService is Pidgin's and Finch's name on the bus.
const purpleService = "im.pidgin.purple.PurpleService"

// pidginBus: libpurple offers itself on every session bus that it finds.
func (a *auditor) pidginBus() {
	accounts := 0
	for _, d := range a.dirs {
		accounts += len(d.accounts)
	}
	if accounts == 0 || !a.sessionBus() || a.denied() {
		return
	}
	a.findAs("pidgin-bus-exposed", "", []string{"machine"}, "Programs of the session can read and drive Pidgin over the session bus",
		"sudo cp /usr/share/purple-onion/pidgin-deny.conf /etc/dbus-1/session.d/  # then log in anew")
}

func (a *auditor) sessionBus() bool {
	if address, ok := a.lookup("DBUS_SESSION_BUS_ADDRESS"); ok && address != "" {
		return true
	}
	dir, ok := a.lookup("XDG_RUNTIME_DIR")
	if !ok || dir == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(dir, "bus"))
	return err == nil
}

func (a *auditor) lookup(name string) (string, bool) {
	if a.Lookup == nil {
		return "", false
	}
	return a.Lookup(name)
}

// denied says whether the bus' configuration keeps others from the service.
func (a *auditor) denied() bool {
	for _, dir := range []string{"etc", "usr/share"} {
		files, _ := filepath.Glob(filepath.Join(a.root(), dir, "dbus-1/session.d/*.conf"))
		for _, path := range files {
			if text, err := os.ReadFile(path); err == nil && deniesPurple(string(text)) {
				return true
			}
		}
	}
	return false
}

// deniesPurple looks for a rule in effect; what is in a comment is none.
func deniesPurple(text string) bool {
	for {
		before, rest, found := strings.Cut(text, "<!--")
		if strings.Contains(before, `<deny send_destination="`+purpleService+`"`) {
			return true
		}
		if !found {
			return false
		}
		_, text, _ = strings.Cut(rest, "-->")
	}
}

func (a *auditor) root() string {
	if a.Root == "" {
		return "/"
	}
	return a.Root
}

// NameAnsweredHere says whether the computer's own name is known without asking
// DNS or the network, by the texts of /etc/hosts and /etc/nsswitch.conf.
func NameAnsweredHere(hosts, nsswitch, name string) bool {
	return name != "" && answeredHere(nsswitch, inHosts(hosts, name), name)
}

// etc reads a file of the machine; a missing one is empty, as glibc takes it.
func (a *auditor) etc(name string) (string, bool) {
	path := filepath.Join(a.root(), "etc", name)
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", true
	}
	if err != nil {
		a.problem(path, 0, err)
		return "", false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEtcBytes))
	if err != nil {
		a.problem(path, 0, err)
	}
	return string(data), err == nil
}

// inHosts says whether /etc/hosts has an address for the name (hosts(5)).
func inHosts(hosts, name string) bool {
	for _, line := range strings.Split(hosts, "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i, f := range fields {
			if i > 0 && asciiLower(f) == asciiLower(name) {
				return true
			}
		}
	}
	return false
}

// answeredHere walks the order of hosts: in nsswitch.conf(5) up to the first
// service that answers for the computer's own name, or that sends it out. An
// action in brackets only ever ends the walk sooner than here.
func answeredHere(nsswitch string, inHosts bool, name string) bool {
	for _, service := range hostServices(nsswitch) {
		switch service {
		case "files":
			if inHosts {
				return true
			}
		case "myhostname":
			return true
		case "mdns4_minimal", "mdns6_minimal", "mdns_minimal":
			// these ask, by multicast, for .local alone
			if strings.HasSuffix(asciiLower(name), ".local") {
				return false
			}
		default:
			return false
		}
	}
	return true // nobody is left to ask
}

// hostServices gives glibc's own order where the file has none.
func hostServices(nsswitch string) []string {
	for _, line := range strings.Split(nsswitch, "\n") {
		line, _, _ = strings.Cut(line, "#")
		order, ok := strings.CutPrefix(strings.TrimSpace(line), "hosts:")
		if ok {
			return strings.Fields(dropBrackets(order))
		}
	}
	return []string{"dns", "files"}
}

func dropBrackets(s string) string {
	for {
		before, rest, ok := strings.Cut(s, "[")
		if !ok {
			return s
		}
		_, after, _ := strings.Cut(rest, "]")
		s = before + " " + after
	}
}
