// SPDX-License-Identifier: GPL-3.0-or-later

package policy

import "slices"

// Verdict is what a decision comes to. Its zero value blocks (I1).
type Verdict uint8

// The verdicts.
const (
	Block Verdict = iota
	Allow
	Hold
)

func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Hold:
		return "hold"
	case Block:
	}
	return "block"
}

// Decision is the answer to one question. Reason is empty only where the
// verdict is Allow without anything to say.
type Decision struct {
	Verdict Verdict
	Reason  Reason
}

// Reason is a kebab-case code; Text is what a person reads.
type Reason string

// The reasons, in the order in which Connect looks for them.
const (
	ReasonFactMissing        Reason = "fact-missing"
	ReasonConfigUnreadable   Reason = "config-unreadable"
	ReasonProtocolNotProven  Reason = "protocol-not-proven"
	ReasonLevelsDisagree     Reason = "levels-disagree"
	ReasonLevelUnreadable    Reason = "level-unreadable"
	ReasonRecordUnreadable   Reason = "record-unreadable"
	ReasonSecretNotAvailable Reason = "secret-not-available"
	ReasonNoProxyLive        Reason = "no-proxy-live"
	ReasonNotPinned          Reason = "not-pinned"
	ReasonGateDown           Reason = "gate-down"
	ReasonNoTor              Reason = "no-tor"
	ReasonTorStarting        Reason = "tor-starting"
	ReasonTorDead            Reason = "tor-dead"
	ReasonNotTor             Reason = "not-tor"
	ReasonIsolationOff       Reason = "tor-isolation-off"
	ReasonIsolationNotProven Reason = "isolation-not-proven"
	ReasonBadCredentials     Reason = "bad-credentials"
	ReasonNotThisServer      Reason = "not-this-server"
	ReasonServerUnreachable  Reason = "server-unreachable"
	ReasonNoSuchService      Reason = "no-such-service"
	ReasonEditedInSession    Reason = "edited-in-session"
	ReasonCertificateInvalid Reason = "certificate-invalid"
	ReasonHelperMissing      Reason = "helper-missing"
	ReasonInternal           Reason = "internal-error"
)

var reasonTexts = map[Reason]string{
	ReasonFactMissing:        "purple-onion could not find out what it needs to know",
	ReasonConfigUnreadable:   "config.toml cannot be read; `purple-onion doctor` says where it is wrong",
	ReasonProtocolNotProven:  "this protocol cannot be protected: only XMPP and IRC are proven",
	ReasonLevelsDisagree:     "the account's settings and purple-onion's record disagree about its protection; settle it with Tools, Protect accounts... or `purple-onion protect`",
	ReasonLevelUnreadable:    "the account's protection level is not one that purple-onion knows; settle it with Tools, Protect accounts... or `purple-onion protect`",
	ReasonRecordUnreadable:   "purple-onion's record of protected accounts cannot be read",
	ReasonSecretNotAvailable: "level secret needs require-encryption, which this version does not have yet; use level tor",
	ReasonNoProxyLive:        "no_proxy is set in the environment while connections are live; restart the program without it",
	ReasonNotPinned:          "the account's settings could not be set for Tor",
	ReasonGateDown:           "the gate to Tor is not open",
	ReasonNoTor:              "no Tor was found; start Tor or Tor Browser",
	ReasonTorStarting:        "Tor is starting",
	ReasonTorDead:            "Tor no longer answers",
	ReasonNotTor:             "what listens on the SOCKS port is not Tor, or not one that may be trusted",
	ReasonIsolationOff:       "Tor's stream isolation is off: accounts would share a circuit",
	ReasonIsolationNotProven: "stream isolation is not proven: Tor's control port cannot be read",
	ReasonBadCredentials:     "the connection did not come with this sign-on's credentials",
	ReasonNotThisServer:      "the connection is not to the account's own server",
	ReasonServerUnreachable:  "the server could not be reached over Tor",
	ReasonNoSuchService:      "the domain says that it has no XMPP service",
	ReasonEditedInSession:    "the account's settings were changed during the session",
	ReasonCertificateInvalid: "the server's certificate is not valid for the account's domain",
	ReasonHelperMissing:      "purple-onion's helper is missing or does not fit this plugin",
	ReasonInternal:           "an internal error; see Help, Debug Window",
}

// Text is the reason as a clause for a person; it names no account.
func (r Reason) Text() string {
	if t, ok := reasonTexts[r]; ok {
		return t
	}
	return reasonTexts[ReasonInternal]
}

// Passing says whether waiting can help: the account may retry by itself.
func (r Reason) Passing() bool {
	return slices.Contains([]Reason{
		ReasonTorStarting, ReasonTorDead, ReasonNoTor, ReasonServerUnreachable, ReasonGateDown,
	}, r)
}

func allow(r Reason) Decision { return Decision{Allow, r} }
func block(r Reason) Decision { return Decision{Block, r} }
