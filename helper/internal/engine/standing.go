// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// standing is how an account was last seen: sessions end, this stays.
type standing struct {
	level  policy.Level
	state  State
	reason policy.Reason
	since  time.Time
}

// NewsKind says what News is about.
type NewsKind uint8

// The kinds of news.
const (
	NewsAccount NewsKind = iota + 1 // Status has changed for an account
	NewsTor                         // ... or for Tor
	NewsBlocked                     // an account was refused, or taken offline
	NewsLeak                        // something was kept from leaving
)

// News is for who watches from outside, by Status. It holds no text of a person's.
type News struct {
	Kind    NewsKind
	Account policy.Account
	Reason  policy.Reason
}

func (e *Engine) news(n News) {
	if e.parts.News != nil {
		e.parts.News(n)
	}
}

// stand notes where an account stands. What it was blocked for outlives the
// end of its connection; a new attempt ends it.
func (e *Engine) stand(a policy.Account, level policy.Level, state State, reason policy.Reason) {
	refused := state == Blocked
	e.mu.Lock()
	s := e.standing[a]
	if s == nil {
		s = &standing{}
		e.standing[a] = s
	}
	if s.state == Blocked && state == Offline {
		state, reason = Blocked, s.reason
	}
	if s.state != state || s.reason != reason {
		s.state, s.reason, s.since = state, reason, e.parts.Now()
	}
	s.level = level
	e.mu.Unlock()
	if refused {
		e.news(News{Kind: NewsBlocked, Account: a, Reason: reason})
	}
	e.news(News{Kind: NewsAccount, Account: a})
}

// leave forgets an account that is not protected any more.
func (e *Engine) leave(a policy.Account) {
	e.mu.Lock()
	_, known := e.standing[a]
	delete(e.standing, a)
	e.mu.Unlock()
	if known {
		e.news(News{Kind: NewsAccount, Account: a})
	}
}

// prevented tells that something of a sign-on was kept from leaving. A held
// message, and a notice that the level silences, is no leak.
func (e *Engine) prevented(signOn uint64, d policy.Decision) {
	if d.Verdict != policy.Block || d.Reason == "" || d.Reason == policy.ReasonStateSilenced {
		return
	}
	if a, _, ok := e.session(signOn); ok {
		e.news(News{Kind: NewsLeak, Account: a.Account, Reason: d.Reason})
	}
}
