// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"errors"
	"strings"

	"github.com/coyim/otr3"

	"purpleonion.org/purple-onion/helper/internal/otr/smp"
)

// maxQuestion bounds an SMP question, which has to fit into one TLV; bytes.
const maxQuestion = 4096

var errNoSMP = errors.New("cannot answer: nobody has asked")

// Ask asks the other side a question (OTRv3, "Socialist Millionaires'
// Protocol"); EventSMPSucceeded says that it knows the answer.
func (c *Conversation) Ask(question, answer string) ([]string, error) {
	if question == "" || len(question) > maxQuestion || strings.Contains(question, "\x00") {
		return nil, errors.New("cannot ask: the question is empty, too long or has a zero byte in it")
	}
	return c.authenticate(question, answer)
}

// AskSecret asks the other side for a secret that both know.
func (c *Conversation) AskSecret(secret string) ([]string, error) { return c.authenticate("", secret) }

func (c *Conversation) authenticate(question, secret string) ([]string, error) {
	if c.State() != Encrypted {
		return nil, errNotEncrypted
	}
	s := c.current.session
	c.asker = nil
	out, err := s.smpParty().Start(question, secret)
	if err != nil {
		return nil, err
	}
	return c.lines(s.sendSMP(out...))
}

// Answer answers EventSMPQuestion or EventSMPSecret.
func (c *Conversation) Answer(secret string) ([]string, error) {
	s := c.asker
	if s == nil || !s.encrypted() {
		return nil, errNoSMP
	}
	c.asker = nil
	out, err := s.smpParty().Answer(secret)
	if err != nil {
		return nil, err
	}
	return c.lines(s.sendSMP(out))
}

// Abort ends an SMP, whoever began it.
func (c *Conversation) Abort() ([]string, error) {
	s := c.asker
	if s == nil || !s.encrypted() {
		if c.State() != Encrypted {
			return nil, errNotEncrypted
		}
		s = c.current.session
	}
	c.asker = nil
	return c.lines(s.sendSMP(s.smpParty().Abort()))
}

// noteSMP remembers who is waiting for an answer.
func (c *Conversation) noteSMP(s *session) {
	for _, e := range s.smp {
		if e.Kind == EventSMPQuestion || e.Kind == EventSMPSecret {
			c.asker = s
		} else if c.asker == s {
			c.asker = nil
		}
	}
}

// smpParty is this side of SMP in s, which is encrypted.
func (s *session) smpParty() *smp.Party {
	if s.party == nil {
		s.party = smp.New(s.otr.Rand, s.own, s.fingerprint(), s.otr.GetSSID())
	}
	return s.party
}

// sendSMP has messages sent; the other side is not to complain if it cannot
// read them (OTRv3, "Data Message", IGNORE_UNREADABLE).
func (s *session) sendSMP(out ...smp.Message) ([]message, error) {
	const ignoreUnreadable = 1
	var tlvs []tlv
	for _, m := range out {
		tlvs = append(tlvs, tlvOf(m))
	}
	return s.run(func() ([]otr3.ValidMessage, error) {
		lines, _, err := sendTLVs(s.otr, nil, ignoreUnreadable, tlvs)
		return lines, err
	})
}

func tlvOf(m smp.Message) tlv { return tlv{m.Kind, uint16(len(m.Value)), m.Value} }

// receiveSMP takes an SMP message, and is the answer to it. Of a data message
// in which one was refused, no more are looked at.
func (s *session) receiveSMP(t tlv) *tlv {
	if s.aborted {
		return nil
	}
	answer, result, question := s.stepSMP(smp.Message{Kind: t.kind, Value: t.value})
	kind := map[smp.Result]EventKind{
		smp.Asked:     EventSMPSecret,
		smp.Succeeded: EventSMPSucceeded,
		smp.Failed:    EventSMPFailed,
		smp.Aborted:   EventSMPAborted,
	}[result]
	if question != "" {
		kind = EventSMPQuestion
	}
	if kind != EventNone && len(s.smp) < maxSMPEvents {
		s.smp = append(s.smp, Event{kind, short(question), s.fingerprint()})
	}
	if answer == nil {
		return nil
	}
	s.aborted = answer.Kind == tlvAbort
	out := tlvOf(*answer)
	return &out
}

// stepSMP gives up where there were too many of the costly steps.
func (s *session) stepSMP(m smp.Message) (*smp.Message, smp.Result, string) {
	if m.Kind == tlvAbort || s.mayStep() {
		return s.smpParty().Receive(m)
	}
	out := s.smpParty().Abort()
	return &out, smp.Aborted, ""
}
