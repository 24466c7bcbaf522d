// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"errors"
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// OtrHelp is what /otr says of itself.
const OtrHelp = `/otr start: ask for a private conversation, or answer who asks
/otr end: end it
/otr refresh: begin it anew, with new keys for its messages
/otr status: how it stands, and what is held
/otr accept: take the buddy's key without comparing it; what is held goes
/otr discard: drop what is held
/otr fingerprints: this account's fingerprint, and the buddy's
/otr verify FINGERPRINT: compare the buddy's, got by another way
/otr ask QUESTION = ANSWER: verify the buddy by a question (the last " = " counts)
/otr secret SECRET: verify each other by a secret that both know
/otr answer ANSWER: answer such a question, or give the secret
/otr abort: end such a verification
/otr key new, /otr key take: this account's key, after its resource was changed`

// Command is one /otr command of a person's in a conversation.
type Command struct {
	SignOn     uint64
	Buddy      string
	Verb, Text string
	OnList     bool // the buddy is on the account's list
	Beside
}

// otrVerbs are the commands; each is called with e.talking held.
var otrVerbs = map[string]func(*Engine, *talk, string) (string, error){
	"start":        (*Engine).otrStart,
	"end":          (*Engine).otrEnd,
	"refresh":      (*Engine).otrRefresh,
	"status":       (*Engine).otrStatus,
	"accept":       (*Engine).otrAccept,
	"discard":      (*Engine).otrDiscard,
	"fingerprints": (*Engine).otrFingerprints,
	"verify":       (*Engine).otrVerify,
	"ask":          (*Engine).otrAsk,
	"secret":       (*Engine).otrSecret,
	"answer":       (*Engine).otrAnswer,
	"abort":        (*Engine).otrAbort,
	"key":          (*Engine).otrKey,
}

// OtrCommand carries out an /otr command, and gives the words for the person.
func (e *Engine) OtrCommand(c Command) (string, error) {
	if c.Verb == "help" || c.Verb == "" {
		return OtrHelp, nil
	}
	a, _, ok := e.session(c.SignOn)
	if !ok {
		return "", errors.New("this account is not protected, or is offline; choose a level for it in Tools, purple-onion, Protect accounts")
	}
	e.talking.Lock()
	defer e.talking.Unlock()
	if c.Verb == "hand-over" {
		e.handOver(a, c)
		return "", nil
	}
	if c.Verb == "end-all" {
		e.endAll(func(t *talk) bool { return t.signOn == c.SignOn })
		for _, t := range e.talks {
			if t.signOn == c.SignOn && len(t.held) > 0 {
				e.say(t, messages(len(t.held))+" held, in memory alone: they wait for the next sign-on, and are dropped when the program ends.")
			}
		}
		return "", nil
	}
	do := otrVerbs[c.Verb]
	t := e.talkOf(a, c.SignOn, c.Buddy)
	switch {
	case c.Verb == "opened": // a conversation was, by whomever
		if t != nil && c.OnList && c.lurch(a.Account) {
			e.askDevices(t)
		}
		return "", nil
	case do == nil:
		return "", fmt.Errorf("cannot do /otr %s: no such command; /otr help", c.Verb)
	case t == nil || c.Buddy == "":
		return "", errors.New("cannot do that: too many conversations")
	case modeOf(a.Account, c.Beside) == policy.ModeBeside && c.Verb == "status":
		return e.statusBeside(t, c.Beside), nil
	case modeOf(a.Account, c.Beside) == policy.ModeBeside && c.Verb != "discard":
		return "", fmt.Errorf("%s encrypts this account's messages: use its own menu (purple-onion only watches what leaves)", c.other())
	}
	e.look(t)
	return do(e, t, strings.TrimSpace(c.Text))
}

func (e *Engine) otrStart(t *talk, _ string) (string, error) {
	t.invited = true
	if t.state() == policy.StateEncrypted {
		return "", errors.New("the conversation is encrypted already; /otr refresh begins it anew")
	}
	e.start(t, true)
	return "Asking for a private conversation.", nil
}

func (e *Engine) otrEnd(t *talk, _ string) (string, error) {
	state := t.state()
	e.endAll(func(other *talk) bool { return other == t })
	t.invited, t.wanted = false, false
	if state == policy.StatePlaintext {
		return "The conversation was not private.", nil
	}
	return "The private conversation has ended (Not private)." + e.heldWords(t), nil
}

func (e *Engine) otrRefresh(t *talk, _ string) (string, error) {
	if t.state() != policy.StateEncrypted {
		return e.otrStart(t, "")
	}
	e.start(t, true)
	return "Asking to begin the private conversation anew.", nil
}

// stateWords are the words that pidgin-otr's users know.
func (t *talk) stateWords() string {
	switch {
	case t.state() == policy.StateFinished:
		return "Finished"
	case t.state() != policy.StateEncrypted:
		return "Not private"
	case t.standing == policy.KeyVerified:
		return "Private"
	}
	return "Unverified"
}

func (e *Engine) otrStatus(t *talk, _ string) (string, error) {
	lines := []string{"OTR by purple-onion: " + t.stateWords() + "."}
	if t.state() == policy.StateEncrypted {
		lines = append(lines, "The buddy's key: "+grouped(t.peer)+".")
		if d := e.toKey(t); d.Verdict != policy.Allow {
			lines = append(lines, "Nothing is sent: "+d.Reason.Text()+" ("+string(d.Reason)+").")
		}
	}
	if words := e.heldWords(t); words != "" {
		lines = append(lines, strings.TrimSpace(words))
	}
	return strings.Join(lines, "\n"), nil
}

// other is the plugin that encrypts.
func (b Beside) other() string {
	if b.PidginOTR {
		return "pidgin-otr"
	}
	return "lurch"
}

func (e *Engine) statusBeside(t *talk, b Beside) string {
	if b.PidginOTR {
		return "Beside pidgin-otr: it encrypts, purple-onion lets nothing else leave." + e.heldWords(t)
	}
	return "Beside lurch: it encrypts by OMEMO, purple-onion lets nothing else leave (" + string(policy.ReasonOMEMODevices) + ": " + policy.ReasonOMEMODevices.Text() + ")." + e.heldWords(t)
}

func (e *Engine) heldWords(t *talk) string {
	if len(t.held) == 0 {
		return ""
	}
	return " " + messages(len(t.held)) + " held, in memory alone; /otr discard drops what is held."
}

func (e *Engine) otrAccept(t *talk, _ string) (string, error) {
	if t.state() != policy.StateEncrypted {
		return "", errors.New("there is no private conversation whose key could be accepted; /otr start")
	}
	if err := e.accept(t); err != nil {
		return "", err
	}
	if d := e.toKey(t); d.Verdict != policy.Allow {
		return "", errors.New(d.Reason.Text())
	}
	return "The key is accepted, " + grouped(t.peer) + " (" + t.stateWords() + ").", nil
}

func (e *Engine) otrDiscard(t *talk, _ string) (string, error) {
	n := len(t.held)
	t.held = nil
	if n == 0 {
		return "Nothing was held.", nil
	}
	return messages(n) + " dropped.", nil
}

func (e *Engine) otrFingerprints(t *talk, _ string) (string, error) {
	var lines []string
	key, err := e.parts.Keyring.Key(t.account)
	switch {
	case err != nil:
		return "", err
	case key == nil:
		lines = append(lines, "This account has no key yet.")
	default:
		lines = append(lines, "This account: "+grouped(key.Fingerprint()))
	}
	known, err := e.parts.Keyring.Fingerprints(t.account, t.buddy)
	if err != nil {
		return "", err
	}
	for _, k := range known {
		lines = append(lines, "The buddy: "+grouped(k.Fingerprint)+", "+trustWords(k.Trust)+e.inUse(t, k.Fingerprint))
	}
	if t.state() == policy.StateEncrypted && (t.standing == policy.KeyFirstSeen || t.standing == policy.KeyChanged) {
		lines = append(lines, "The buddy: "+grouped(t.peer)+", not accepted (in use)")
	}
	return strings.Join(lines, "\n"), nil
}

func (e *Engine) inUse(t *talk, f otr.Fingerprint) string {
	if t.state() == policy.StateEncrypted && t.peer.Equal(f) {
		return " (in use)"
	}
	return ""
}

// otrVerify compares: the person got the fingerprint by another way.
func (e *Engine) otrVerify(t *talk, text string) (string, error) {
	f, err := otr.ParseFingerprint(text)
	if err != nil {
		return "", err
	}
	if t.state() == policy.StateEncrypted && !t.peer.Equal(f) {
		return "", errors.New("that is NOT the key at the other end. Somebody may sit in between: do not trust this conversation. In use is " + grouped(t.peer))
	}
	if err := e.trust(t, f, "verified"); err != nil {
		return "", fmt.Errorf("cannot keep the fingerprint: %w", err)
	}
	e.release(t)
	if t.state() != policy.StateEncrypted {
		return "Kept as verified. It will be compared when a private conversation starts.", nil
	}
	return "Private: the fingerprints are the same, and the key is verified.", nil
}

func (e *Engine) otrAsk(t *talk, text string) (string, error) {
	at := strings.LastIndex(text, " = ")
	if at <= 0 || strings.TrimSpace(text[at+3:]) == "" {
		return "", errors.New(`cannot ask: write /otr ask QUESTION = ANSWER`)
	}
	return e.smp(t, func() ([]string, error) {
		return t.conv.Ask(strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+3:]))
	})
}

func (e *Engine) otrSecret(t *talk, text string) (string, error) {
	if text == "" {
		return "", errors.New("cannot ask: write /otr secret SECRET")
	}
	return e.smp(t, func() ([]string, error) { return t.conv.AskSecret(text) })
}

func (e *Engine) smp(t *talk, begin func() ([]string, error)) (string, error) {
	if t.state() != policy.StateEncrypted {
		return "", errors.New("cannot verify: there is no private conversation; /otr start")
	}
	lines, err := begin()
	if err != nil {
		return "", err
	}
	t.verifier = true
	e.send(t, lines...)
	return "Asked. The result is shown here.", nil
}

func (e *Engine) otrAnswer(t *talk, text string) (string, error) {
	if t.conv == nil {
		return "", errors.New("cannot answer: nobody has asked")
	}
	lines, err := t.conv.Answer(text)
	if err != nil {
		return "", err
	}
	e.send(t, lines...)
	return "Answered. The result is shown here.", nil
}

func (e *Engine) otrAbort(t *talk, _ string) (string, error) {
	if t.conv == nil {
		return "", errors.New("nothing goes on")
	}
	lines, err := t.conv.Abort()
	if err != nil {
		return "", err
	}
	e.send(t, lines...)
	return "The verification was ended.", nil
}

// otrKey settles what makeKey asked.
func (e *Engine) otrKey(t *talk, text string) (string, error) {
	other, err := e.parts.Keyring.KeyOfOtherResource(t.account)
	if err != nil {
		return "", err
	}
	own, err := e.parts.Keyring.Key(t.account)
	switch {
	case err != nil:
		return "", err
	case own != nil:
		return "", errors.New("this account has a key: " + grouped(own.Fingerprint()))
	case text == "take" && other != nil:
		if err := e.parts.Keyring.RenameKey(other.Account, t.account); err != nil {
			return "", err
		}
		if t.wanted {
			e.start(t, true)
		}
		return "The key " + grouped(other.Fingerprint) + " is this account's now.", nil
	case text == "take":
		return "", errors.New("there is no key under another resource of this account")
	case text == "new":
		e.generate(t.account, func(error) {})
		return "A new key is being made.", nil
	}
	return "", errors.New("write /otr key new, or /otr key take")
}

// trustWords says how a fingerprint came to its trust.
func trustWords(t otr.Trust) string {
	switch {
	case t == otr.SMP:
		return "verified by question or secret"
	case t.Verified():
		return "verified"
	case t == "":
		return "not verified"
	}
	return "not verified (" + string(t) + ")"
}
