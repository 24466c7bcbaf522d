// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import "purpleonion.org/purple-onion/helper/internal/policy"

// Rename carries an account's entry over to the name that an in-client
// registration gave it (libpurple's jabber.c drops the slash of an empty
// resource). An entry that the new name has already is kept.
func (r *Record) Rename(from, to policy.Account) error {
	return r.do(func(c *content) {
		if e := c.find(from); e != nil && c.find(to) == nil {
			e.Protocol, e.Name = to.Protocol, to.Name
		}
	})
}
