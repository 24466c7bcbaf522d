// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"fmt"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// DecideStream says whether a stream of a sign-on may be. The gate fills in
// what it knows: before the dial without the stream's own isolation, then the
// status's counts, and a sign-on that is online gets no further stream.
func (e *Engine) DecideStream(signOn uint64, f policy.StreamFacts) policy.Decision {
	e.mu.Lock()
	ses := e.sessions[signOn]
	fresh := f.Isolation == policy.IsolationNotAsked
	if ses == nil || fresh && ses.state == Online {
		f.Credentials = policy.No
	}
	e.mu.Unlock()
	tor := e.parts.Tor.Status()
	f.Tor, f.RequireProven = tor.State, policy.AnswerOf(e.parts.Config.RequireProvenIsolation)
	if fresh {
		f.Isolation = tor.Isolation
	}
	return policy.Stream(f)
}

// StreamConnected is the gate's news that a stream stands.
func (e *Engine) StreamConnected(signOn uint64, s Stream) {
	e.mu.Lock()
	ses := e.sessions[signOn]
	if ses != nil {
		ses.stream = s
	}
	e.mu.Unlock()
	if ses != nil {
		e.news(News{Kind: NewsAccount, Account: ses.account.Account})
		e.parts.Emit(Event{Kind: EventState, Handle: ses.account.Handle, SignOn: signOn,
			Text: s.String()})
	}
}

// Stream is how a connection went through Tor.
type Stream struct {
	Way       string // onion, srv, domain or connect-server
	Circuit   string // Tor's CONFLUX id, else circuit id; empty: not known
	Exit      string // fingerprint; empty: an onion address, or not known
	ExitName  string // nickname
	Onion     string // the onion service's address; empty: an exit, or not known
	Isolation policy.Isolation
}

// String is the stream as the debug log and the status page show it.
func (s Stream) String() string {
	end := orNone(s.Exit)
	if s.ExitName != "" {
		end += "~" + s.ExitName
	}
	if s.Onion != "" {
		end = s.Onion + ".onion"
	}
	return fmt.Sprintf("way %s, circuit %s, exit %s, isolation %s", s.Way, orNone(s.Circuit), end, s.Isolation)
}

// StreamRefused is the gate's news that it closes a connection, and why. The
// account is told before the connection closes.
func (e *Engine) StreamRefused(signOn uint64, reason policy.Reason, detail string) {
	text := reason.Text()
	if detail != "" {
		text += ": " + detail
	}
	e.mu.Lock()
	ses := e.sessions[signOn]
	e.mu.Unlock()
	if ses == nil {
		e.log("the gate refused a connection: %s", text)
		return
	}
	e.stand(ses.account.Account, ses.level, Blocked, reason)
	e.parts.Emit(Event{Kind: EventBlocked, Handle: ses.account.Handle, SignOn: signOn, Reason: reason, Text: text})
}

// TorChanged is Tor's news. When Tor is no longer fit for use every protected
// account is told why, and then its streams are closed.
func (e *Engine) TorChanged(now TorStatus) {
	e.mu.Lock()
	before := e.tor
	e.tor = now
	online := make(map[uint64]*session, len(e.sessions))
	for n, s := range e.sessions {
		online[n] = s
	}
	e.mu.Unlock()
	if before != now {
		e.news(News{Kind: NewsTor})
		e.parts.Emit(Event{Kind: EventTor, Reason: policy.Reason(now.State.String()), Progress: now.Progress, Text: torText(now)})
	}
	d := policy.Stream(policy.StreamFacts{Credentials: policy.Yes, Server: policy.Yes, Tor: now.State, Isolation: now.Isolation,
		RequireProven: policy.AnswerOf(e.parts.Config.RequireProvenIsolation)})
	if d.Verdict == policy.Allow {
		return
	}
	for n, s := range online {
		e.stand(s.account.Account, s.level, Blocked, d.Reason)
		e.parts.Emit(Event{Kind: EventBlocked, Handle: s.account.Handle, SignOn: n, Reason: d.Reason, Text: d.Reason.Text()})
	}
	e.parts.Gate.CloseAll(d.Reason)
}

func torText(s TorStatus) string {
	text := "Tor is " + s.State.String()
	if s.Progress >= 0 && s.Progress < 100 {
		text += fmt.Sprintf(" (%d%%)", s.Progress)
	}
	if s.State == policy.TorReady {
		text += ", stream isolation " + s.Isolation.String()
	}
	if s.Socks != "" {
		text += ", SOCKS " + s.Socks
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
