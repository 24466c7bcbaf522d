// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package libotrtest

// #include "peer.h"
import "C"

import "fmt"

// An Event is what libotr told the program. Kind is one of: gone-secure,
// still-secure, gone-insecure, new-fingerprint (Text: the fingerprint, 40
// digits), symkey (Code: the use; Text: the key), tlv (Code: its type; Text: its
// data), msg-... (message.h, OTRL_MSGEVENT_; Text: the message), smp-...
// (OTRL_SMPEVENT_; Text: the question).
type Event struct {
	Kind, Text string
	Code       int
}

var msgNames = []string{"none", "encryption-required", "encryption-error", "connection-ended", "setup-error",
	"reflected", "resent", "not-in-private", "unreadable", "malformed", "heartbeat-received", "heartbeat-sent",
	"general-error", "unencrypted", "unrecognized", "for-other-instance"}

var smpNames = []string{"none", "error", "abort", "cheated", "ask-for-answer", "ask-for-secret", "in-progress",
	"success", "failure"}

func eventOf(kind C.enum_note_kind, code int, text string) Event {
	fingerprint := fmt.Sprintf("%X", text)
	switch kind {
	case C.NOTE_MESSAGE:
		return Event{"msg-" + msgNames[code], text, code}
	case C.NOTE_SMP:
		return Event{"smp-" + smpNames[code], text, code}
	case C.NOTE_GONE_SECURE:
		return Event{"gone-secure", fingerprint, code}
	case C.NOTE_STILL_SECURE:
		return Event{"still-secure", fingerprint, code}
	case C.NOTE_GONE_INSECURE:
		return Event{"gone-insecure", fingerprint, code}
	case C.NOTE_NEW_FINGERPRINT:
		return Event{"new-fingerprint", fingerprint, code}
	case C.NOTE_SYMKEY:
		return Event{"symkey", text, code}
	default:
		return Event{"tlv", text, code}
	}
}
