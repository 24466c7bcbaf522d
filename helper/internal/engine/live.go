// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Place is where Tor has one stream of a sign-on at this moment.
type Place struct {
	policy.Ride
	Known    bool   // the stream's id is known, so that Tor could be asked for it
	Exit     string // fingerprint
	ExitName string
	Onion    string // without ".onion"
}

// Live is the report of `purple-onion status`. Its JSON form is a contract:
// arrays are never null, an absent text is "". Keys are added, never changed.
type Live struct {
	Schema    int           `json:"schema"`
	Tor       LiveTor       `json:"tor"`
	Accounts  []LiveAccount `json:"accounts"`
	Isolation []LivePair    `json:"isolation"`
	Findings  []LiveFinding `json:"findings"`
}

// LiveTor is the Tor in use.
type LiveTor struct {
	State   string `json:"state"` // absent, starting, ready, dead, not-tor
	Version string `json:"version"`
	Socks   string `json:"socks"`
	Control string `json:"control"` // open, filtered, absent
}

// LiveAccount is one protected account.
type LiveAccount struct {
	Protocol   string       `json:"protocol"`
	Name       string       `json:"name"`
	Protection string       `json:"protection"`
	State      string       `json:"state"` // offline, blocked, connecting, online; "" where nobody can tell
	Reason     string       `json:"reason"`
	Circuit    string       `json:"circuit"`     // CONFLUX id, else circuit id
	OwnCircuit string       `json:"own_circuit"` // proven, off, not-proven; "" where it is not online
	Exit       string       `json:"exit"`        // fingerprint
	Onion      string       `json:"onion"`
	Since      string       `json:"since"` // RFC 3339, UTC
	Messages   LiveMessages `json:"messages"`
}

// LiveMessages counts the conversations in each state.
type LiveMessages struct {
	Plaintext int `json:"plaintext"`
	Encrypted int `json:"encrypted"`
	Finished  int `json:"finished"`
}

// LivePair is two accounts, and whether they ride circuits of their own.
type LivePair struct {
	A        string `json:"a"` // protocol:name
	B        string `json:"b"`
	Verdict  string `json:"verdict"` // distinct, shared, not-proven
	Evidence string `json:"evidence"`
}

// LiveFinding is a finding about the running Tor, by the name of its check.
type LiveFinding struct {
	Check   string `json:"check"`
	Message string `json:"message"`
}

// The values of LiveAccount.OwnCircuit.
const (
	CircuitProven    = "proven"
	CircuitOff       = "off" // Tor has the stream on no circuit
	CircuitNotProven = "not-proven"
)

// NewLive is an empty report about a Tor.
func NewLive(t TorStatus) Live {
	l := Live{Schema: 1, Tor: LiveTor{State: t.State.String(), Version: t.Version, Socks: t.Socks, Control: t.control()},
		Accounts: []LiveAccount{}, Isolation: []LivePair{}, Findings: []LiveFinding{}}
	return l
}

// control is the control port in the words of LiveTor.
func (t TorStatus) control() string {
	there := t.State == policy.TorReady || t.State == policy.TorStarting
	if there && (t.Control == "open" || t.Control == "filtered") {
		return t.Control
	}
	return "absent"
}

// Live is Status with Tor's own word, asked for now, on where the streams are.
// It takes as long as Places.
func (e *Engine) Live(ctx context.Context) Live {
	s := e.Status()
	var signOns []uint64
	for _, a := range s.Accounts {
		if a.SignOn != 0 {
			signOns = append(signOns, a.SignOn)
		}
	}
	var places map[uint64][]Place
	if len(signOns) > 0 && e.parts.Places != nil {
		places = e.parts.Places(ctx, signOns)
	}
	return s.Live(places)
}

// Live is the report on s, with where Tor has the streams of sign-ons.
func (s Status) Live(places map[uint64][]Place) Live {
	l := NewLive(s.Tor)
	for _, a := range s.Accounts {
		l.Accounts = append(l.Accounts, a.live(places[a.SignOn], s.Tor))
	}
	for i, a := range s.Accounts {
		for _, b := range s.Accounts[i+1:] {
			if s.comparable(a) && s.comparable(b) {
				l.Isolation = append(l.Isolation, s.Tor.pair(a, b, places))
			}
		}
	}
	l.Findings = append(l.Findings, s.Tor.findings()...)
	return l
}

// comparable are accounts that have a stream, and those that would share a
// circuit and are blocked for that.
func (s Status) comparable(a AccountStatus) bool {
	return a.State == Online || a.State == Blocked && a.Reason == policy.ReasonIsolationOff
}

func (a AccountStatus) live(places []Place, tor TorStatus) LiveAccount {
	l := LiveAccount{
		Protocol: a.Account.Protocol, Name: a.Account.Name, Protection: a.Level.String(),
		State: string(a.State), Reason: string(a.Reason),
	}
	if !a.Since.IsZero() {
		l.Since = a.Since.UTC().Format(time.RFC3339)
	}
	for _, state := range a.Messages {
		switch state {
		case policy.StateEncrypted:
			l.Messages.Encrypted++
		case policy.StateFinished:
			l.Messages.Finished++
		case policy.StatePlaintext, policy.StateNotAsked:
			l.Messages.Plaintext++
		}
	}
	if a.State != Online {
		return l
	}
	l.OwnCircuit = ownCircuit(places, tor)
	for _, p := range places {
		if p.Circuit != "" {
			l.Circuit, l.Exit, l.Onion = p.Circuit, p.Exit, p.Onion
		}
	}
	return l
}

// ownCircuit: an account that is online without a stream that Tor knows of is
// off its circuit; where Tor cannot be asked nothing is proven.
func ownCircuit(places []Place, tor TorStatus) string {
	verdict := CircuitProven
	switch {
	case tor.Control != "open":
		return CircuitNotProven
	case len(places) == 0:
		return CircuitOff
	}
	for _, p := range places {
		switch {
		case p.Known && p.Circuit == "":
			return CircuitOff
		case p.Circuit == "" || p.Isolation != policy.IsolationProven || tor.Isolation != policy.IsolationProven:
			verdict = CircuitNotProven
		}
	}
	return verdict
}

func (t TorStatus) pair(a, b AccountStatus, places map[uint64][]Place) LivePair {
	ra, rb := rides(places[a.SignOn]), rides(places[b.SignOn])
	p := LivePair{A: a.Account.String(), B: b.Account.String()}
	verdict := policy.Separate(t.Isolation, ra, rb)
	p.Verdict = verdict.String()
	switch verdict {
	case policy.SeparationDistinct:
		p.Evidence = fmt.Sprintf("Tor has them on circuits %s and %s, and isolates both streams by their credentials", circuits(ra), circuits(rb))
	case policy.SeparationShared:
		p.Evidence = fmt.Sprintf("Tor has them on circuits %s and %s", circuits(ra), circuits(rb))
		if t.Isolation == policy.IsolationOff {
			p.Evidence = t.whyOff()
		}
	case policy.SeparationNotProven:
		p.Evidence = "Tor does not tell where each of their streams is"
		if t.Control != "open" {
			p.Evidence = "Tor's control port is " + t.control()
		}
	}
	return p
}

func (t TorStatus) whyOff() string {
	if t.Option != "" {
		return "Tor's configuration has " + t.Option
	}
	return "Tor does not isolate streams by their credentials"
}

func rides(places []Place) []policy.Ride {
	var list []policy.Ride
	for _, p := range places {
		list = append(list, p.Ride)
	}
	return list
}

func circuits(rides []policy.Ride) string {
	var list []string
	for _, r := range rides {
		list = append(list, orNone(r.Circuit))
	}
	return strings.Join(list, "+")
}

// findings are what the running Tor does wrong, or does not tell.
func (t TorStatus) findings() []LiveFinding {
	var list []LiveFinding
	if t.State != policy.TorReady && t.State != policy.TorStarting {
		return []LiveFinding{{"isolation-not-proven", "Tor is " + t.State.String()}}
	}
	switch t.Isolation {
	case policy.IsolationOff:
		list = append(list, LiveFinding{"tor-isolation-off", t.whyOff()})
	case policy.IsolationUnknown, policy.IsolationNotAsked:
		list = append(list, LiveFinding{"isolation-not-proven", "Tor's control port is " + t.control()})
	case policy.IsolationProven:
	}
	if t.KeepsExit {
		list = append(list, LiveFinding{"track-host-exits", "Tor's configuration has TrackHostExits"})
	}
	return list
}

// Refusal is why an account gets no new circuit now.
type Refusal struct {
	NoTor bool
	Text  string
}

func (r *Refusal) Error() string { return r.Text }

// NewCircuit says whether an account can sign on anew now; the door has it do
// so. Its new sign-on has new credentials, and so another circuit (I3).
func (e *Engine) NewCircuit(a policy.Account) error {
	s := e.Status()
	if s.Tor.State != policy.TorReady {
		return &Refusal{true, "Tor is " + s.Tor.State.String()}
	}
	for _, x := range s.Accounts {
		if x.Account == a && x.SignOn != 0 {
			return nil
		}
	}
	return &Refusal{false, "the account is not signed on under protection"}
}

// ExitCode is that of `purple-onion status`: 1 where accounts share a circuit
// or one is off its own, else 3 where something is not proven, or nobody can
// tell whether an account is online, else 0.
func (l Live) ExitCode() int {
	code := 0
	for _, a := range l.Accounts {
		switch {
		case a.OwnCircuit == CircuitOff:
			return 1
		case a.State == string(NotTold):
			code = 3
		}
	}
	for _, p := range l.Isolation {
		switch p.Verdict {
		case policy.SeparationShared.String():
			return 1
		case policy.SeparationDistinct.String():
		default:
			code = 3
		}
	}
	return code
}

// Nameless is the report for a caller that may not know who somebody is:
// names, circuits, exits and message states are left out, and the path of a
// unix socket, which names the person's home.
func (l Live) Nameless() Live {
	out := l
	if strings.HasPrefix(out.Tor.Socks, "unix:") {
		out.Tor.Socks = "unix:"
	}
	out.Accounts = make([]LiveAccount, len(l.Accounts))
	for i, a := range l.Accounts {
		a.Name, a.Circuit, a.Exit, a.Onion, a.Messages = "", "", "", "", LiveMessages{}
		out.Accounts[i] = a
	}
	out.Isolation = make([]LivePair, len(l.Isolation))
	for i, p := range l.Isolation {
		out.Isolation[i] = LivePair{Verdict: p.Verdict}
	}
	return out
}
