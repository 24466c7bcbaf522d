// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import "strings"

// EventKind is what happened in a conversation.
type EventKind uint8

// What can happen. Fingerprint is the other side's key, where the event has
// to do with a private conversation.
const (
	EventNone               EventKind = iota
	EventGoneSecure                   // encrypted to Fingerprint from now on; before it was not, or to another
	EventStillSecure                  // a new session with the same Fingerprint
	EventFinished                     // the other side ended its session
	EventStrangerAsked                // a stranger wants OTR; nothing was answered
	EventUnsupportedVersion           // only OTR versions that are not spoken here; Text: which
	EventUnreadable                   // an encrypted message that cannot be read
	EventMalformed                    // a line that is broken, or forged
	EventOtherInstance                // a message for another program of the same account
	EventErrorReceived                // Text: the error; anybody on the way can have written it
	EventResent                       // the last text that was encrypted was sent again, to Fingerprint
	EventSMPQuestion                  // Text: the question to Answer
	EventSMPSecret                    // a shared secret is to be given by Answer
	EventSMPSucceeded                 // both know the same
	EventSMPFailed                    // they do not
	EventSMPAborted                   // ended, or broken; some programs say so where it failed
)

var eventNames = [...]string{"none", "gone-secure", "still-secure", "finished", "stranger-asked", "unsupported-version", "unreadable",
	"malformed", "other-instance", "error-received", "resent", "smp-question", "smp-secret", "smp-succeeded", "smp-failed", "smp-aborted"}

func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown"
}

// Event is one thing that happened.
type Event struct {
	Kind        EventKind
	Text        string
	Fingerprint Fingerprint
}

// ReceivedKind is what a received line gave to show.
type ReceivedKind uint8

const (
	ReceivedNothing ReceivedKind = iota // nothing to show
	ReceivedPlain                       // Text was not encrypted
	ReceivedPrivate                     // Text was encrypted, by From
)

// Received is what came of one line.
type Received struct {
	Kind   ReceivedKind
	Text   string      // as typed there: markup or not is the caller's business
	From   Fingerprint // of ReceivedPrivate; not always Peer's, who may have several instances
	Send   []string    // lines for the wire, in order
	Events []Event
}

func (r *Received) event(k EventKind, text string, f Fingerprint) {
	r.Events = append(r.Events, Event{k, text, f})
}

// short bounds text that a stranger wrote, for an event; valid UTF-8.
func short(text string) string {
	const most = 1024
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
}
