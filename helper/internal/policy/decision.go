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
	ReasonFactMissing         Reason = "fact-missing"
	ReasonConfigUnreadable    Reason = "config-unreadable"
	ReasonProtocolNotProven   Reason = "protocol-not-proven"
	ReasonLevelsDisagree      Reason = "levels-disagree"
	ReasonLevelUnreadable     Reason = "level-unreadable"
	ReasonRecordUnreadable    Reason = "record-unreadable"
	ReasonNewAccount          Reason = "new-account"
	ReasonBelowFloor          Reason = "below-floor"
	ReasonNotAtStart          Reason = "not-at-start"
	ReasonOTRUnreadable       Reason = "otr-files-unreadable"
	ReasonNoProxyLive         Reason = "no-proxy-live"
	ReasonNotPinned           Reason = "not-pinned"
	ReasonGateDown            Reason = "gate-down"
	ReasonNoTor               Reason = "no-tor"
	ReasonTorStarting         Reason = "tor-starting"
	ReasonTorDead             Reason = "tor-dead"
	ReasonNotTor              Reason = "not-tor"
	ReasonIsolationOff        Reason = "tor-isolation-off"
	ReasonIsolationNotProven  Reason = "isolation-not-proven"
	ReasonBadCredentials      Reason = "bad-credentials"
	ReasonNotThisServer       Reason = "not-this-server"
	ReasonServerUnreachable   Reason = "server-unreachable"
	ReasonNoSuchService       Reason = "no-such-service"
	ReasonEditedInSession     Reason = "edited-in-session"
	ReasonCertificateInvalid  Reason = "certificate-invalid"
	ReasonNotEncrypted        Reason = "not-encrypted"
	ReasonFinished            Reason = "conversation-finished"
	ReasonKeyFirstSeen        Reason = "key-first-seen"
	ReasonKeyChanged          Reason = "key-changed"
	ReasonNotVerified         Reason = "not-verified"
	ReasonVerificationUnknown Reason = "verification-unknown"
	ReasonHeldFull            Reason = "held-full"
	ReasonOMEMODevices        Reason = "omemo-devices-not-checked"
	ReasonStateSilenced       Reason = "state-silenced"
	ReasonChatNotEncrypted    Reason = "chat-not-encrypted"
	ReasonServicesBySASL      Reason = "services-by-sasl"
	ReasonReceivedPlaintext   Reason = "received-plaintext"
	ReasonPersonal            Reason = "about-the-person"
	ReasonPeerToPeer          Reason = "peer-to-peer"
	ReasonHostnameLookup      Reason = "hostname-lookup"
	ReasonHelperMissing       Reason = "helper-missing"
	ReasonNeedsUser           Reason = "needs-user"
	ReasonInternal            Reason = "internal-error"
)

var reasonTexts = map[Reason]string{
	ReasonFactMissing:         "purple-onion could not find out what it needs to know",
	ReasonConfigUnreadable:    "config.toml, or the administrator's policy.toml, cannot be read; `purple-onion doctor` says where it is wrong",
	ReasonProtocolNotProven:   "this protocol cannot be protected: only XMPP and IRC are proven",
	ReasonLevelsDisagree:      "the account's settings and purple-onion's record disagree about its protection; settle it with Tools, Protect accounts... or `purple-onion protect`",
	ReasonLevelUnreadable:     "the account's protection level is not one that purple-onion knows; settle it with Tools, Protect accounts... or `purple-onion protect`",
	ReasonRecordUnreadable:    "purple-onion's record of protected accounts cannot be read",
	ReasonNewAccount:          "this account is new, and its protection is not chosen yet; choose it in Tools, purple-onion, Protect accounts...",
	ReasonBelowFloor:          "no account may have so low a level (`floor` in config.toml or the administrator's policy.toml); choose a higher one in Tools, purple-onion, Protect accounts..., or by `purple-onion protect`",
	ReasonNotAtStart:          "secret accounts do not sign on when the program starts; enable it when you want it online (`autologin` in config.toml)",
	ReasonOTRUnreadable:       "the OTR keys or fingerprints in the user directory cannot be read; `purple-onion otr keys` says where",
	ReasonNoProxyLive:         "no_proxy is set in the environment while connections are live; restart the program without it",
	ReasonNotPinned:           "the account's settings could not be set for Tor",
	ReasonGateDown:            "the gate to Tor is not open",
	ReasonNoTor:               "no Tor was found; start Tor or Tor Browser",
	ReasonTorStarting:         "Tor is starting",
	ReasonTorDead:             "Tor no longer answers",
	ReasonNotTor:              "what listens on the SOCKS port is not Tor, or not one that may be trusted",
	ReasonIsolationOff:        "Tor's stream isolation is off: accounts would share a circuit",
	ReasonIsolationNotProven:  "stream isolation is not proven: Tor's control port cannot be read",
	ReasonBadCredentials:      "the connection did not come with this sign-on's credentials",
	ReasonNotThisServer:       "the connection is not to the account's own server",
	ReasonServerUnreachable:   "the server could not be reached over Tor",
	ReasonNoSuchService:       "the domain says that it has no XMPP service",
	ReasonEditedInSession:     "the account's settings were changed during the session",
	ReasonCertificateInvalid:  "the server's certificate is not valid for the account's domain",
	ReasonNotEncrypted:        "this account requires end-to-end encryption, and this is not encrypted",
	ReasonFinished:            "the buddy has ended the private conversation; /otr start begins a new one",
	ReasonKeyFirstSeen:        "the buddy's key is seen for the first time; compare its fingerprint, then /otr accept",
	ReasonKeyChanged:          "the buddy's key is not the one that is known; somebody may sit in between",
	ReasonNotVerified:         "the buddy's key is not verified, and this account requires that",
	ReasonVerificationUnknown: "whether the buddy's key is verified cannot be told where another plugin encrypts",
	ReasonHeldFull:            "too many messages are held for this buddy; /otr discard drops them",
	ReasonOMEMODevices:        "whose devices OMEMO encrypts to is lurch's to check",
	ReasonStateSilenced:       "notices such as typing are not sent",
	ReasonChatNotEncrypted:    "multi-user chats are not end-to-end encrypted; this account takes no part in them",
	ReasonServicesBySASL:      "a message to the network's services is readable; log in by SASL instead (account settings)",
	ReasonReceivedPlaintext:   "the message was not encrypted",
	ReasonPersonal:            "it would tell of the person or the computer",
	ReasonPeerToPeer:          "files and calls connect to the buddy past Tor, or tell your address; protected accounts have none",
	ReasonHostnameLookup:      "an XMPP login would ask DNS for this computer's name; add it to /etc/hosts: echo \"127.0.1.1 $(hostname)\" | sudo tee -a /etc/hosts (`purple-onion explain hostname-lookup`)",
	ReasonHelperMissing:       "purple-onion's helper is missing or does not fit this plugin",
	ReasonNeedsUser:           "making protection weaker needs the person's word, in Pidgin or at a terminal",
	ReasonInternal:            "an internal error; see Help, Debug Window",
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
func hold(r Reason) Decision  { return Decision{Hold, r} }
