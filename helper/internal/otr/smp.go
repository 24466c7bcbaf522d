// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"errors"
	"strings"

	"github.com/coyim/otr3"
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
	return c.lines(s.run(func() ([]otr3.ValidMessage, error) { return s.otr.StartAuthenticate(question, []byte(secret)) }))
}

// Answer answers EventSMPQuestion or EventSMPSecret.
func (c *Conversation) Answer(secret string) ([]string, error) {
	s := c.asker
	if s == nil || !s.encrypted() {
		return nil, errNoSMP
	}
	c.asker = nil
	return c.lines(s.run(func() ([]otr3.ValidMessage, error) { return s.otr.ProvideAuthenticationSecret([]byte(secret)) }))
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
	return c.lines(s.run(s.otr.AbortAuthentication))
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
