// SPDX-License-Identifier: GPL-3.0-or-later

//go:build hostile

package e2e

import (
	"slices"
	"testing"
)

const stallRounds = 5

// stalls are milliseconds for which the main loop stood still under one
// attack, without purple-onion and with it.
type stalls struct{ without, with []float64 }

func median(all []float64) float64 {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[len(all)/2]
}

// tooLong is the judgement: longer than twice as long, and 100 ms.
func (s stalls) tooLong() bool { return median(s.with) > 2*median(s.without)+100 }

// measure does attacks in turn, with one and the other.
func measure(without, with *victim, a, b account, attack string) (s stalls) {
	for range stallRounds {
		s.without = append(s.without, without.suffer(a, attack))
		s.with = append(s.with, with.suffer(b, attack))
	}
	return s
}

// Under each attack the main loop stands still for at most twice as long, and
// 100 ms, as without purple-onion. The control is a helper that takes its time.
func TestHostileStalls(t *testing.T) {
	a, b, c := atHostile("without"), atHostile("with"), atHostile("slow")
	without := newVictim(t, "stall-without", fast, "none", a)
	with := newVictim(t, "stall-with", fast, "secret", b)
	control := newVictim(t, "stall-control", slow, "secret", c)
	without.begin(a)
	with.begin(b)
	control.signOn(c)
	for _, attack := range wholeAttacks {
		s := measure(without, with, a, b, attack)
		t.Logf("%-12s the main loop stood still for %4.0f ms, without purple-onion for %4.0f ms", attack, median(s.with), median(s.without))
		if s.tooLong() {
			t.Errorf("%s: with purple-onion %v, without %v", attack, s.with, s.without)
		}
	}
	if s := measure(without, control, a, c, "quiet"); !s.tooLong() {
		t.Errorf("a slow helper is not seen: %v, without %v: the measure proves nothing", s.with, s.without)
	}
	for _, v := range []*victim{without, with, control} {
		v.h.Quit()
	}
}
