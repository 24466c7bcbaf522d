// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// Mode says who encrypts an account's messages in this program.
type Mode uint8

// The modes. ModeNative: purple-onion does OTR. ModeBeside: another plugin
// does (pidgin-otr, or lurch for OMEMO), and only what leaves is judged.
const (
	ModeNotAsked Mode = iota
	ModeNative
	ModeBeside
)

// MessageState is the state of an OTR conversation (OTRv3, "The user's
// state machine").
type MessageState uint8

// The states.
const (
	StateNotAsked MessageState = iota
	StatePlaintext
	StateEncrypted
	StateFinished
)

func (s MessageState) String() string {
	switch s {
	case StateEncrypted:
		return "encrypted"
	case StateFinished:
		return "finished"
	case StatePlaintext, StateNotAsked:
	}
	return "plaintext"
}

// KeyStanding is how the key at the other end of an encrypted conversation
// stands with the user.
type KeyStanding uint8

// The standings. KeyFirstSeen: the buddy has no other known key. KeyChanged:
// there is a known one, and it is not this. KeyKnown: accepted once, not
// compared. KeyVerified: compared.
const (
	KeyNotAsked KeyStanding = iota
	KeyFirstSeen
	KeyChanged
	KeyKnown
	KeyVerified
)

// Content is what something that leaves an account says to those on the way.
type Content uint8

// The contents. ContentOther is protocol that says nothing a person wrote.
// ContentState is a notice such as typing. ContentQuery is OTR's canonical
// query message. ContentReadable is everything else.
const (
	ContentNotAsked Content = iota
	ContentReadable
	ContentOther
	ContentState
	ContentQuery
	ContentOTR
	ContentOTRError // "?OTR Error", and what was lost: no words of anybody's
	ContentOMEMO
	ContentChat     // to a multi-user chat
	ContentServices // to NickServ and its like, which should be SASL's
	ContentPersonal // tells of the person or the computer: time zone, idle time, version, features
	ContentPeer     // would connect to a buddy past the server: files, calls
)

// SendFacts is what must be known before a typed message goes.
type SendFacts struct {
	Level           Level
	Mode            Mode
	State           MessageState // where Mode is ModeNative
	Key             KeyStanding  // where State is StateEncrypted
	RequireVerified Answer
	Room            Answer  // is there room to hold one more?
	Content         Content // where Mode is ModeBeside: what the other plugin made of it
	Later           Answer  // where Mode is ModeBeside: may another plugin encrypt it further down?
}

// Send decides what becomes of a typed message. Allow in StateEncrypted means
// encrypted; Hold means kept until it may go.
func Send(f SendFacts) Decision {
	switch {
	case f.Level != LevelTor && f.Level != LevelSecret, !f.RequireVerified.known():
		return block(ReasonFactMissing)
	case f.Mode == ModeBeside && f.Level == LevelTor:
		return allow("")
	case f.Mode == ModeBeside:
		return sendBeside(f)
	case f.Mode != ModeNative || !f.Room.known():
		return block(ReasonFactMissing)
	}
	d := sendNative(f)
	if d.Verdict == Hold && f.Room != Yes {
		return block(ReasonHeldFull)
	}
	return d
}

// sendBeside lets a text that another plugin may still encrypt go as far as
// the wire, where it is judged again.
func sendBeside(f SendFacts) Decision {
	switch f.Content {
	case ContentQuery:
		return allow("")
	case ContentOTR, ContentOMEMO:
		if f.RequireVerified != No {
			return block(ReasonVerificationUnknown)
		}
		return allow("")
	case ContentNotAsked:
		return block(ReasonFactMissing)
	case ContentReadable:
		if f.Later == Yes {
			return allow("")
		}
	case ContentOther, ContentState, ContentOTRError, ContentChat, ContentServices, ContentPersonal, ContentPeer:
	}
	return block(ReasonNotEncrypted)
}

func sendNative(f SendFacts) Decision {
	switch f.State {
	case StatePlaintext:
		if f.Level == LevelTor {
			return allow("")
		}
		return hold(ReasonNotEncrypted)
	case StateFinished:
		return hold(ReasonFinished)
	case StateEncrypted:
		return ToKey(f.Key, f.RequireVerified)
	case StateNotAsked:
	}
	return block(ReasonFactMissing)
}

// ToKey decides whether text may be encrypted to the key of a conversation.
func ToKey(key KeyStanding, requireVerified Answer) Decision {
	switch key {
	case KeyFirstSeen:
		return hold(ReasonKeyFirstSeen)
	case KeyChanged:
		return hold(ReasonKeyChanged)
	case KeyKnown:
		if requireVerified != No {
			return hold(ReasonNotVerified)
		}
		return allow("")
	case KeyVerified:
		if !requireVerified.known() {
			return block(ReasonFactMissing)
		}
		return allow("")
	case KeyNotAsked:
	}
	return block(ReasonFactMissing)
}

// WireFacts is what must be known of something that is about to leave.
type WireFacts struct {
	Level           Level
	Mode            Mode
	Content         Content
	Issued          Answer // where Mode is ModeNative: is it, to the letter, what our OTR made?
	RequireVerified Answer
}

// Wire decides whether something may leave an account. It is the last word:
// it does not know, and does not ask, who sends.
func Wire(f WireFacts) Decision {
	switch {
	case f.Level != LevelTor && f.Level != LevelSecret || !f.RequireVerified.known():
		return block(ReasonFactMissing)
	case f.Content == ContentPersonal:
		return block(ReasonPersonal)
	case f.Content == ContentPeer:
		return block(ReasonPeerToPeer)
	case f.Content == ContentNotAsked || f.Content > ContentPeer:
		return block(ReasonFactMissing)
	case f.Level == LevelTor:
		return allow("") // its messages are the user's own affair
	}
	switch f.Content {
	case ContentOther:
		return allow("")
	case ContentQuery, ContentOTR, ContentOTRError:
		return wireOTR(f)
	case ContentOMEMO:
		if f.Mode != ModeBeside {
			return block(ReasonNotEncrypted)
		}
		if f.RequireVerified != No {
			return block(ReasonVerificationUnknown)
		}
		return allow(ReasonOMEMODevices)
	case ContentState:
		return block(ReasonStateSilenced)
	case ContentChat:
		return block(ReasonChatNotEncrypted)
	case ContentServices:
		return block(ReasonServicesBySASL)
	case ContentReadable:
		return block(ReasonNotEncrypted)
	case ContentNotAsked, ContentPersonal, ContentPeer:
	}
	return block(ReasonFactMissing)
}

func wireOTR(f WireFacts) Decision {
	switch {
	case f.Mode == ModeNative && f.Issued == NotAsked:
		return block(ReasonFactMissing)
	case f.Mode == ModeNative && f.Issued == Yes:
		return allow("")
	case f.Mode == ModeBeside && (f.Content == ContentQuery || f.Content == ContentOTRError):
		return allow("") // in words that are always the same
	case f.Mode == ModeBeside && f.RequireVerified == No:
		return allow("")
	case f.Mode == ModeBeside:
		return block(ReasonVerificationUnknown)
	}
	return block(ReasonNotEncrypted)
}

// ReceiveFacts is what must be known of a message from a buddy that came
// without encryption.
type ReceiveFacts struct {
	Level Level
	Mode  Mode
	Drop  Answer // does the user want such messages dropped?
	Told  Answer // where Mode is ModeBeside: was it encrypted, or something of OTR's?
}

// Receive decides whether a message that was not encrypted is shown. Allow
// with ReasonReceivedPlaintext means marked as such.
func Receive(f ReceiveFacts) Decision {
	switch {
	case f.Level == LevelTor || f.Level == LevelSecret && f.Mode == ModeBeside && f.Told == Yes:
		return allow("")
	case f.Level != LevelSecret || !f.Drop.known(), f.Mode != ModeNative && (f.Mode != ModeBeside || f.Told != No):
		return block(ReasonFactMissing)
	case f.Drop == Yes:
		return block(ReasonReceivedPlaintext)
	}
	return allow(ReasonReceivedPlaintext)
}

// Incoming decides whether something that is no message reaches libpurple,
// which answers questions about the person and takes files by itself.
func Incoming(level Level, content Content) Decision {
	switch {
	case level != LevelTor && level != LevelSecret:
		return block(ReasonFactMissing)
	case content == ContentPersonal:
		return block(ReasonPersonal)
	case content == ContentPeer:
		return block(ReasonPeerToPeer)
	case content == ContentOther:
		return allow("")
	}
	return block(ReasonFactMissing)
}
