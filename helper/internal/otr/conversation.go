// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coyim/otr3"
)

// State is a conversation's message state (OTRv3, "The OTR state machine").
type State uint8

// The states. In Finished the other side has ended the private conversation,
// and nothing may be sent until the user has seen that.
const (
	Plaintext State = iota
	Encrypted
	Finished
)

// Config is how a conversation is held. Without a key it never gets private.
type Config struct {
	Key     *Key
	Tag     uint32           // ours, 0x100 or more
	V2      bool             // speak OTRv2 too, which a server can bring about unseen
	MaxLine int              // bytes of a line on the wire; 0: no limit
	Now     func() time.Time // nil: time.Now
	Rand    io.Reader        // nil: crypto/rand
}

const (
	maxInstances = 16
	resendAge    = time.Minute
	resentPrefix = "[resent] "
	// ErrorReply tells the other side that a message was lost, in words that
	// are always the same.
	ErrorReply = errorPrefix + " You sent an encrypted message that cannot be read here."
)

// Conversation is the conversation with one buddy, who may have several
// instances (programs signed on at a time). It is for one goroutine at a time.
type Conversation struct {
	config    Config
	instances map[uint32]*instance // by their tag; 0 is version 2
	current   *instance            // where what is typed goes; may be nil
	pending   *handshake           // our commit, that no instance has answered
	invited   time.Time            // when that commit was sent last
	joiner    joiner
	asker     *session // whose SMP is under way

	akeLimit, badLimit, smpLimit, replyLimit limit

	last struct {
		text  string
		to    Fingerprint
		at    time.Time
		wrong bool // an error came in since
	}
}

// instance is one program of the buddy's.
type instance struct {
	tag                uint32
	session            *session // nil: none
	since              time.Time
	finished           bool
	started, answering *handshake
	used               time.Time
}

func (i *instance) drop(h *handshake) {
	if i.started == h {
		i.started = nil
	}
	if i.answering == h {
		i.answering = nil
	}
}

// end ends the session, whose keys otr3 then wipes, and gives the lines that say so.
func (i *instance) end() []message {
	s := i.session
	i.session = nil
	if s == nil {
		return nil
	}
	if s.party != nil {
		s.party.Abort() // forgets its secrets
	}
	out, err := s.run(s.otr.End)
	if err != nil {
		return nil
	}
	return out
}

// New is a conversation in which nothing has been said.
func New(config Config) *Conversation {
	silence()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Rand == nil {
		config.Rand = rand.Reader
	}
	return &Conversation{config: config, instances: map[uint32]*instance{},
		akeLimit: limit{most: 60}, badLimit: limit{most: 60}, smpLimit: limit{most: 20}, replyLimit: limit{most: 1}}
}

// usable says whether there can be an AKE at all.
func (c *Conversation) usable() bool {
	return c.config.Key != nil && c.config.Tag >= minTag && insideErr == nil
}

// Query is the line that asks the other side for OTR; "" where there can be none.
func (c *Conversation) Query() string {
	if !c.usable() {
		return ""
	}
	return offer{v2: c.config.V2, v3: true}.String()
}

// State is that of the instance that was heard last.
func (c *Conversation) State() State {
	switch {
	case c.current == nil:
		return Plaintext
	case c.current.session != nil:
		return Encrypted
	case c.current.finished:
		return Finished
	default:
		return Plaintext
	}
}

// Peer is the key that Encrypt encrypts to; false where the state is not
// Encrypted.
func (c *Conversation) Peer() (Fingerprint, bool) {
	if c.State() != Encrypted {
		return Fingerprint{}, false
	}
	return c.current.session.fingerprint(), true
}

// SessionID is what both sides see of the session, 16 hexadecimal digits
// (OTRv3, "ssid"); "" where the state is not Encrypted.
func (c *Conversation) SessionID() string {
	if c.State() != Encrypted {
		return ""
	}
	id := c.current.session.otr.GetSSID()
	return hex.EncodeToString(id[:])
}

// Version is the OTR version of the session, 0 where the state is not Encrypted.
func (c *Conversation) Version() int {
	if c.State() != Encrypted {
		return 0
	}
	return c.current.session.version
}

var errNotEncrypted = errors.New("cannot encrypt: no private conversation")

// Encrypt gives the lines that carry text to Peer. Text has at least one byte
// and none that is 0.
func (c *Conversation) Encrypt(text string) ([]string, error) {
	to, ok := c.Peer()
	switch {
	case !ok:
		return nil, errNotEncrypted
	case text == "":
		return nil, errors.New("cannot encrypt: no text")
	case strings.Contains(text, "\x00"): // TLVs begin behind one
		return nil, errors.New("cannot encrypt: a zero byte in the text")
	}
	lines, err := c.encrypt(c.current.session, text)
	if err != nil {
		return nil, err
	}
	c.last.text, c.last.to, c.last.at, c.last.wrong = text, to, c.config.Now(), false
	return lines, nil
}

func (c *Conversation) encrypt(s *session, text string) ([]string, error) {
	const most = (maxLine - 1024) / 4 * 3
	if len(text) > most {
		return nil, fmt.Errorf("cannot encrypt: %d bytes, at most %d", len(text), most)
	}
	return c.lines(s.run(func() ([]otr3.ValidMessage, error) { return s.otr.Send(otr3.ValidMessage(text)) }))
}

// lines is what messages look like on the wire. At least one.
func (c *Conversation) lines(out []message, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("otr3 made no message")
	}
	var lines []string
	for _, m := range out {
		pieces, err := split(m, c.config.MaxLine)
		if err != nil {
			return nil, err
		}
		lines = append(lines, pieces...)
	}
	return lines, nil
}

// send adds messages to what is to be sent.
func (c *Conversation) send(r *Received, out ...message) {
	if len(out) == 0 {
		return
	}
	if lines, err := c.lines(out, nil); err == nil {
		r.Send = append(r.Send, lines...)
	}
}

// End ends the private conversation with all instances, and gives the lines
// that tell them. The state is Plaintext after it.
func (c *Conversation) End() []string {
	var r Received
	for _, i := range c.instances {
		c.send(&r, i.end()...)
	}
	c.instances, c.current, c.pending, c.asker = map[uint32]*instance{}, nil, nil, nil
	c.invited, c.last.text = time.Time{}, ""
	return r.Send
}

// Receive takes a line from the wire. With answer false, for a stranger,
// nothing is sent, and no AKE goes on.
func (c *Conversation) Receive(line string, answer bool) Received {
	var r Received
	if len(line) > maxLine {
		r.event(EventMalformed, "", Fingerprint{})
		return r
	}
	if c.config.Now().Sub(c.last.at) >= resendAge {
		c.last.text = ""
	}
	c.receive(line, answer, &r)
	if !answer {
		r.Send = nil
	}
	return r
}

func (c *Conversation) receive(line string, answer bool, r *Received) {
	rest, ok := afterMarkup(line)
	if !ok {
		c.receivePlain(line, answer, r)
		return
	}
	query, isQuery := parseQuery(rest)
	switch {
	case strings.HasPrefix(rest, messagePrefix):
		c.receiveEncoded(rest, answer, r)
	case strings.HasPrefix(rest, fragment3Prefix), strings.HasPrefix(rest, fragment2Prefix):
		c.receiveFragment(rest, answer, r)
	case strings.HasPrefix(rest, errorPrefix):
		c.receiveError(rest[len(errorPrefix):], r)
	case isQuery:
		c.offered(query, answer, r)
	default:
		c.receivePlain(line, answer, r)
	}
}

func (c *Conversation) receivePlain(line string, answer bool, r *Received) {
	text, o := cutTag(line)
	r.Kind, r.Text = ReceivedPlain, text
	if o.v2 || o.v3 {
		c.offered(o, answer, r)
	}
}

// receiveError tells of the error, and asks for a new session where one seems
// to be lost. otr3 never sees it: it would send what was said again.
func (c *Conversation) receiveError(text string, r *Received) {
	r.event(EventErrorReceived, short(text), Fingerprint{})
	if c.State() != Encrypted {
		return
	}
	c.last.wrong = true
	if c.replyLimit.allow(c.config.Now()) {
		r.Send = append(r.Send, c.Query())
	}
}

func (c *Conversation) receiveFragment(line string, answer bool, r *Received) {
	f, err := parseFragment(line)
	switch {
	case err != nil:
		r.event(EventMalformed, "", Fingerprint{})
	case f.version == 2 && !c.config.V2:
		r.event(EventUnsupportedVersion, "2", Fingerprint{})
	case f.version == 3 && f.to != 0 && f.to != c.config.Tag:
		r.event(EventOtherInstance, "", Fingerprint{})
	case !answer && c.instances[f.from] == nil: // a stranger's take no room
		r.event(EventStrangerAsked, "", Fingerprint{})
	default:
		if whole, ok := c.joiner.add(f, c.config.Now()); ok {
			c.receiveEncoded(whole, answer, r)
		}
	}
}

func (c *Conversation) receiveEncoded(line string, answer bool, r *Received) {
	m, err := parseMessage(line)
	switch {
	case err != nil:
		r.event(EventMalformed, "", Fingerprint{})
	case m.version == 2 && !c.config.V2:
		r.event(EventUnsupportedVersion, "2", Fingerprint{})
	case m.version == 3 && m.from == c.config.Tag:
		r.event(EventMalformed, "", Fingerprint{}) // our own, sent back to us
	case m.version == 3 && m.to != 0 && m.to != c.config.Tag:
		r.event(EventOtherInstance, "", Fingerprint{})
	case m.kind == kindData:
		c.receiveData(m, r)
	default:
		c.negotiate(m, answer, r)
	}
}

func (c *Conversation) receiveData(m message, r *Received) {
	i := c.instances[m.from]
	if i == nil || i.session == nil || i.session.version != m.version || c.badLimit.spent(c.config.Now()) {
		c.unreadable(m, Fingerprint{}, r)
		return
	}
	s := i.session
	text, out, err := s.receiveData(m)
	r.Events = append(r.Events, s.smp...)
	switch {
	case errors.Is(err, errPanic):
		c.lose(i, r)
		return
	case !s.heard:
		c.badLimit.allow(c.config.Now())
		c.unreadable(m, s.fingerprint(), r)
		return
	case err != nil:
		r.event(EventMalformed, "", s.fingerprint())
	}
	c.noteSMP(s)
	i.used = c.config.Now()
	c.send(r, out...)
	if text != "" {
		r.Kind, r.Text, r.From = ReceivedPrivate, text, s.fingerprint()
		c.current = i
	}
	if !s.encrypted() {
		c.lose(i, r)
	}
}

// lose ends a session that the other side has ended, or of whose state nothing
// is known any more. What follows may not be sent in clear.
func (c *Conversation) lose(i *instance, r *Received) {
	r.event(EventFinished, "", i.session.fingerprint())
	i.end()
	i.finished = true
}

// unreadable says so to the user, and once a minute to the other side, whose
// program then may begin anew.
func (c *Conversation) unreadable(m message, f Fingerprint, r *Received) {
	if m.mayFail() {
		return
	}
	r.event(EventUnreadable, "", f)
	if c.usable() && c.replyLimit.allow(c.config.Now()) {
		r.Send = append(r.Send, ErrorReply)
	}
}

// resend sends the last text again, once, where an error has come in, to the
// key that it was meant for and to no other.
func (c *Conversation) resend(to Fingerprint, r *Received) {
	last := c.last
	if !last.wrong || last.text == "" || last.to != to {
		return
	}
	c.last.text, c.last.wrong = "", false
	lines, err := c.encrypt(c.current.session, resentPrefix+last.text)
	if err != nil {
		return
	}
	r.Send = append(r.Send, lines...)
	r.event(EventResent, "", to)
}

// instance is the one with that tag, or a new one in the place of the one that
// can be spared best.
func (c *Conversation) instance(tag uint32) *instance {
	i := c.instances[tag]
	if i == nil {
		for len(c.instances) >= maxInstances {
			c.spare()
		}
		i = &instance{tag: tag}
		c.instances[tag] = i
	}
	i.used = c.config.Now()
	return i
}

// spare forgets the instance without a session that was used longest ago, or,
// where all have one, that with one; never the current one.
func (c *Conversation) spare() {
	var worst *instance
	for _, i := range c.instances {
		if i == c.current {
			continue
		}
		if worst == nil || (i.session == nil) != (worst.session == nil) && i.session == nil ||
			(i.session == nil) == (worst.session == nil) && i.used.Before(worst.used) {
			worst = i
		}
	}
	worst.end()
	delete(c.instances, worst.tag)
}
