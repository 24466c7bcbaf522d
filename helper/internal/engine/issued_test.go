// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"fmt"
	"testing"
)

// What waits for the wire is not forgotten for what comes behind it; of what
// went the newest lines are kept, to be sent again.
func TestIssued(t *testing.T) {
	var i issued
	line := func(n int) string { return fmt.Sprint("?OTR:", n) }
	for n := range maxWaiting {
		i.add(line(n))
	}
	for range 2 { // it goes, and is sent again
		if !i.has(line(0)) {
			t.Error("the first line is forgotten")
		}
	}
	for n := range maxWaiting {
		if n > 0 && !i.has(line(n)) {
			t.Fatalf("line %d is forgotten before it went", n)
		}
	}
	if i.has(line(0)) || i.has(line(maxWaiting)) || !i.has(line(maxWaiting-maxSent)) || len(i.went) > maxSent || len(i.waiting) > 0 {
		t.Errorf("%d lines are known, %d wait", len(i.went), len(i.waiting))
	}
	for n := range 3 * maxWaiting { // never sent: the account signed off
		i.add(line(-1 - n))
	}
	if len(i.waiting) > maxWaiting || len(i.went) > maxWaiting+maxSent {
		t.Errorf("%d lines are known, %d wait", len(i.went), len(i.waiting))
	}
}
