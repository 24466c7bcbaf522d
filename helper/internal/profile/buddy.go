// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import "purpleonion.org/purple-onion/helper/internal/policy"

// Buddy is one buddy of blist.xml.
type Buddy struct {
	Account  policy.Account
	Group    string
	Name     string
	Alias    string
	Settings map[string]Setting
}

// readBuddies follows blist.c (parse_group, parse_contact, parse_buddy).
func readBuddies(root *node) []Buddy {
	var list []Buddy
	blist := root.child("blist")
	if blist == nil {
		return nil
	}
	for _, group := range blist.children {
		if group.name != "group" {
			continue
		}
		name, ok := group.attr("name")
		if !ok {
			name = "Buddies" // translated in libpurple
		}
		for _, c := range group.children {
			switch c.name {
			case "contact", "person":
				list = append(list, buddiesOf(c, name)...)
			case "buddy":
				list = append(list, buddyOf(c, name)...)
			}
		}
	}
	return list
}

func buddiesOf(contact *node, group string) []Buddy {
	var list []Buddy
	for _, c := range contact.children {
		if c.name == "buddy" {
			list = append(list, buddyOf(c, group)...)
		}
	}
	return list
}

func buddyOf(n *node, group string) []Buddy {
	account, ok := n.attr("account")
	protocol, ok2 := n.attr("proto")
	if !ok2 {
		protocol, ok2 = n.attr("protocol")
	}
	name, ok3 := n.childText("name")
	if !ok || !ok2 || !ok3 {
		return nil
	}
	b := Buddy{Account: policy.Account{Protocol: protocol, Name: account}, Group: group, Name: name, Settings: map[string]Setting{}}
	b.Alias, _ = n.childText("alias")
	for _, c := range n.children {
		if key, s, ok := readSetting(c); ok {
			b.Settings[key] = s
		}
	}
	return []Buddy{b}
}
