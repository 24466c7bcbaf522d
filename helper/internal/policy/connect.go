// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// ConnectFacts is what must be known before an account may sign on, register
// or unregister.
type ConnectFacts struct {
	LevelFacts
	Protocol      string // libpurple's protocol id; empty: not asked
	Begun         Answer // does a person want it online in this session, or the configuration? (level secret)
	Encryption    Answer // can messages be held to end-to-end encryption?
	NoProxyLive   Answer // does no_proxy bypass libpurple's proxies in this process?
	Pinned        Answer // are the account's settings set for Tor (TLS required, proxy dead)?
	Gate          Answer // does the gate listen?
	NameKnown     Answer // is the computer's own name known without asking DNS? (XMPP asks for it)
	Tor           TorState
	Isolation     Isolation
	RequireProven Answer // does the user refuse isolation that is not proven?
}

// ProtocolProven says whether accounts of this protocol can be protected.
func ProtocolProven(protocol string) bool {
	return protocol == "prpl-jabber" || protocol == "prpl-irc"
}

// Connect decides whether an account may sign on. For a level of none it
// that may stay allows without looking further: such an account is not ours
// to judge.
func Connect(f ConnectFacts) Decision {
	level, d := AllowedLevel(f.LevelFacts)
	if d.Verdict != Allow {
		return d
	}
	if level == LevelNone {
		return allow("")
	}
	switch {
	case f.Protocol == "" || f.NoProxyLive == NotAsked || f.Pinned == NotAsked || f.Gate == NotAsked || !f.RequireProven.known():
		return block(ReasonFactMissing)
	case !ProtocolProven(f.Protocol):
		return block(ReasonProtocolNotProven)
	case level == LevelSecret && (f.Begun == NotAsked || f.Encryption == NotAsked):
		return block(ReasonFactMissing)
	case level == LevelSecret && f.Begun != Yes:
		return block(ReasonNotAtStart)
	case level == LevelSecret && f.Encryption != Yes:
		return block(ReasonOTRUnreadable)
	case f.NoProxyLive != No:
		return block(ReasonNoProxyLive)
	case f.Pinned != Yes:
		return block(ReasonNotPinned)
	case f.Gate != Yes:
		return block(ReasonGateDown)
	case f.Protocol == "prpl-jabber" && f.NameKnown == NotAsked:
		return block(ReasonFactMissing)
	case f.Protocol == "prpl-jabber" && f.NameKnown != Yes:
		return block(ReasonHostnameLookup)
	}
	return overTor(f.Tor, f.Isolation, f.RequireProven)
}

func (a Answer) known() bool { return a == Yes || a == No }
