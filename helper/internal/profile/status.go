// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import "purpleonion.org/purple-onion/helper/internal/policy"

// StatusFile is where libpurple keeps the statuses of the program.
const StatusFile = "status.xml"

// readStatuses gives the accounts that have a status of their own in a status
// of the program (savedstatuses.c, parse_substatus).
func readStatuses(root *node) []policy.Account {
	var list []policy.Account
	for _, status := range root.children {
		if status.name != "status" {
			continue
		}
		for _, c := range status.children {
			account := c.child("account")
			if c.name != "substatus" || account == nil {
				continue
			}
			protocol, _ := account.attr("protocol")
			name, _ := c.childText("account")
			list = append(list, policy.Account{Protocol: protocol, Name: name})
		}
	}
	return list
}

// statusText says whether an account element keeps the words of a status,
// also of one that is not in force (account.c, parse_status_attrs).
func statusText(account *node) bool {
	for _, statuses := range account.children {
		for _, status := range statuses.children {
			attributes := status.child("attributes")
			if statuses.name != "statuses" || attributes == nil {
				continue
			}
			for _, a := range attributes.children {
				id, _ := a.attr("id")
				value, _ := a.attr("value")
				if id == "message" && value != "" {
					return true
				}
			}
		}
	}
	return false
}
