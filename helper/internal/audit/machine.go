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

// judgeMachine looks at the machine where an XMPP account would log in.
func (a *auditor) judgeMachine() {
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

// NameAnsweredHere says whether the computer's own name is known without asking
// DNS or the network, by the texts of /etc/hosts and /etc/nsswitch.conf.
func NameAnsweredHere(hosts, nsswitch, name string) bool {
	return name != "" && answeredHere(nsswitch, inHosts(hosts, name), name)
}

// etc reads a file of the machine; a missing one is empty, as glibc takes it.
func (a *auditor) etc(name string) (string, bool) {
	root := a.Root
	if root == "" {
		root = "/"
	}
	path := filepath.Join(root, "etc", name)
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
