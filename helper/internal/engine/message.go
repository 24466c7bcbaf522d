// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"errors"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/markup"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/wire"
)

// Way is on which way a message is met; the values are those of ponion.h.
type Way uint8

// The ways. WayTyped, WayIM, WayChat and WayReceived carry HTML as libpurple
// has it, WayStanza and WayArrivedStanza one XML element, WayText what else
// goes to an XMPP server, WayIRC and WayArrivedIRC one line.
const (
	WayUnknown Way = iota
	WayTyped
	WayIM
	WayChat
	WayStanza
	WayText
	WayIRC
	WayReceived
	WayArrivedStanza
	WayArrivedIRC
)

// Message is a message on its way, as the door met it.
type Message struct {
	SignOn uint64
	Way    Way
	Buddy  string // normalised; empty where the text says to whom
	Text   string
	OnList bool // the buddy is on the account's list
	OMEMO  bool // it came, and lurch decrypted it
	Beside
}

// Beside is which other plugins that encrypt are loaded in the program.
type Beside struct {
	PidginOTR, Lurch bool
}

// Reply is what becomes of a message. Where Instead is true Text goes in
// place of it. Told is for the person, and names no account.
type Reply struct {
	policy.Decision
	Instead bool
	Text    string
	Told    string
}

// LineKind says what is to be done with a Line; the values are ponion.h's.
type LineKind uint8

// The kinds of lines.
const (
	LineSend   LineKind = iota + 1 // to the buddy, on the wire
	LineSay                        // a system line in the conversation
	LineShow                       // HTML as received from the buddy
	LineStanza                     // an XML element, for the account's server
)

// Line is something for the door to do for an account.
type Line struct {
	Kind   LineKind
	Handle uint64
	SignOn uint64
	Buddy  string
	Text   string
}

// lurch says whether lurch may encrypt for an account: it knows XMPP alone.
func (b Beside) lurch(a policy.Account) bool { return b.Lurch && a.Protocol == "prpl-jabber" }

// modeOf says who encrypts for an account: never two at once.
func modeOf(a policy.Account, b Beside) policy.Mode {
	if b.PidginOTR || b.lurch(a) {
		return policy.ModeBeside
	}
	return policy.ModeNative
}

func blocked(r policy.Reason) Reply {
	return Reply{Decision: policy.Decision{Reason: r}, Told: r.Text()}
}

func allowed() Reply { return Reply{Decision: policy.Decision{Verdict: policy.Allow}} }

// replyTo tells a decision's reason, except where it is only a remark.
func replyTo(d policy.Decision) Reply {
	r := Reply{Decision: d}
	if d.Verdict != policy.Allow {
		r.Told = d.Reason.Text()
	}
	return r
}

// DecideSend says what becomes of a message that a person typed (I4).
func (e *Engine) DecideSend(m Message) Reply {
	r := e.decideSend(m)
	e.prevented(m.SignOn, r.Decision)
	return r
}

func (e *Engine) decideSend(m Message) Reply {
	a, level, ok := e.session(m.SignOn)
	if !ok || m.Way != WayTyped || m.Buddy == "" {
		return blocked(policy.ReasonFactMissing)
	}
	e.talking.Lock()
	defer e.talking.Unlock()
	t := e.talkOf(a, m.SignOn, m.Buddy)
	if t == nil {
		return blocked(policy.ReasonHeldFull)
	}
	if modeOf(a.Account, m.Beside) == policy.ModeBeside {
		return e.sendBeside(t, level, m)
	}
	e.look(t)
	if t.standing == policy.KeyFirstSeen && t.isHeld(m.Text) {
		if e.accept(t) == nil && len(t.held) == 0 {
			return Reply{Decision: policy.Decision{Verdict: policy.Hold}} // sent again: it went with what was held
		}
	}
	d := policy.Send(policy.SendFacts{
		Level: level, Mode: policy.ModeNative, State: t.state(), Key: t.standing,
		RequireVerified: e.mustVerify(a.Account), Room: policy.AnswerOf(len(t.held) < maxHeld),
	})
	switch {
	case d.Verdict == policy.Hold:
		return e.hold(t, m.Text, d)
	case d.Verdict != policy.Allow:
		return replyTo(d)
	case t.state() != policy.StateEncrypted:
		return allowed()
	}
	return e.encrypt(t, m.Text)
}

func (t *talk) isHeld(text string) bool {
	for _, h := range t.held {
		if h.html == text {
			return true
		}
	}
	return false
}

// encrypt gives the last line in place of the text; those before it wait in
// NextLine, and go first.
func (e *Engine) encrypt(t *talk, text string) Reply {
	lines, err := t.conv.Encrypt(markup.Text(text))
	if err != nil || len(lines) == 0 {
		return Reply{Decision: policy.Decision{Reason: policy.ReasonNotEncrypted}, Told: "The message could not be encrypted, and was not sent."}
	}
	last := len(lines) - 1
	e.send(t, lines[:last]...)
	e.issue(t, lines[last])
	return Reply{Decision: policy.Decision{Verdict: policy.Allow}, Instead: true, Text: lines[last]}
}

// hold keeps a message, and asks the buddy for OTR where that is what it
// waits for.
func (e *Engine) hold(t *talk, text string, d policy.Decision) Reply {
	t.held = append(t.held, held{text, e.parts.Now()})
	if t.state() != policy.StateEncrypted {
		e.start(t, false)
	}
	r := Reply{Decision: d}
	switch d.Reason {
	case policy.ReasonNotEncrypted:
		r.Told = "Held, not sent: this account sends nothing unencrypted. It goes by itself once the conversation is private. /otr discard drops it."
	case policy.ReasonFinished:
		r.Told = "Held, not sent: the buddy has ended the private conversation. It goes by itself once there is a new one. /otr discard drops it."
	default:
		r.Told = "Held, not sent: " + d.Reason.Text() + "."
	}
	return r
}

// sendBeside judges what another plugin made of a typed message.
func (e *Engine) sendBeside(t *talk, level policy.Level, m Message) Reply {
	t.forget()
	if m.lurch(t.account) {
		e.askDevices(t)
	}
	content, line := wire.Line(m.Text)
	d := policy.Send(policy.SendFacts{
		Level: level, Mode: policy.ModeBeside, RequireVerified: e.mustVerify(t.account), Room: policy.No,
		Content: content, Later: policy.AnswerOf(m.lurch(t.account)),
	})
	r := replyTo(d)
	switch {
	case d.Verdict == policy.Allow && content == policy.ContentQuery && level == policy.LevelSecret:
		r.Instead, r.Text = true, line
	case d.Reason == policy.ReasonNotEncrypted && m.PidginOTR:
		r.Told = "Not sent: this account sends nothing unencrypted. The buddy was asked for a private conversation; send the message again when it has started."
		if now := e.parts.Now(); now.Sub(t.asked) >= sayAgain {
			t.asked = now
			e.queue(Line{LineSend, t.handle, t.signOn, t.buddy, "?OTRv3?"})
		}
	}
	return r
}

// DecideReceive says what is shown of a message from a buddy.
func (e *Engine) DecideReceive(m Message) Reply {
	a, level, ok := e.session(m.SignOn)
	if !ok || m.Way != WayReceived || m.Buddy == "" {
		return blocked(policy.ReasonFactMissing)
	}
	e.talking.Lock()
	defer e.talking.Unlock()
	mode := modeOf(a.Account, m.Beside)
	if mode == policy.ModeBeside {
		return e.receiveBeside(a, level, m)
	}
	if level == policy.LevelTor && !e.concernsOTR(a, m) {
		return e.plain(policy.ReceiveFacts{Level: level, Mode: mode}, m.Text, m.Text)
	}
	t := e.talkOf(a, m.SignOn, m.Buddy)
	if t == nil {
		return blocked(policy.ReasonHeldFull)
	}
	return e.receive(t, level, m)
}

// receiveBeside judges a message before pidgin-otr has it: only a text with
// nothing of OTR's in it is surely shown as it came.
func (e *Engine) receiveBeside(a Account, level policy.Level, m Message) Reply {
	if t := e.talks[talkKey{a.Handle, m.Buddy}]; t != nil {
		t.forget()
	}
	return e.plain(policy.ReceiveFacts{
		Level: level, Mode: policy.ModeBeside, Told: policy.AnswerOf(m.OMEMO || m.PidginOTR && otr.Classify(m.Text) != otr.ClassText),
	}, m.Text, m.Text)
}

// concernsOTR says whether a message at level tor is one for our OTR: all of
// a conversation in which the user began it, and what looks like it.
func (e *Engine) concernsOTR(a Account, m Message) bool {
	t := e.talks[talkKey{a.Handle, m.Buddy}]
	return t != nil && t.invited || strings.Contains(m.Text, "?OTR")
}

// receive hands a message to the OTR conversation.
func (e *Engine) receive(t *talk, level policy.Level, m Message) Reply {
	if err := e.open(t); err != nil {
		return e.withoutKey(t, level, m, err)
	}
	answer := t.invited || level == policy.LevelSecret && m.OnList
	got := t.conv.Receive(m.Text, answer)
	e.send(t, got.Send...)
	e.events(t, got.Events)
	switch got.Kind {
	case otr.ReceivedPrivate:
		return Reply{Decision: policy.Decision{Verdict: policy.Allow}, Instead: true, Text: e.shown(t, got)}
	case otr.ReceivedPlain:
		return e.plain(policy.ReceiveFacts{Level: level, Mode: policy.ModeNative}, got.Text, m.Text)
	case otr.ReceivedNothing:
	}
	return Reply{}
}

// shown is a decrypted message, marked where another key than the known one
// encrypted it.
func (e *Engine) shown(t *talk, got otr.Received) string {
	text := markup.FromPeer(got.Text)
	if standing, err := e.standingOf(t, got.From); err != nil || standing == policy.KeyChanged {
		return "<b>[from a key that is not known]</b> " + text
	}
	return text
}

// withoutKey is what to do with a message before there is a key: OTR's own
// lines start the making of one where they are to be answered; the rest, and
// all of level tor, is shown as unencrypted.
func (e *Engine) withoutKey(t *talk, level policy.Level, m Message, err error) Reply {
	_, query := otr.CanonicalQuery(m.Text)
	class := otr.Classify(m.Text)
	words := !query && (class == otr.ClassText || class == otr.ClassMalformed)
	switch {
	case words || level == policy.LevelTor && !t.invited:
		return e.plain(policy.ReceiveFacts{Level: level, Mode: policy.ModeNative}, m.Text, m.Text)
	case !errors.Is(err, errNoKey):
		e.say(t, "An OTR message could not be read: "+err.Error()+".")
	case t.invited || m.OnList:
		e.start(t, false)
	default:
		e.event(t, otr.Event{Kind: otr.EventStrangerAsked})
	}
	return Reply{}
}

// plain shows a message that was not encrypted, marked where the level wants
// that.
func (e *Engine) plain(f policy.ReceiveFacts, text, was string) Reply {
	f.Drop = policy.AnswerOf(e.parts.Config.DropPlaintext)
	d := policy.Receive(f)
	r := Reply{Decision: d, Instead: text != was, Text: text}
	switch {
	case d.Verdict == policy.Block:
		r.Told = "A message that was NOT encrypted was dropped."
	case d.Reason == policy.ReasonReceivedPlaintext:
		r.Instead, r.Text = true, "<b>[was NOT encrypted]</b> "+text
	}
	return r
}

// DecideWire says whether something may leave an account (I4). It is asked
// last, and by every way; who sends does not matter.
func (e *Engine) DecideWire(m Message) Reply {
	r := e.decideWire(m)
	e.prevented(m.SignOn, r.Decision)
	return r
}

func (e *Engine) decideWire(m Message) Reply {
	a, level, ok := e.session(m.SignOn)
	if !ok {
		return blocked(policy.ReasonFactMissing)
	}
	r, known := readWire(a.Protocol, level, m, e.parts.Config.ForAccount(a.Account.String()).Resource)
	if !known {
		return blocked(policy.ReasonFactMissing)
	}
	e.talking.Lock()
	defer e.talking.Unlock()
	mode := modeOf(a.Account, m.Beside)
	if level == policy.LevelSecret && mode == policy.ModeNative && m.Way == WayStanza {
		e.prepare(a, m.SignOn)
	}
	d := policy.Wire(policy.WireFacts{
		Level: level, Mode: mode, Content: r.Content,
		Issued: policy.AnswerOf(r.Line != "" && e.issuedFor(a.Handle).has(r.Line)), RequireVerified: e.mustVerify(a.Account),
	})
	reply := Reply{Decision: d}
	if d.Verdict == policy.Allow {
		reply.Instead, reply.Text = r.Text != "" && r.Text != m.Text, r.Text
		if r.Cut && level == policy.LevelSecret {
			reply.Told = wordsKeptBack
		}
	}
	if d.Verdict != policy.Allow && r.Message {
		reply.Told = "Not sent: " + d.Reason.Text() + "."
		if d.Reason == policy.ReasonNotEncrypted && m.Way == WayStanza && m.lurch(a.Account) {
			reply.Told += " " + lurchSilent
		}
	}
	return reply
}

// wordsKeptBack is said where something went without what a person wrote.
const wordsKeptBack = "The words were kept back: what a status, or a command such as /away, /topic, /kick and /part, says is readable on the way, and this account sends nothing readable."

// lurchSilent is said where lurch let a message through as it was.
const lurchSilent = "lurch knows no OMEMO device of this buddy (they are being asked for: try again in a moment), or is off in this conversation: /lurch status."

// DecideArrived says whether something that is no message reaches libpurple.
// Where it blocks, Text is what is answered instead, or, on IRC, what libpurple
// has in its place.
func (e *Engine) DecideArrived(m Message) Reply {
	a, level, ok := e.session(m.SignOn)
	if !ok {
		return blocked(policy.ReasonFactMissing)
	}
	var arrival wire.Arrival
	switch {
	case m.Way == WayArrivedStanza && a.Protocol == "prpl-jabber" && m.OMEMO:
		arrival = wire.ArrivedOMEMO(m.Text)
	case m.Way == WayArrivedStanza && a.Protocol == "prpl-jabber":
		arrival = wire.ArrivedStanza(m.Text)
	case m.Way == WayArrivedIRC && a.Protocol == "prpl-irc":
		arrival = wire.ArrivedIRC(m.Text)
	default:
		return blocked(policy.ReasonFactMissing)
	}
	r := Reply{Decision: policy.Incoming(level, arrival.Content)}
	if e.askedDevices(a.Handle, arrival.Devices) {
		arrival.Text = arrival.Devices.Event
	}
	if r.Verdict == policy.Allow || m.Way == WayArrivedIRC {
		r.Instead, r.Text = arrival.Text != m.Text, arrival.Text
	} else {
		r.Instead, r.Text = arrival.Refusal != "", arrival.Refusal
	}
	e.prevented(m.SignOn, r.Decision)
	return r
}

// readWire reads what leaves by its way; known is false for another.
func readWire(protocol string, level policy.Level, m Message, resource string) (r wire.Reading, known bool) {
	switch m.Way {
	case WayIM, WayChat:
		// What may still be encrypted by lurch is judged as a stanza; at level
		// tor messages are the user's own affair.
		if level == policy.LevelTor || m.Lurch && protocol == "prpl-jabber" {
			return wire.Reading{Content: policy.ContentOther, Text: m.Text}, true
		}
		if m.Way == WayIM {
			r.Content, r.Line = wire.Line(m.Text)
			r.Text, r.Message = r.Line, true
			return r, true
		}
		return wire.Reading{Content: policy.ContentChat, Message: true}, true
	case WayStanza:
		return wire.Stanza(wire.WithResource(m.Text, resource), level), protocol == "prpl-jabber"
	case WayText:
		if protocol == "prpl-irc" { // another plugin's raw line
			if level == policy.LevelTor {
				return wire.IRC(m.Text, level), true
			}
			return wire.Reading{Content: policy.ContentReadable, Message: true}, true
		}
		return wire.Text(m.Text), protocol == "prpl-jabber"
	case WayIRC:
		return wire.IRC(m.Text, level), protocol == "prpl-irc"
	case WayUnknown, WayTyped, WayReceived, WayArrivedStanza, WayArrivedIRC:
	}
	return wire.Reading{}, false
}

func (e *Engine) issuedFor(handle uint64) *issued {
	i := e.issued[handle]
	if i == nil {
		i = &issued{}
		e.issued[handle] = i
	}
	return i
}
