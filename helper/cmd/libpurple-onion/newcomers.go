// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"strconv"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// opSettle takes the accounts for known that are there when the plugin runs
// for the first time. A record that cannot be written is no reason to keep
// them offline: they are known until the program ends.
func (h *helper) opSettle(k *keyFile) (*keyFile, error) {
	var accounts []policy.Account
	for i := 0; ; i++ {
		group := strconv.Itoa(i)
		protocol, found := k.get(group, "protocol")
		name, _ := k.get(group, "name")
		if !found {
			break
		}
		accounts = append(accounts, policy.Account{Protocol: protocol, Name: name})
	}
	if err := h.record.Settle(accounts); err != nil {
		return nil, err
	}
	h.keep()
	return okAnswer(""), nil
}

// opArrive gives a new account the level that the configuration has for it.
func (h *helper) opArrive(k *keyFile) (*keyFile, error) {
	a := snapshot(k)
	level, d := h.engine.Newcomer(a.Account)
	switch {
	case d.Verdict == policy.Hold:
		answer := okAnswer(askNew(a.Account))
		answer.set("ask", "true")
		return answer, nil
	case d.Verdict != policy.Allow:
		return nil, errors.New(d.Reason.Text())
	case level == policy.LevelNone:
		if err := h.record.Meet(a.Account); err != nil {
			return nil, err
		}
		h.keep()
		return okAnswer(""), nil
	}
	answer, err := h.protect(a, level)
	if err != nil {
		return nil, err
	}
	h.log("a new account gets level " + level.String())
	return answer, nil
}

func askNew(a policy.Account) string {
	text := strings.TrimSuffix(a.Name, "/") + " is new. "
	if !policy.ProtocolProven(a.Protocol) {
		return text + "Its protocol cannot be protected: only XMPP and IRC can. Connected, it shows its server and your network where you are."
	}
	return text + "Shall it reach its server through Tor alone (level tor)? Left unprotected, it connects as its own settings say, and its server and your network can see where you are. Level secret is in Tools, purple-onion, Protect accounts..."
}

// opPart forgets that an account was met.
func (h *helper) opPart(k *keyFile) (*keyFile, error) {
	if err := h.record.Part(snapshot(k).Account); err != nil {
		return nil, err
	}
	h.keep()
	return okAnswer(""), nil
}

// keep writes who is known; what cannot be written holds for this process.
func (h *helper) keep() {
	if err := h.record.Save(); err != nil {
		h.log(err.Error())
	}
}
