// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import "crypto/sha256"

const (
	// maxWaiting is how many lines of an account may wait for the wire: what is
	// held goes at once, in many pieces on IRC.
	maxWaiting = 8192
	// maxSent is how many are remembered that went: XEP-0198 sends again what
	// the server did not acknowledge, and libpurple asks it to after each stanza.
	maxSent = 1024
)

type lineHash [sha256.Size]byte

// issued remembers, by their hash, the lines that our OTR made for an account.
type issued struct {
	went          map[lineHash]bool
	waiting, sent []lineHash // oldest first; of waiting the first did not go
}

func (i *issued) add(line string) {
	h := lineHash(sha256.Sum256([]byte(line)))
	if _, found := i.went[h]; found {
		return
	}
	if i.went == nil {
		i.went = map[lineHash]bool{}
	}
	if len(i.waiting) >= maxWaiting {
		delete(i.went, i.waiting[0])
		i.waiting = i.waiting[1:]
	}
	i.went[h] = false
	i.waiting = append(i.waiting, h)
	i.tidy()
}

// has says whether line was issued; it is taken for sent then.
func (i *issued) has(line string) bool {
	h := lineHash(sha256.Sum256([]byte(line)))
	went, found := i.went[h]
	if !found || went {
		return found
	}
	i.went[h] = true
	if i.sent = append(i.sent, h); len(i.sent) > maxSent {
		delete(i.went, i.sent[0])
		i.sent = i.sent[1:]
	}
	i.tidy()
	return true
}

// tidy keeps in waiting what has not gone, from the first such on.
func (i *issued) tidy() {
	for len(i.waiting) > 0 {
		if went, found := i.went[i.waiting[0]]; found && !went {
			return
		}
		i.waiting = i.waiting[1:]
	}
}
