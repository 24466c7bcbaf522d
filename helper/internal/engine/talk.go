// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/markup"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Keyring is an account's keys and what is known of its buddies', as
// otr.Store keeps them in libotr's files.
type Keyring interface {
	Keys() ([]otr.KeyEntry, error)
	Key(policy.Account) (*otr.Key, error)
	KeyOfOtherResource(policy.Account) (*otr.KeyEntry, error)
	SaveKey(policy.Account, *otr.Key) error
	RenameKey(from, to policy.Account) error
	AllFingerprints() ([]otr.Known, error)
	Fingerprints(account policy.Account, buddy string) ([]otr.Known, error)
	SetFingerprint(otr.Known) error
	Forget(otr.Known) error
	InstanceTag(policy.Account) (uint32, error)
}

const (
	maxHeld  = 20             // messages of one conversation
	heldFor  = 24 * time.Hour // then they are dropped
	askAgain = time.Minute    // between two query messages by themselves
	maxTalks = 2000           // conversations of the whole program
	ircLine  = 417            // bytes of an OTR line in one IRC message
)

// talkKey is a conversation: the door's number of the account, and the buddy.
type talkKey struct {
	handle uint64
	buddy  string
}

// talk is what is known of one conversation. It outlives the sign-on: what is
// held waits for the next.
type talk struct {
	handle  uint64
	account policy.Account
	signOn  uint64
	buddy   string
	used    time.Time

	conv     *otr.Conversation // nil: none yet
	peer     otr.Fingerprint   // of the key at the other end, while encrypted
	standing policy.KeyStanding
	verifier bool // the SMP that goes on lets us know them, not only them us

	held    []held
	wanted  bool      // the user, or a buddy on the list, wants OTR
	invited bool      // the user takes OTR from this buddy, on the list or not
	asked   time.Time // when our last query message went
	said    map[string]time.Time
	devices asking // about OMEMO, beside lurch
}

// held is a message that may not go yet.
type held struct {
	html string
	at   time.Time
}

// session finds a sign-on.
func (e *Engine) session(signOn uint64) (Account, policy.Level, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.sessions[signOn]; s != nil {
		return s.account, s.level, true
	}
	return Account{}, policy.LevelUnknown, false
}

// talkOf gives the conversation with a buddy, made where there is none; nil
// where there are too many. The caller holds e.talking.
func (e *Engine) talkOf(a Account, signOn uint64, buddy string) *talk {
	key := talkKey{a.Handle, buddy}
	t := e.talks[key]
	if t == nil {
		if len(e.talks) >= maxTalks && !e.dropIdle() {
			return nil
		}
		t = &talk{handle: a.Handle, buddy: buddy, said: map[string]time.Time{}}
		e.talks[key] = t
	}
	if t.signOn != signOn || t.account != a.Account {
		t.account, t.signOn = a.Account, signOn
		t.devices = asking{}
		t.reset() // a key that belonged to another sign-on's stream does not go on
	}
	t.used = e.parts.Now()
	e.expire(t)
	return t
}

// dropIdle forgets the conversation that was unused longest and holds nothing.
func (e *Engine) dropIdle() bool {
	var oldest *talk
	for _, t := range e.talks {
		if t.state() != policy.StateEncrypted && len(t.held) == 0 && (oldest == nil || t.used.Before(oldest.used)) {
			oldest = t
		}
	}
	if oldest == nil {
		return false
	}
	delete(e.talks, talkKey{oldest.handle, oldest.buddy})
	return true
}

// reset ends what OTR had, without a word to the buddy.
func (t *talk) reset() {
	t.forget()
	t.asked = time.Time{}
}

func (t *talk) forget() { t.conv, t.peer, t.standing = nil, otr.Fingerprint{}, policy.KeyNotAsked }

// expire drops what was held too long, and says so.
func (e *Engine) expire(t *talk) {
	before := len(t.held)
	t.held = slices.DeleteFunc(t.held, func(h held) bool { return e.parts.Now().Sub(h.at) > heldFor })
	if n := before - len(t.held); n > 0 {
		e.say(t, fmt.Sprintf("%s dropped: held for 24 hours and never sent.", messages(n)))
	}
}

// Held is how many messages wait in memory, in all conversations.
func (e *Engine) Held() (n int) {
	e.talking.Lock()
	defer e.talking.Unlock()
	for _, t := range e.talks {
		e.expire(t)
		n += len(t.held)
	}
	return n
}

func (t *talk) state() policy.MessageState {
	if t.conv == nil {
		return policy.StatePlaintext
	}
	switch t.conv.State() {
	case otr.Encrypted:
		return policy.StateEncrypted
	case otr.Finished:
		return policy.StateFinished
	case otr.Plaintext:
	}
	return policy.StatePlaintext
}

var errNoKey = errors.New("the account has no key yet")

// open makes t's OTR conversation where there is none. errNoKey: a key is
// being made, and then it goes on by itself.
func (e *Engine) open(t *talk) error {
	if t.conv != nil {
		return nil
	}
	key, err := e.parts.Keyring.Key(t.account)
	if err != nil {
		return err
	}
	if key == nil {
		return errNoKey
	}
	tag, err := e.parts.Keyring.InstanceTag(t.account)
	if err != nil {
		return err
	}
	line := 0
	if t.account.Protocol == "prpl-irc" {
		line = ircLine
	}
	own := e.parts.Config.ForAccount(t.account.String())
	t.conv = otr.New(otr.Config{Key: key, Tag: tag, V2: slices.Contains(own.OTRv2, t.buddy), MaxLine: line, Now: e.parts.Now})
	return nil
}

// start asks the buddy for OTR, once in a while where force is false.
func (e *Engine) start(t *talk, force bool) {
	t.wanted = true
	now := e.parts.Now()
	if !force && now.Sub(t.asked) < askAgain {
		return
	}
	switch err := e.open(t); {
	case errors.Is(err, errNoKey):
		if e.makeKey(t.handle, t.account) {
			e.say(t, "This account's key is being made; the private conversation starts by itself after it.")
		}
	case err != nil:
		e.say(t, "No private conversation: "+err.Error()+".")
	case t.conv.Query() == "":
		e.say(t, "No private conversation: OTR does not work in this program.")
	default:
		t.asked = now
		e.send(t, t.conv.Query())
	}
}

// standingOf says how a fingerprint stands with the user.
func (e *Engine) standingOf(t *talk, f otr.Fingerprint) (policy.KeyStanding, error) {
	known, err := e.parts.Keyring.Fingerprints(t.account, t.buddy)
	if err != nil {
		return policy.KeyNotAsked, err
	}
	standing := policy.KeyFirstSeen
	for _, k := range known {
		switch {
		case !k.Fingerprint.Equal(f):
			if standing == policy.KeyFirstSeen {
				standing = policy.KeyChanged
			}
		case k.Trust.Verified():
			return policy.KeyVerified, nil
		default:
			return policy.KeyKnown, nil
		}
	}
	return standing, nil
}

// toKey decides whether text may be encrypted to t's other end now.
func (e *Engine) toKey(t *talk) policy.Decision {
	return policy.ToKey(t.standing, e.mustVerify(t.account))
}

func (e *Engine) mustVerify(a policy.Account) policy.Answer {
	return policy.AnswerOf(e.parts.Config.MustVerify(a.String()))
}

// release sends what is held, in order, where the key may have it.
func (e *Engine) release(t *talk) {
	e.expire(t)
	if len(t.held) == 0 || t.state() != policy.StateEncrypted || e.toKey(t).Verdict != policy.Allow {
		return
	}
	waiting := t.held
	t.held = nil
	for i, h := range waiting {
		lines, err := t.conv.Encrypt(markup.Text(h.html))
		if err != nil {
			t.held = waiting[i:]
			e.say(t, "A held message could not be encrypted, and stays held.")
			return
		}
		e.send(t, lines...)
	}
	e.say(t, messages(len(waiting))+" sent, encrypted, that had been held.")
}

// endAll ends the OTR conversations that match, and tells the buddies.
func (e *Engine) endAll(match func(*talk) bool) {
	for _, t := range e.talks {
		if match(t) && t.conv != nil {
			e.send(t, t.conv.End()...)
			t.reset()
		}
	}
}

// handOver ends what we encrypt, in the favour of a plugin that was loaded.
// What is held stays so: that plugin never had it.
func (e *Engine) handOver(a Account, c Command) {
	if modeOf(a.Account, c.Beside) != policy.ModeBeside {
		return
	}
	for _, t := range e.talks {
		if t.signOn != c.SignOn || t.conv == nil && len(t.held) == 0 {
			continue
		}
		words := c.other() + " encrypts from now on."
		if t.state() == policy.StateEncrypted {
			words += " The private conversation has ended (Not private)."
		}
		t.wanted, t.invited = false, false
		e.endAll(func(other *talk) bool { return other == t })
		e.say(t, words+e.heldWords(t))
	}
}

func messages(n int) string {
	if n == 1 {
		return "1 message was"
	}
	return fmt.Sprintf("%d messages were", n)
}

// grouped writes a fingerprint in five groups, as people compare it.
func grouped(f otr.Fingerprint) string {
	digits := f.String()
	var groups []string
	for i := 0; i < len(digits); i += 8 {
		groups = append(groups, digits[i:i+8])
	}
	return strings.Join(groups, " ")
}
