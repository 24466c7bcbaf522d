// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import "purpleonion.org/purple-onion/helper/internal/policy"

// Way is on which way a message is met; the values are those of ponion.h.
type Way uint8

// The ways. WayTyped, WayIM, WayChat and WayReceived carry HTML as libpurple
// has it, WayStanza one XML element, WayText what else goes to an XMPP
// server, WayIRC one line with its CR LF.
const (
	WayUnknown Way = iota
	WayTyped
	WayIM
	WayChat
	WayStanza
	WayText
	WayIRC
	WayReceived
)

// Message is a message on its way, as the door met it.
type Message struct {
	SignOn    uint64
	Way       Way
	Buddy     string // normalised; empty where the text says to whom
	Text      string
	OnList    bool // the buddy is on the account's list
	PidginOTR bool // pidgin-otr is loaded beside us
	Lurch     bool // lurch is loaded beside us
}

// Reply is what becomes of a message. Where Instead is true Text goes in
// place of it. Told is for the person, and names no account.
type Reply struct {
	policy.Decision
	Instead bool
	Text    string
	Told    string
}

// LineKind says what is to be done with a Line; the values are ponion.h's.
type LineKind uint8

// The kinds of lines.
const (
	LineSend LineKind = iota + 1 // to the buddy, on the wire
	LineSay                      // a system line in the conversation
	LineShow                     // HTML as received from the buddy
)

// Line is something for the door to do for an account.
type Line struct {
	Kind   LineKind
	Handle uint64
	SignOn uint64
	Buddy  string
	Text   string
}

// DecideSend says what becomes of a message that a person typed.
func (e *Engine) DecideSend(m Message) Reply { return e.untouched(m) }

// DecideReceive says what is shown of a message from a buddy.
func (e *Engine) DecideReceive(m Message) Reply { return e.untouched(m) }

// DecideWire says whether something may leave an account.
func (e *Engine) DecideWire(m Message) Reply { return e.untouched(m) }

// NextLine takes the next line that waits for the door.
func (e *Engine) NextLine() (Line, bool) { return Line{}, false }

// untouched allows what level tor leaves alone.
func (e *Engine) untouched(m Message) Reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.sessions[m.SignOn]; s != nil && s.level == policy.LevelTor {
		return Reply{Decision: policy.Decision{Verdict: policy.Allow}}
	}
	return Reply{Decision: policy.Decision{Reason: policy.ReasonFactMissing}}
}
