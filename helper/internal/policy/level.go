// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// LevelFacts is what must be known before an account's level counts.
type LevelFacts struct {
	Setting, Record LevelFact // the level as accounts.xml and our record have it
	Config          Answer    // were config.toml and policy.toml read and understood?
	Floor           Level     // no account may be lower; LevelNone where nobody set one
	Known           Answer    // was this account met before? (level none)
}

// AllowedLevel gives an account's level, and whether it may have that one. An
// account of level none that was never met before gets its level first: see
// Newcomer.
func AllowedLevel(f LevelFacts) (Level, Decision) {
	level, d := EffectiveLevel(f.Setting, f.Record)
	if d.Verdict != Allow {
		return level, d
	}
	switch {
	case f.Config == NotAsked:
		return level, block(ReasonFactMissing)
	case f.Config != Yes:
		return level, block(ReasonConfigUnreadable)
	case !f.Floor.known(), level == LevelNone && f.Known == NotAsked:
		return level, block(ReasonFactMissing)
	case level == LevelNone && f.Known != Yes:
		return level, block(ReasonNewAccount)
	}
	return level, MaySet(level, f.Floor)
}

// EffectiveLevel joins the two places of an account's level. Both absent, or
// both none, is an account that was never protected.
func EffectiveLevel(setting, record LevelFact) (Level, Decision) {
	switch {
	case setting.Presence == PresenceNotAsked || record.Presence == PresenceNotAsked:
		return LevelUnknown, block(ReasonFactMissing)
	case record.Presence == Unreadable:
		return LevelUnknown, block(ReasonRecordUnreadable)
	case setting.Presence == Unreadable:
		return LevelUnknown, block(ReasonLevelUnreadable)
	}
	s, r := presentLevel(setting), presentLevel(record)
	if s != r || s == LevelUnknown || s > LevelSecret {
		return LevelUnknown, block(ReasonLevelsDisagree)
	}
	return s, allow("")
}

func presentLevel(f LevelFact) Level {
	switch f.Presence {
	case Absent:
		return LevelNone
	case Present:
		return f.Level
	case PresenceNotAsked, Unreadable:
	}
	return LevelUnknown
}

func (l Level) known() bool { return l >= LevelNone && l <= LevelSecret }

// MaySet decides whether an account may be given a level, whoever wants it.
// The highest one needs no look at the floor.
func MaySet(wanted, floor Level) Decision {
	switch {
	case wanted == LevelSecret:
		return allow("")
	case !wanted.known() || !floor.known():
		return block(ReasonFactMissing)
	case wanted < floor:
		return block(ReasonBelowFloor)
	}
	return allow("")
}

// NewAccounts is what an account gets that is met for the first time.
type NewAccounts uint8

// What new accounts get, from the weakest to the strictest.
const (
	NewAccountsNotAsked NewAccounts = iota
	NewAccountsNone
	NewAccountsAsk // the person is asked, and it waits
	NewAccountsTor
	NewAccountsSecret
)

var newAccountsNames = [...]string{NewAccountsNotAsked: "unknown", NewAccountsNone: "none", NewAccountsAsk: "ask", NewAccountsTor: "tor", NewAccountsSecret: "secret"}

func (n NewAccounts) String() string {
	if int(n) < len(newAccountsNames) {
		return newAccountsNames[n]
	}
	return newAccountsNames[NewAccountsNotAsked]
}

// ParseNewAccounts reads "none", "ask", "tor" or "secret"; anything else is
// NewAccountsNotAsked.
func ParseNewAccounts(text string) NewAccounts {
	for n := NewAccountsNone; n <= NewAccountsSecret; n++ {
		if text == newAccountsNames[n] {
			return n
		}
	}
	return NewAccountsNotAsked
}

// Newcomer says which level an account is given that is met for the first
// time: the stricter of what new accounts get and the floor. Hold means that
// the person chooses.
func Newcomer(protocol string, n NewAccounts, floor Level) (Level, Decision) {
	level := LevelUnknown
	switch n {
	case NewAccountsNone, NewAccountsAsk:
		level = LevelNone
	case NewAccountsTor:
		level = LevelTor
	case NewAccountsSecret:
		level = LevelSecret
	case NewAccountsNotAsked:
	}
	if protocol == "" || level == LevelUnknown || !floor.known() {
		return LevelUnknown, block(ReasonFactMissing)
	}
	switch level = max(level, floor); {
	case level == LevelNone && n == NewAccountsAsk:
		return LevelUnknown, hold(ReasonNewAccount)
	case level != LevelNone && !ProtocolProven(protocol):
		return LevelUnknown, block(ReasonProtocolNotProven)
	}
	return level, allow("")
}
