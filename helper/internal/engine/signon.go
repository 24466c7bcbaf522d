// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Account is an account as the door knows it at the moment of the question.
type Account struct {
	policy.Account
	Handle        uint64
	Setting       policy.LevelFact
	Domain        string
	ConnectServer string
	Port          uint16
	NoProxyLive   policy.Answer
	Pinned        policy.Answer
	Asked         bool // a person wants it online in this session
}

// ConnectAnswer says whether and how an account may sign on. GatePort is 0
// for an account that is not protected.
type ConnectAnswer struct {
	policy.Decision
	Level          policy.Level
	SignOn         uint64
	GatePort       uint16
	User, Password redact.Secret
}

// session is one sign-on of a protected account.
type session struct {
	account Account
	level   policy.Level
	state   State
	stream  Stream
}

// State is where an account stands.
type State string

// The states. An account that is blocked was refused, or taken offline with a
// reason, and has not tried again since.
const (
	NotTold    State = "" // a program runs that does not tell
	Offline    State = "offline"
	Blocked    State = "blocked"
	Connecting State = "connecting"
	Online     State = "online"
)

// levelFacts is what is known of an account's level.
func (e *Engine) levelFacts(a Account) policy.LevelFacts {
	return policy.LevelFacts{
		Setting: a.Setting,
		Record:  e.parts.Records.Level(a.Account),
		Config:  policy.AnswerOf(e.parts.ConfigRead),
		Floor:   e.parts.Config.Floor,
		Known:   e.parts.Records.Known(a.Account),
	}
}

// DecideLevel says which protection an account has; the verdict blocks where
// that cannot be told, or may not be.
func (e *Engine) DecideLevel(a Account) (policy.Level, policy.Decision) {
	level, d := policy.AllowedLevel(e.levelFacts(a))
	if d.Verdict == policy.Allow && level == policy.LevelNone {
		e.leave(a.Account)
	}
	return level, d
}

// DecideConnect says whether an account may sign on, register or unregister.
// Where it may, new credentials were issued for this sign-on alone (I3).
func (e *Engine) DecideConnect(a Account) ConnectAnswer {
	facts := e.levelFacts(a)
	level, _ := policy.AllowedLevel(facts)
	answer := ConnectAnswer{Level: level}
	tor, port := e.parts.Tor.Status(), e.parts.Gate.Port()
	answer.Decision = policy.Connect(policy.ConnectFacts{
		LevelFacts:    facts,
		Protocol:      a.Protocol,
		Begun:         policy.AnswerOf(a.Asked || e.parts.Config.MayBegin(a.Account.String())),
		Encryption:    e.encryption(level),
		NoProxyLive:   a.NoProxyLive,
		Pinned:        a.Pinned,
		Gate:          policy.AnswerOf(port != 0),
		NameKnown:     e.parts.NameKnown(),
		Tor:           tor.State,
		Isolation:     tor.Isolation,
		RequireProven: policy.AnswerOf(e.parts.Config.RequireProvenIsolation),
	})
	switch {
	case answer.Verdict != policy.Allow:
		e.stand(a.Account, level, Blocked, answer.Reason)
		return answer
	case level == policy.LevelNone:
		return answer
	}
	if err := e.credentials(a, level, port, &answer); err != nil {
		e.log("cannot issue credentials: %v", err)
		e.stand(a.Account, level, Blocked, policy.ReasonInternal)
		return ConnectAnswer{Level: level, Decision: policy.Decision{Reason: policy.ReasonInternal}}
	}
	return answer
}

// MaySet says whether an account may be given a level here, whoever wants it.
func (e *Engine) MaySet(level policy.Level) policy.Decision {
	if !e.parts.ConfigRead {
		return policy.Decision{Reason: policy.ReasonConfigUnreadable}
	}
	return policy.MaySet(level, e.parts.Config.Floor)
}

// Newcomer says which level an account gets that is met for the first time.
// Hold means that the person chooses.
func (e *Engine) Newcomer(a policy.Account) (policy.Level, policy.Decision) {
	switch {
	case !e.parts.ConfigRead:
		return policy.LevelUnknown, policy.Decision{Reason: policy.ReasonConfigUnreadable}
	case e.parts.Records.Known(a) != policy.No:
		return policy.LevelUnknown, policy.Decision{Reason: policy.ReasonFactMissing}
	}
	return policy.Newcomer(a.Protocol, e.parts.Config.NewAccounts, e.parts.Config.Floor)
}

// encryption says whether an account's messages can be held to end-to-end
// encryption: the key files have to be readable.
func (e *Engine) encryption(level policy.Level) policy.Answer {
	if level != policy.LevelSecret {
		return policy.No
	}
	if _, err := e.OtrList(); err != nil {
		e.log("%v", err)
		return policy.No
	}
	return policy.Yes
}

func (e *Engine) credentials(a Account, level policy.Level, port uint16, answer *ConnectAnswer) error {
	e.mu.Lock()
	e.last++
	answer.SignOn = e.last
	e.sessions[e.last] = &session{account: a, level: level, state: Connecting}
	e.mu.Unlock()

	answer.GatePort = port
	answer.User, answer.Password = e.parts.Credentials()
	torUser, torPassword := e.parts.Credentials()
	own := e.parts.Config.ForAccount(a.Account.String())
	domain := strings.ToLower(a.Domain)
	onion := e.parts.Config.Onions[domain]
	if onion == "" {
		onion = e.parts.KnownOnion(domain)
	}
	if a.Protocol != "prpl-jabber" || a.ConnectServer != "" {
		onion = "" // known for the XMPP service of the domain alone
	}
	err := e.parts.Gate.Issue(Grant{
		Account: a.Account, SignOn: answer.SignOn,
		User: answer.User, Password: answer.Password,
		TorUser: torUser, TorPassword: torPassword,
		Domain: domain, ConnectServer: strings.ToLower(a.ConnectServer), Port: a.Port,
		SRV:       a.Protocol == "prpl-jabber" && a.ConnectServer == "" && e.parts.Config.SRVResolver != "",
		OnionOnly: own.OnionOnly, Onion: onion, Delay: e.Apart(),
	})
	if err != nil {
		e.forget(answer.SignOn)
		return err
	}
	e.stand(a.Account, level, Connecting, "")
	return nil
}

// SignOnOnline tells that the account is online: its credentials open no
// further stream.
func (e *Engine) SignOnOnline(signOn uint64) {
	e.mu.Lock()
	s := e.sessions[signOn]
	if s != nil {
		s.state = Online
	}
	e.mu.Unlock()
	if s != nil {
		e.stand(s.account.Account, s.level, Online, "")
	}
}

// SignOnEnded tells that the account is offline: its streams are closed.
func (e *Engine) SignOnEnded(signOn uint64) {
	e.talking.Lock()
	for _, t := range e.talks {
		if t.signOn == signOn {
			t.reset()
		}
	}
	delete(e.prepared, signOn)
	e.talking.Unlock()
	if a, level, ok := e.session(signOn); ok {
		e.stand(a.Account, level, Offline, "")
	}
	e.forget(signOn)
	e.parts.Gate.Revoke(signOn, "")
}

func (e *Engine) forget(signOn uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, signOn)
}

func (e *Engine) log(format string, args ...any) {
	e.parts.Emit(Event{Kind: EventLog, Text: fmt.Sprintf(format, args...)})
}
