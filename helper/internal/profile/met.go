// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"slices"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// met is an account without protection that is not new, by the name that
// libpurple looks it up by.
type met struct {
	Protocol string `json:"protocol"`
	Name     string `json:"name"`
}

func metAs(a policy.Account) met {
	n := normalize(a)
	return met{n.Protocol, n.Name}
}

// meet takes an account for known. Where nothing is known of any, Settle will.
func (c *content) meet(a policy.Account) {
	if c.Met != nil && !slices.Contains(*c.Met, metAs(a)) {
		list := append(slices.Clone(*c.Met), metAs(a))
		c.Met = &list
	}
}

func (c *content) part(a policy.Account) {
	if c.Met != nil {
		list := slices.DeleteFunc(slices.Clone(*c.Met), func(m met) bool { return m == metAs(a) })
		c.Met = &list
	}
}

// A knowledge is who was met, as far as this process knows: it stays true
// where the record cannot be written. It is nil until Settle.
type knowledge map[met]bool

func (c *content) knowledge() knowledge {
	if c.Met == nil {
		return nil
	}
	k := knowledge{}
	for _, m := range *c.Met {
		k[m] = true
	}
	return k
}

// Known says whether an account was met before, so that what new accounts get
// is not for it. Not asked is what it is until Settle.
func (r *Record) Known(a policy.Account) policy.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || r.met == nil {
		return policy.NotAsked
	}
	return policy.AnswerOf(r.met[metAs(a)])
}

// Settle takes accounts for known where nothing is known yet of any: those
// that are there when the plugin runs for the first time.
func (r *Record) Settle(accounts []policy.Account) error {
	r.mu.Lock()
	settled := r.met != nil
	if !settled {
		r.met = knowledge{}
		for _, a := range accounts {
			r.met[metAs(a)] = true
		}
	}
	r.mu.Unlock()
	if settled {
		return nil
	}
	return r.do(func(c *content) {
		if c.Met == nil {
			c.Met = &[]met{}
		}
		for _, a := range accounts {
			c.meet(a)
		}
	})
}

// Meet takes one account for known.
func (r *Record) Meet(a policy.Account) error {
	r.know(a, true)
	return r.do(func(c *content) { c.meet(a) })
}

// Part has an account that was removed, or is being added, be new.
func (r *Record) Part(a policy.Account) error {
	r.know(a, false)
	return r.do(func(c *content) { c.part(a) })
}

func (r *Record) know(a policy.Account, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.met != nil {
		r.met[metAs(a)] = known
	}
}
