// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

func several(accounts int, max time.Duration) *world {
	w := newWorld(func(p *Parts) { p.Config.SignonDelayMax = max })
	for range accounts {
		w.recorded = append(w.recorded, policy.Account{Protocol: "prpl-irc", Name: "x"})
	}
	return w
}

// One account alone does not wait; of several each waits a time of its own,
// anywhere up to the longest.
func TestApart(t *testing.T) {
	if d := several(1, time.Minute).Apart(); d != 0 {
		t.Errorf("the only account waits %v", d)
	}
	if d := several(5, 0).Apart(); d != 0 {
		t.Errorf("without a longest time: %v", d)
	}
	w, quarters := several(2, time.Minute), [4]int{}
	for range 400 {
		d := w.Apart()
		if d < 0 || d >= time.Minute {
			t.Fatalf("%v", d)
		}
		quarters[d/(15*time.Second)]++
	}
	for i, n := range quarters {
		if n < 40 { // of 400: less than one in a million
			t.Errorf("quarter %d came %d times of 400", i, n)
		}
	}
}

func TestSignOnsWait(t *testing.T) {
	w := several(2, time.Hour)
	for range 3 {
		w.DecideConnect(alice())
	}
	if w.grants[0].Delay == w.grants[1].Delay || w.grants[0].Delay <= 0 {
		t.Errorf("delays %v, %v", w.grants[0].Delay, w.grants[1].Delay)
	}
}

// Who leaves while another is online, or has just left, leaves later.
func TestLeaving(t *testing.T) {
	later := now
	w := several(2, time.Minute)
	w.parts.Now = func() time.Time { return later }
	on := func() uint64 {
		n := w.DecideConnect(alice()).SignOn
		w.SignOnOnline(n)
		return n
	}
	off := func(n uint64) bool {
		before := len(w.left)
		w.SignOnLeaving(n)
		w.SignOnEnded(n)
		return len(w.left) > before && w.left[before].signOn == n && w.left[before].delay > 0
	}
	a, b := on(), on()
	if !off(a) || !off(b) {
		t.Error("two leave at once")
	}
	later = later.Add(time.Minute)
	if off(on()) {
		t.Error("one that is alone waits")
	}
	c := w.DecideConnect(alice()).SignOn
	if off(c) {
		t.Error("one that was never online waits")
	}
	w.SignOnLeaving(4711)
	if len(w.left) != 3 || w.left[2].delay != 0 {
		t.Errorf("left %v", w.left)
	}
}

// A secret account needs a person's word, or the configuration's.
func TestNotAtStart(t *testing.T) {
	secret := alice()
	secret.Setting.Level = policy.LevelSecret
	for _, c := range []struct {
		asked, config bool
		want          policy.Reason
	}{{false, false, policy.ReasonNotAtStart}, {true, false, ""}, {false, true, ""}} {
		w := newWorld(func(p *Parts) { p.Config.Autologin, p.Keyring = c.config, otr.OpenStore(t.TempDir()) })
		w.level.Level = policy.LevelSecret
		secret.Asked = c.asked
		if got := w.DecideConnect(secret); got.Reason != c.want || (got.Verdict == policy.Allow) != (c.want == "") {
			t.Errorf("%+v: %v %q", c, got.Verdict, got.Reason)
		}
	}
	w := newWorld(nil)
	if got := w.DecideConnect(alice()); got.Verdict != policy.Allow {
		t.Errorf("level tor: %v", got)
	}
}
