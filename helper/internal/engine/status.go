// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"sort"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Status is how Tor and the protected accounts in a session stand.
type Status struct {
	Tor      TorStatus
	Accounts []AccountStatus // sorted by account
}

// AccountStatus is one protected account in a session.
type AccountStatus struct {
	Account policy.Account
	Level   policy.Level
	State   State
	Stream  Stream
}

// Status answers from what was told so far.
func (e *Engine) Status() Status {
	s := Status{Tor: e.parts.Tor.Status()}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ses := range e.sessions {
		s.Accounts = append(s.Accounts, AccountStatus{ses.account.Account, ses.level, ses.state, ses.stream})
	}
	sort.Slice(s.Accounts, func(i, j int) bool { return s.Accounts[i].Account.String() < s.Accounts[j].Account.String() })
	return s
}
