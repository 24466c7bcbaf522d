// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// Account names a libpurple account exactly as accounts.xml does: the id of
// its protocol ("prpl-jabber") and its user name ("alice@a.test/").
type Account struct {
	Protocol, Name string
}

// String is protocol:name, the form that the command line and the audit use.
func (a Account) String() string { return a.Protocol + ":" + a.Name }

// Level is an account's protection level.
type Level uint8

// The levels. LevelUnknown is also what an unreadable or unheard-of value is.
const (
	LevelUnknown Level = iota
	LevelNone
	LevelTor
	LevelSecret
)

var levelNames = [...]string{LevelUnknown: "unknown", LevelNone: "none", LevelTor: "tor", LevelSecret: "secret"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return levelNames[LevelUnknown]
}

// ParseLevel reads "none", "tor" or "secret"; anything else is LevelUnknown.
func ParseLevel(text string) Level {
	for l := LevelNone; l <= LevelSecret; l++ {
		if text == levelNames[l] {
			return l
		}
	}
	return LevelUnknown
}

// Presence says whether something that may be missing was found.
type Presence uint8

// Unreadable is a value that stands there and cannot be understood.
const (
	PresenceNotAsked Presence = iota
	Absent
	Present
	Unreadable
)

// LevelFact is a protection level as one of its two places has it.
type LevelFact struct {
	Presence Presence
	Level    Level // only where Presence is Present
}

// LevelOf reads a stored level; an unknown text is Unreadable.
func LevelOf(text string, found bool) LevelFact {
	switch l := ParseLevel(text); {
	case !found:
		return LevelFact{Presence: Absent}
	case l == LevelUnknown:
		return LevelFact{Presence: Unreadable}
	default:
		return LevelFact{Present, l}
	}
}

// Answer is a yes or no that may not have been asked for.
type Answer uint8

// The answers.
const (
	NotAsked Answer = iota
	No
	Yes
)

// AnswerOf turns a bool into an Answer.
func AnswerOf(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// TorState is how the Tor that the gate would dial stands.
type TorState uint8

// The states. TorDead was there and is gone, or no longer answers; TorNotTor
// listens where Tor should and is something else.
const (
	TorNotAsked TorState = iota
	TorAbsent
	TorStarting
	TorReady
	TorDead
	TorNotTor
)

var torStateNames = [...]string{TorNotAsked: "unknown", TorAbsent: "absent", TorStarting: "starting", TorReady: "ready", TorDead: "dead", TorNotTor: "not-tor"}

func (s TorState) String() string {
	if int(s) < len(torStateNames) {
		return torStateNames[s]
	}
	return torStateNames[TorNotAsked]
}

// Isolation is whether Tor keeps streams with different SOCKS credentials on
// different circuits (Tor's IsolateSOCKSAuth).
type Isolation uint8

// IsolationUnknown means asked, and nothing there could answer.
const (
	IsolationNotAsked Isolation = iota
	IsolationOff
	IsolationUnknown
	IsolationProven
)

var isolationNames = [...]string{IsolationNotAsked: "not-asked", IsolationOff: "off", IsolationUnknown: "not-proven", IsolationProven: "proven"}

func (i Isolation) String() string {
	if int(i) < len(isolationNames) {
		return isolationNames[i]
	}
	return isolationNames[IsolationNotAsked]
}
