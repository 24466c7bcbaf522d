// SPDX-License-Identifier: GPL-3.0-or-later

package policy

import "testing"

func TestSeparate(t *testing.T) {
	on := func(circuit string) Ride { return Ride{circuit, IsolationProven} }
	tests := []struct {
		name string
		tor  Isolation
		a, b []Ride
		want Separation
	}{
		{"nothing known", IsolationNotAsked, nil, nil, SeparationNotProven},
		{"two circuits", IsolationProven, []Ride{on("5")}, []Ride{on("7")}, SeparationDistinct},
		{"one circuit", IsolationProven, []Ride{on("5")}, []Ride{on("5")}, SeparationShared},
		{"one circuit, nothing proven", IsolationUnknown, []Ride{{"5", IsolationUnknown}}, []Ride{{"5", IsolationUnknown}}, SeparationShared},
		{"a second stream meets", IsolationProven, []Ride{on("5"), on("6")}, []Ride{on("7"), on("6")}, SeparationShared},
		{"isolation off", IsolationOff, []Ride{on("5")}, []Ride{on("7")}, SeparationShared},
		{"isolation off, nobody online", IsolationOff, nil, nil, SeparationShared},
		{"no control port", IsolationUnknown, []Ride{{"", IsolationUnknown}}, []Ride{{"", IsolationUnknown}}, SeparationNotProven},
		{"both on no circuit", IsolationProven, []Ride{{"", IsolationProven}}, []Ride{{"", IsolationProven}}, SeparationNotProven},
		{"Tor does not prove", IsolationUnknown, []Ride{on("5")}, []Ride{on("7")}, SeparationNotProven},
		{"one event was missed", IsolationProven, []Ride{on("5")}, []Ride{{"7", IsolationUnknown}}, SeparationNotProven},
		{"one without a stream", IsolationProven, []Ride{on("5")}, nil, SeparationNotProven},
	}
	for _, tt := range tests {
		if got := Separate(tt.tor, tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if got := Separate(tt.tor, tt.b, tt.a); got != tt.want {
			t.Errorf("%s, the other way: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Every pair of levels: only what is known to be at least as strict goes
// without the person.
func TestLevelChange(t *testing.T) {
	for now := LevelUnknown; now <= LevelSecret+1; now++ {
		for wanted := LevelUnknown; wanted <= LevelSecret+1; wanted++ {
			want := Hold
			switch {
			case wanted == LevelUnknown || wanted > LevelSecret:
				want = Block
			case wanted == LevelSecret, now != LevelUnknown && now <= LevelSecret && wanted >= now:
				want = Allow
			}
			if got := LevelChange(now, wanted); got.Verdict != want {
				t.Errorf("from %v to %v: %v, want %v", now, wanted, got.Verdict, want)
			}
		}
	}
}
