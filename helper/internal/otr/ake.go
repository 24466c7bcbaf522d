// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/coyim/otr3"
)

// akeAge is how long an AKE may take from its first message on.
const akeAge = 2 * time.Minute

// handshake is an AKE under way: an otr3 conversation of its own.
type handshake struct {
	*session
	commit  message // where it is we who began
	waiting bool    // for the answer to that
	at      time.Time
}

func (c *Conversation) fresh(h *handshake, version int) bool {
	return h != nil && h.version == version && c.config.Now().Sub(h.at) < akeAge
}

// begin makes a commit, to one instance or (0) to whichever answers.
func (c *Conversation) begin(version int, to uint32) (*handshake, error) {
	s, err := c.newSession(version)
	if err != nil {
		return nil, err
	}
	s.in.theirTag.SetUint(uint64(to))
	out, err := s.run(func() ([]otr3.ValidMessage, error) {
		_, lines, err := s.otr.Receive(fmt.Appendf(nil, "?OTRv%d?", version))
		return lines, err
	})
	if err != nil {
		return nil, err
	}
	if len(out) != 1 || out[0].kind != kindCommit {
		return nil, errMalformed
	}
	return &handshake{session: s, commit: out[0], waiting: true, at: c.config.Now()}, nil
}

// offered answers a query or a whitespace tag.
func (c *Conversation) offered(o offer, answer bool, r *Received) {
	version := 0
	switch {
	case o.v3:
		version = 3
	case o.v2 && c.config.V2:
		version = 2
	default:
		r.event(EventUnsupportedVersion, short(o.all), Fingerprint{})
		return
	}
	if !answer {
		r.event(EventStrangerAsked, "", Fingerprint{})
		return
	}
	if !c.akeLimit.allow(c.config.Now()) || !c.usable() {
		return
	}
	// The same commit again while it is unanswered: each query would cost a power.
	if !c.fresh(c.pending, version) {
		h, err := c.begin(version, 0)
		if err != nil {
			return
		}
		c.pending = h
	}
	c.invited = c.config.Now()
	c.send(r, c.pending.commit)
}

// negotiate takes an AKE message that is for us.
func (c *Conversation) negotiate(m message, answer bool, r *Received) {
	if !answer {
		r.event(EventStrangerAsked, "", Fingerprint{})
		return
	}
	if !c.akeLimit.allow(c.config.Now()) || !c.usable() {
		return
	}
	switch m.kind {
	case kindCommit:
		c.receiveCommit(m, r)
	case kindKey:
		c.receiveKey(m, r)
	case kindReveal:
		if i := c.instances[m.from]; i != nil && c.fresh(i.answering, m.version) {
			c.advance(i, i.answering, m, r)
		}
	case kindSig:
		if i := c.instances[m.from]; i != nil && c.fresh(i.started, m.version) {
			c.advance(i, i.started, m, r)
		}
	case kindData: // not an AKE message
	}
}

// receiveCommit answers, or, where both have begun, lets the higher hash win
// (OTRv3, "Receiving a D-H Commit Message").
func (c *Conversation) receiveCommit(m message, r *Received) {
	for _, ours := range []**handshake{&c.pending, &c.instance(m.from).started} {
		if !c.fresh(*ours, m.version) || !(*ours).waiting {
			continue
		}
		if bytes.Compare((*ours).commit.hash(), m.hash()) >= 0 {
			c.send(r, (*ours).commit)
			return
		}
		*ours = nil
	}
	i := c.instance(m.from)
	// A second commit goes to the same otr3 conversation, which answers with
	// the same key again.
	if !c.fresh(i.answering, m.version) {
		s, err := c.newSession(m.version)
		if err != nil {
			return
		}
		i.answering = &handshake{session: s, at: c.config.Now()}
	}
	c.advance(i, i.answering, m, r)
}

// receiveKey goes on with what we began. Where several instances answer one
// commit, the first has it, and each other is sent one of its own.
func (c *Conversation) receiveKey(m message, r *Received) {
	i := c.instances[m.from]
	switch {
	case c.fresh(c.pending, m.version):
		i = c.instance(m.from)
		i.started, c.pending = c.pending, nil
	case i != nil && c.fresh(i.started, m.version):
	case m.version == 3 && c.config.Now().Sub(c.invited) < akeAge && (i == nil || i.since.Before(c.invited) && !c.fresh(i.answering, 3)):
		h, err := c.begin(m.version, m.from)
		if err != nil {
			return
		}
		c.instance(m.from).started = h
		c.send(r, h.commit)
		return
	default:
		return
	}
	i.started.waiting = false
	c.advance(i, i.started, m, r)
}

// advance hands m to h, and sees whether the AKE is complete.
func (c *Conversation) advance(i *instance, h *handshake, m message, r *Received) {
	_, out, err := h.receive(m)
	if err != nil {
		r.event(EventMalformed, "", Fingerprint{})
	}
	if errors.Is(err, errPanic) { // nothing is known of its state
		i.drop(h)
		return
	}
	c.send(r, out...)
	if h.encrypted() {
		i.drop(h)
		c.complete(i, h.session, r)
	}
}

// complete puts the new session in the place of the instance's old one.
func (c *Conversation) complete(i *instance, s *session, r *Received) {
	f := s.fingerprint()
	if f == c.config.Key.Fingerprint() || f == (Fingerprint{}) {
		r.event(EventMalformed, "", f) // our own messages, sent back to us
		return
	}
	kind := EventGoneSecure
	if before, ok := c.Peer(); ok && before == f {
		kind = EventStillSecure
	}
	i.end()
	i.session, i.finished, i.since = s, false, c.config.Now()
	i.started, i.answering = nil, nil
	c.current = i
	r.event(kind, "", f)
	c.resend(f, r)
}
