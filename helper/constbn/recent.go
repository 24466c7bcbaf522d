// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"sync"
	"time"
)

// otr3 raises to a power for each message, though a key lasts for as many as
// one side sends in a row. The last few results are kept, for a minute at most:
// see the package comment for what that costs.
const (
	keptResults = 8
	keptFor     = time.Minute
)

// recent are results by the hash of what they were made from, so that no
// exponent is kept.
type recent struct {
	keep time.Duration

	mu   sync.Mutex
	kept [keptResults]result
	next int
}

type result struct {
	of    [sha256.Size]byte
	bytes []byte
	timer *time.Timer
}

var shared = recent{keep: keptFor}

// power returns base^exponent as compute gives it, or as it was returned before.
func (r *recent) power(base, exponent []byte, compute func() []byte) []byte {
	of := hashOf(base, exponent)
	if b := r.recall(&of); b != nil {
		return b
	}
	b := compute()
	r.remember(&of, b)
	return b
}

func hashOf(base, exponent []byte) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(base)))
	b = append(append(b, base...), exponent...)
	defer clear(b)
	return sha256.Sum256(b)
}

// recall returns a copy of the result, or nil. All that its time shows is
// whether there is one.
//
//go:noinline
func (r *recent) recall(of *[sha256.Size]byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []byte
	for i := range r.kept {
		if k := &r.kept[i]; k.bytes != nil && subtle.ConstantTimeCompare(k.of[:], of[:]) == 1 {
			found = bytes.Clone(k.bytes)
		}
	}
	return found
}

// remember puts b in the place of the oldest result.
func (r *recent) remember(of *[sha256.Size]byte, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := &r.kept[r.next]
	r.next = (r.next + 1) % len(r.kept)
	k.forget()
	kept := bytes.Clone(b)
	*k = result{of: *of, bytes: kept}
	k.timer = time.AfterFunc(r.keep, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(k.bytes) > 0 && &k.bytes[0] == &kept[0] { // not another that came after it
			k.forget()
		}
	})
}

func (k *result) forget() {
	if k.timer != nil {
		k.timer.Stop()
	}
	clear(k.bytes)
	*k = result{}
}
