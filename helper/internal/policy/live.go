// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// Separation is whether two accounts ride circuits of their own. Its zero
// value says that nothing shows it.
type Separation uint8

// The separations.
const (
	SeparationNotProven Separation = iota
	SeparationShared
	SeparationDistinct
)

func (s Separation) String() string {
	switch s {
	case SeparationShared:
		return "shared"
	case SeparationDistinct:
		return "distinct"
	case SeparationNotProven:
	}
	return "not-proven"
}

// Ride is one stream of an account as Tor itself tells of it.
type Ride struct {
	Circuit   string    // CONFLUX id, else circuit id; empty: Tor has it on none, or does not tell
	Isolation Isolation // by the stream's own event
}

// Separate compares two accounts by the circuits that Tor has their streams
// on. A user name on a circuit, or another path, shows nothing: only other
// circuits do, under streams that Tor says it keeps apart.
func Separate(tor Isolation, a, b []Ride) Separation {
	if tor == IsolationOff {
		return SeparationShared
	}
	proven := tor == IsolationProven && len(a) > 0 && len(b) > 0
	for _, x := range a {
		for _, y := range b {
			if x.Circuit != "" && x.Circuit == y.Circuit {
				return SeparationShared
			}
			proven = proven && x.proven() && y.proven()
		}
	}
	if proven {
		return SeparationDistinct
	}
	return SeparationNotProven
}

func (r Ride) proven() bool { return r.Circuit != "" && r.Isolation == IsolationProven }

// LevelChange decides what a caller other than the person may do to an
// account's level: make it stricter. Hold means that the person has to say so,
// also where it cannot be told which level the account has.
func LevelChange(now, wanted Level) Decision {
	switch {
	case wanted < LevelNone || wanted > LevelSecret:
		return block(ReasonFactMissing)
	case now >= LevelNone && now <= LevelSecret && wanted >= now, wanted == LevelSecret:
		return allow("")
	}
	return hold(ReasonNeedsUser)
}
