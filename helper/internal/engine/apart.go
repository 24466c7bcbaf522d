// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"crypto/rand"
	"math/big"
	"time"
)

// Apart is how long an account is to wait before it does something that others
// may do in the same moment: a random time, the same chance for each, or none
// where it is the only one that is protected. Should there be no random
// numbers, it is the longest time.
func (e *Engine) Apart() time.Duration {
	longest := e.parts.Config.SignonDelayMax
	if longest <= 0 || len(e.parts.Records.Accounts()) < 2 {
		return 0
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(longest)))
	if err != nil {
		return longest
	}
	return time.Duration(n.Int64())
}

// SignOnLeaving tells that a person signs an account off. Where another
// protected account is online, or just left, the server learns it later, so
// that two do not leave in the same second.
func (e *Engine) SignOnLeaving(signOn uint64) {
	now := e.parts.Now()
	e.mu.Lock()
	s := e.sessions[signOn]
	alone := now.Sub(e.left) >= e.parts.Config.SignonDelayMax
	for n, other := range e.sessions {
		alone = alone && (n == signOn || other.state != Online)
	}
	online := s != nil && s.state == Online
	if online {
		e.left = now
	}
	e.mu.Unlock()
	if !online {
		return
	}
	delay := time.Duration(0) // the last words get through all the same
	if !alone {
		delay = e.Apart()
	}
	e.parts.Gate.Leave(signOn, delay)
}
