// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"crypto/rand"
	"fmt"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// prepare sees, once for each sign-on, that a secret account has a key before
// its first conversation. The caller holds e.talking.
func (e *Engine) prepare(a Account, signOn uint64) {
	if e.prepared[signOn] {
		return
	}
	e.prepared[signOn] = true
	if key, err := e.parts.Keyring.Key(a.Account); err != nil || key != nil {
		return
	}
	e.makeKey(a.Handle, a.Account)
}

// makeKey makes an account's key away from the main loop, unless one is being
// made, or the account has one under another resource: whether that comes
// along is the person's to say. It says whether one is being made.
func (e *Engine) makeKey(handle uint64, account policy.Account) bool {
	if e.making[account] {
		return true
	}
	if other, err := e.parts.Keyring.KeyOfOtherResource(account); err != nil || other != nil {
		for _, t := range e.talks {
			if t.handle == handle && other != nil {
				e.say(t, "This account has a key under its other name "+other.Account.Name+" ("+grouped(other.Fingerprint)+
					"). /otr key take takes it along, /otr key new makes a new one.")
			}
		}
		return false
	}
	e.generate(account, func(error) {})
	return true
}

// generate makes and keeps a key, and then goes on with what waited for it.
func (e *Engine) generate(account policy.Account, done func(error)) {
	if e.making[account] {
		done(fmt.Errorf("cannot make a key for %s: one is being made", account))
		return
	}
	e.making[account] = true
	e.log("%s: making an OTR key", account)
	e.parts.Background("otr key", func() {
		key, err := otr.GenerateKey(rand.Reader)
		e.talking.Lock()
		defer e.talking.Unlock()
		delete(e.making, account)
		if err == nil {
			err = e.parts.Keyring.SaveKey(account, key)
		}
		if err != nil {
			e.log("%s: %v", account, err)
		}
		for _, t := range e.talks {
			if t.account != account {
				continue
			}
			if err != nil {
				e.say(t, "This account's key could not be made: "+err.Error()+".")
			} else if t.wanted {
				e.start(t, true)
			}
		}
		done(err)
	})
}

// Otr is the state of the user directory's OTR files, for a form.
type Otr struct {
	Keys  []otr.KeyEntry
	Known []otr.Known
}

// OtrList reads keys and fingerprints.
func (e *Engine) OtrList() (Otr, error) {
	keys, err := e.parts.Keyring.Keys()
	if err != nil {
		return Otr{}, err
	}
	known, err := e.parts.Keyring.AllFingerprints()
	return Otr{keys, known}, err
}

// OtrGenerate makes a key for an account that has none; done is called when
// it is kept, or could not be.
func (e *Engine) OtrGenerate(account policy.Account, done func(error)) {
	e.talking.Lock()
	defer e.talking.Unlock()
	e.generate(account, done)
}

// OtrTrust keeps a fingerprint with its trust, and sends what waited for that.
func (e *Engine) OtrTrust(k otr.Known) error {
	e.talking.Lock()
	defer e.talking.Unlock()
	if err := e.parts.Keyring.SetFingerprint(k); err != nil {
		return err
	}
	e.lookAgain(k.Account)
	return nil
}

// OtrForget forgets a fingerprint: met again, it is seen for the first time.
func (e *Engine) OtrForget(k otr.Known) error {
	e.talking.Lock()
	defer e.talking.Unlock()
	if err := e.parts.Keyring.Forget(k); err != nil {
		return err
	}
	e.lookAgain(k.Account)
	return nil
}

func (e *Engine) lookAgain(account policy.Account) {
	for _, t := range e.talks {
		if t.account == account {
			e.look(t)
			e.release(t)
		}
	}
}
