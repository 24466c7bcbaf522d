// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import "crypto/sha256"

// maxIssued is how many lines of an account are remembered: XEP-0198 sends
// again what the server did not acknowledge, and libpurple asks it to after each
// stanza.
const maxIssued = 1024

// issued remembers, by their hash, the lines that our OTR made for an account,
// the newest maxIssued of them.
type issued struct {
	known map[[sha256.Size]byte]struct{}
	order [][sha256.Size]byte
}

func (i *issued) add(line string) {
	h := sha256.Sum256([]byte(line))
	if _, found := i.known[h]; found {
		return
	}
	if i.known == nil {
		i.known = map[[sha256.Size]byte]struct{}{}
	}
	if len(i.order) >= maxIssued {
		delete(i.known, i.order[0])
		i.order = i.order[1:]
	}
	i.known[h] = struct{}{}
	i.order = append(i.order, h)
}

func (i *issued) has(line string) bool {
	_, found := i.known[sha256.Sum256([]byte(line))]
	return found
}
