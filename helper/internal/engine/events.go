// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// look finds out anew whom t's conversation is encrypted to: another program
// of the buddy's, with a key of its own, may have spoken last.
func (e *Engine) look(t *talk) {
	if t.conv == nil {
		return
	}
	peer, encrypted := t.conv.Peer()
	if !encrypted {
		t.peer, t.standing = otr.Fingerprint{}, policy.KeyNotAsked
		return
	}
	t.peer = peer
	standing, err := e.standingOf(t, peer)
	if err != nil {
		e.say(t, "The known fingerprints cannot be read, and nothing is sent: "+err.Error()+".")
	}
	t.standing = standing
}

// events tells what happened in a conversation, and sends what was waiting
// for it.
func (e *Engine) events(t *talk, events []otr.Event) {
	for _, ev := range events {
		e.event(t, ev)
	}
	if len(events) > 0 {
		e.look(t)
		e.release(t)
	}
}

func (e *Engine) event(t *talk, ev otr.Event) {
	switch ev.Kind {
	case otr.EventGoneSecure, otr.EventStillSecure:
		e.look(t)
		e.say(t, e.introduction(t))
	case otr.EventFinished:
		e.say(t, "The buddy has ended the private conversation (Finished). What you write is held; /otr start begins a new one.")
	case otr.EventStrangerAsked:
		e.say(t, "You are asked for a private conversation, and nothing was answered: who asks is not on this account's buddy list, or the account does not encrypt by itself. /otr start answers.")
	case otr.EventUnsupportedVersion:
		e.say(t, "The buddy's program offers only OTR versions that are not spoken here ("+ev.Text+").")
	case otr.EventUnreadable:
		e.say(t, "An encrypted message could not be read. /otr refresh begins the private conversation anew.")
	case otr.EventErrorReceived:
		e.say(t, "The buddy's program, or somebody on the way, reports: "+ev.Text)
	case otr.EventResent:
		e.say(t, "The last message was sent again, encrypted to the same key.")
	case otr.EventSMPQuestion:
		t.verifier = false
		e.say(t, "The buddy wants to know whether it is you, and asks: "+ev.Text+" (/otr answer ANSWER, or /otr abort)")
	case otr.EventSMPSecret:
		t.verifier = true
		e.say(t, "The buddy asks for the secret that you both know (/otr answer SECRET, or /otr abort).")
	case otr.EventSMPSucceeded:
		e.smpSucceeded(t, ev.Fingerprint)
	case otr.EventSMPFailed:
		e.say(t, "Not verified: the answers differ. Somebody may sit in between, or it was a slip; try again over another way.")
	case otr.EventSMPAborted:
		e.say(t, "The verification failed or was aborted.")
	case otr.EventNone, otr.EventMalformed, otr.EventOtherInstance:
	}
}

// introduction says to whom a private conversation is, and what to do next.
func (e *Engine) introduction(t *talk) string {
	switch t.standing {
	case policy.KeyVerified:
		return "Private: the conversation is encrypted to the buddy's verified key."
	case policy.KeyKnown:
		text := "Unverified: the conversation is encrypted to a key that is known and was not compared: " + grouped(t.peer) + ". "
		if e.toKey(t).Verdict != policy.Allow {
			return text + "This account sends only to verified keys: compare it, then /otr verify FINGERPRINT."
		}
		return text + "Compare it by another way, then /otr verify FINGERPRINT."
	case policy.KeyFirstSeen:
		return "Unverified: this buddy's key is seen for the first time: " + grouped(t.peer) +
			". Nothing is sent yet. Compare it by another way and use /otr verify FINGERPRINT; or take it as it is: /otr accept, or send the held message again."
	case policy.KeyChanged:
		return "ALARM: the buddy's key is another than the known one. Somebody may sit in between, or the buddy has a new program. Now: " +
			grouped(t.peer) + ". Known: " + strings.Join(e.knownOf(t), ", ") +
			". Nothing is sent. Ask the buddy by another way, then /otr verify FINGERPRINT; /otr accept takes the new key without that; /otr end."
	case policy.KeyNotAsked:
	}
	return "The conversation is encrypted, but the known fingerprints cannot be read: nothing is sent."
}

func (e *Engine) knownOf(t *talk) []string {
	known, _ := e.parts.Keyring.Fingerprints(t.account, t.buddy)
	var out []string
	for _, k := range known {
		out = append(out, grouped(k.Fingerprint))
	}
	return out
}

// smpSucceeded marks the key as verified where the SMP proved the buddy to
// us: a question that the buddy asked proves only us to the buddy. It is the
// key of that SMP's session: another program of the buddy's may speak by now.
func (e *Engine) smpSucceeded(t *talk, f otr.Fingerprint) {
	if !t.verifier {
		e.say(t, "The buddy knows now that it is you. To know the same of the buddy: /otr ask QUESTION = ANSWER.")
		return
	}
	if err := e.trust(t, f, otr.SMP); err != nil {
		e.say(t, "Verified, but that could not be kept: "+err.Error()+".")
		return
	}
	e.say(t, "Private: the buddy's key is verified.")
}

// trust keeps a fingerprint of the buddy's with its trust.
func (e *Engine) trust(t *talk, f otr.Fingerprint, trust otr.Trust) error {
	err := e.parts.Keyring.SetFingerprint(otr.Known{Account: t.account, Buddy: t.buddy, Fingerprint: f, Trust: trust})
	if err == nil {
		e.look(t)
	}
	return err
}

// accept takes the key at the other end without comparing it, and sends what
// is held where that is enough.
func (e *Engine) accept(t *talk) error {
	if t.standing == policy.KeyFirstSeen || t.standing == policy.KeyChanged {
		if err := e.trust(t, t.peer, ""); err != nil {
			return fmt.Errorf("cannot accept the key: %w", err)
		}
	}
	e.release(t)
	return nil
}
