// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coyim/otr3"

	"purpleonion.org/purple-onion/helper/internal/otr/smp"
)

// session is one otr3 conversation: one AKE, and what follows it. It is given
// only whole, well-formed messages that are meant for it, never an error, a
// query but our own, or a plaintext.
type session struct {
	version int
	otr     *otr3.Conversation
	in      inner
	own     Fingerprint
	party   *smp.Party // nil until there is SMP

	// Of the message at hand:
	heard   bool    // it was genuine
	smp     []Event // what its SMP messages brought about
	aborted bool    // one of them was refused

	mayStep func() bool // one more costly step of SMP
}

// maxSMPEvents bounds what one message can bring about; a megabyte of TLVs
// holds many.
const maxSMPEvents = 8

var errPanic = errors.New("otr3 panicked")

func (c *Conversation) newSession(version int) (*session, error) {
	if insideErr != nil {
		return nil, insideErr
	}
	s := &session{version: version, otr: &otr3.Conversation{Rand: c.config.Rand}, own: c.config.Key.Fingerprint()}
	s.mayStep = func() bool { return c.smpLimit.allow(c.config.Now()) }
	if version == 3 {
		s.otr.Policies.AllowV3()
	} else {
		s.otr.Policies.AllowV2()
	}
	s.otr.SetOurKeys([]otr3.PrivateKey{signer{c.config.Key.dsa}})
	s.otr.InitializeInstanceTag(c.config.Tag)
	s.otr.SetMessageEventHandler(s)
	var err error
	if s.in, err = reach(s.otr); err != nil {
		return nil, err
	}
	s.in.keepNothingSent()
	return s, nil
}

// HandleMessageEvent implements otr3.MessageEventHandler.
func (s *session) HandleMessageEvent(e otr3.MessageEvent, _ []byte, _ error, _ ...interface{}) {
	if e == otr3.MessageEventLogHeartbeatReceived { // any genuine message without text
		s.heard = true
	}
}

// run calls otr3. What it wants sent comes back as messages: anything else
// than a well-formed message is an error.
func (s *session) run(f func() ([]otr3.ValidMessage, error)) (out []message, err error) {
	atWork.Store(s.otr, s)
	defer atWork.Delete(s.otr)
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, errPanic
		}
	}()
	lines, err := f()
	s.in.prune()
	if err != nil {
		return nil, fmt.Errorf("otr3: %w", err)
	}
	for _, line := range lines {
		m, err := parseMessage(string(line))
		if err != nil {
			return nil, errors.New("otr3 made something else than a message")
		}
		out = append(out, m)
	}
	return out, nil
}

// receive hands m to otr3.
func (s *session) receive(m message) (text string, out []message, err error) {
	s.heard, s.smp, s.aborted = false, nil, false
	out, err = s.run(func() ([]otr3.ValidMessage, error) {
		plain, lines, err := s.otr.Receive(otr3.ValidMessage(m.line()))
		text = strings.ToValidUTF8(string(plain), "\uFFFD")
		s.heard = s.heard || plain != nil
		return lines, err
	})
	return text, out, err
}

// receiveData is receive for a data message: where it was not genuine, nothing
// of it stays.
func (s *session) receiveData(m message) (text string, out []message, err error) {
	restore := s.in.countersNow()
	text, out, err = s.receive(m)
	if !s.heard && !errors.Is(err, errPanic) {
		restore()
	}
	return text, out, err
}

func (s *session) encrypted() bool { return s.otr.IsEncrypted() }

// fingerprint is the other side's; zero where there is none yet.
func (s *session) fingerprint() (f Fingerprint) {
	if key := s.otr.GetTheirKey(); key != nil {
		copy(f[:], key.Fingerprint())
	}
	return f
}
