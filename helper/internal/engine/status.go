// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"sort"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Status is how Tor and the protected accounts stand.
type Status struct {
	Tor      TorStatus
	GatePort uint16          // 0: none
	Accounts []AccountStatus // sorted by account
}

// AccountStatus is one protected account, in a session or not.
type AccountStatus struct {
	Account  policy.Account
	Dir      string // its user directory, where the door has several and it is not the default
	Level    policy.Level
	State    State
	Reason   policy.Reason // why it is blocked
	Since    time.Time     // when it came to State; zero: before this start
	SignOn   uint64        // 0: not in a session
	Stream   Stream
	Messages map[string]policy.MessageState // by buddy, where we do OTR
}

// Status answers from what was told so far.
func (e *Engine) Status() Status {
	s := Status{Tor: e.parts.Tor.Status(), GatePort: e.parts.Gate.Port()}
	messages := e.messageStates()
	recorded := map[policy.Account]bool{}
	found := map[policy.Account]*AccountStatus{}
	for _, a := range e.parts.Records.Accounts() {
		recorded[a] = true
		found[a] = &AccountStatus{Account: a, Level: e.parts.Records.Level(a).Level, State: Offline}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for a, st := range e.standing {
		if recorded[a] || st.state != Offline {
			found[a] = &AccountStatus{Account: a, Level: st.level, State: st.state, Reason: st.reason, Since: st.since}
		}
	}
	for n, ses := range e.sessions {
		if a := found[ses.account.Account]; a != nil && n > a.SignOn {
			a.SignOn, a.Stream, a.Messages = n, ses.stream, messages[n]
		}
	}
	for _, a := range found {
		s.Accounts = append(s.Accounts, *a)
	}
	sort.Slice(s.Accounts, func(i, j int) bool { return s.Accounts[i].Account.String() < s.Accounts[j].Account.String() })
	return s
}

// messageStates are the states of all conversations, by sign-on and buddy.
func (e *Engine) messageStates() map[uint64]map[string]policy.MessageState {
	e.talking.Lock()
	defer e.talking.Unlock()
	all := map[uint64]map[string]policy.MessageState{}
	for _, t := range e.talks {
		if all[t.signOn] == nil {
			all[t.signOn] = map[string]policy.MessageState{}
		}
		all[t.signOn][t.buddy] = t.state()
	}
	return all
}
