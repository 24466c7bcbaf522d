// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// opOtr is one /otr command: sign_on, buddy, verb, text.
func (h *helper) opOtr(k *keyFile) (*keyFile, error) {
	signOn, _ := k.get("request", "sign_on")
	number, err := strconv.ParseUint(signOn, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("cannot find sign-on %q", signOn)
	}
	c := engine.Command{SignOn: number, Beside: beside(k)}
	c.Buddy, _ = k.get("request", "buddy")
	c.Verb, _ = k.get("request", "verb")
	c.Text, _ = k.get("request", "text")
	onList, _ := k.get("request", "on_list")
	c.OnList = onList == "1"
	text, err := h.engine.OtrCommand(c)
	if err != nil {
		return nil, err
	}
	return okAnswer(text), nil
}

func (h *helper) opHeld(*keyFile) (*keyFile, error) {
	answer := okAnswer("")
	answer.set("count", strconv.Itoa(h.engine.Held()))
	return answer, nil
}

func beside(k *keyFile) engine.Beside {
	pidginOTR, _ := k.get("request", "pidgin_otr")
	lurch, _ := k.get("request", "lurch")
	return engine.Beside{PidginOTR: pidginOTR != "0", Lurch: lurch == "1"}
}

// opOtrList answers `keys` and `fingerprints`, counts, and the groups [key1],
// [fp1] and so on.
func (h *helper) opOtrList(*keyFile) (*keyFile, error) {
	list, err := h.engine.OtrList()
	if err != nil {
		return nil, err
	}
	answer := okAnswer("")
	answer.set("keys", strconv.Itoa(len(list.Keys)))
	answer.set("fingerprints", strconv.Itoa(len(list.Known)))
	for i, key := range list.Keys {
		answer.group("key" + strconv.Itoa(i+1))
		answer.set("account", key.Account.String())
		answer.set("fingerprint", key.Fingerprint.String())
	}
	for i, known := range list.Known {
		answer.group("fp" + strconv.Itoa(i+1))
		answer.set("account", known.Account.String())
		answer.set("buddy", known.Buddy)
		answer.set("fingerprint", known.Fingerprint.String())
		answer.set("trust", string(known.Trust))
	}
	return answer, nil
}

// opOtrGenerate makes a key for `account`; pending.
func (h *helper) opOtrGenerate(k *keyFile) (*keyFile, error) {
	account, err := accountOf(k)
	if err != nil {
		return nil, err
	}
	if beside(k).PidginOTR {
		return nil, fmt.Errorf("cannot make a key: pidgin-otr is loaded, and keeps the keys")
	}
	number := h.calls.open()
	h.engine.OtrGenerate(account, func(err error) {
		text := "The account has its key."
		if err != nil {
			text = err.Error()
		}
		h.calls.answer(number, text)
		events.push(engine.Event{Kind: engine.EventResult, SignOn: number})
	})
	answer := okAnswer("")
	answer.set("pending", strconv.FormatUint(number, 10))
	return answer, nil
}

// opOtrTrust keeps `account`, `buddy`, `fingerprint` with `trust`; where there
// is `typed`, which the buddy told by another way, only if that is the same.
func (h *helper) opOtrTrust(k *keyFile) (*keyFile, error) {
	known, err := knownOf(k)
	if err != nil {
		return nil, err
	}
	if typed, found := k.get("request", "typed"); found {
		if other, err := otr.ParseFingerprint(typed); err != nil || !other.Equal(known.Fingerprint) {
			return nil, fmt.Errorf("what was typed is another fingerprint than this one")
		}
	}
	trust, _ := k.get("request", "trust")
	known.Trust = otr.Trust(trust)
	if err := h.engine.OtrTrust(known); err != nil {
		return nil, err
	}
	return okAnswer("Kept."), nil
}

// opOtrForget forgets a fingerprint.
func (h *helper) opOtrForget(k *keyFile) (*keyFile, error) {
	known, err := knownOf(k)
	if err == nil {
		err = h.engine.OtrForget(known)
	}
	if err != nil {
		return nil, err
	}
	return okAnswer("Met again, it is seen for the first time."), nil
}

func knownOf(k *keyFile) (otr.Known, error) {
	account, err := accountOf(k)
	if err != nil {
		return otr.Known{}, err
	}
	if beside(k).PidginOTR {
		return otr.Known{}, fmt.Errorf("cannot change fingerprints: pidgin-otr is loaded, and keeps them")
	}
	known := otr.Known{Account: account}
	known.Buddy, _ = k.get("request", "buddy")
	text, _ := k.get("request", "fingerprint")
	known.Fingerprint, err = otr.ParseFingerprint(text)
	return known, err
}

// accountOf reads `account`, protocol:name.
func accountOf(k *keyFile) (policy.Account, error) {
	text, _ := k.get("request", "account")
	protocol, name, found := strings.Cut(text, ":")
	if !found || protocol == "" || name == "" {
		return policy.Account{}, fmt.Errorf("cannot find the account %q", text)
	}
	return policy.Account{Protocol: protocol, Name: name}, nil
}
