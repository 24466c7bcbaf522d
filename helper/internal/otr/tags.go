// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"fmt"
	"strconv"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// minInstanceTag is the least that a client may have (OTRv3, "Instance tags").
const minInstanceTag = 0x100

// tagFields: account's name, its protocol, 8 digits.
const tagFields = 3

type tagFile struct{ *table }

func parseTags(data []byte) tagFile { return tagFile{parseTable(data, tagFields)} }

// tag reads a line; false for what is no tag.
func (f tagFile) tag(i int) (policy.Account, uint32, bool) {
	fields := f.lines[i].fields
	if len(fields) != tagFields || len(endOfLine(fields[2])) != 8 {
		return policy.Account{}, 0, false
	}
	tag, err := strconv.ParseUint(endOfLine(fields[2]), 16, 32)
	return policy.Account{Protocol: fields[1], Name: fields[0]}, uint32(tag), err == nil && tag >= minInstanceTag
}

// find gives an account's tag; where there are two, the last, as libotr does.
func (f tagFile) find(a policy.Account) (uint32, bool) {
	for i := len(f.lines) - 1; i >= 0; i-- {
		if account, tag, ok := f.tag(i); ok && account == a {
			return tag, true
		}
	}
	return 0, false
}

// tagsHead is what libotr writes first.
const tagsHead = "# WARNING! You shouldn't copy this file to another computer. It is unnecessary and can cause problems."

// set adds an account's tag.
func (f tagFile) set(a policy.Account, tag uint32) ([]byte, error) {
	if len(f.data) == 0 {
		f = parseTags([]byte(tagsHead + "\n"))
	}
	return f.add(a.Name, a.Protocol, fmt.Sprintf("%08x", tag))
}
