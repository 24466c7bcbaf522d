// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// unstarted answers every call while nothing runs.
const unstarted = "[answer]\nok=false\ntext=purple-onion's helper is not started\n"

// tooLong answers a request that would be cut, and so say less than it did.
const tooLong = "[answer]\nok=false\ntext=the account's settings are too long\n"

// ops are the rare questions. pins, plan, protect and rename come with the
// account's groups: [account] protocol, name; [proxy] type, host, port,
// username, password where it has one; [settings] name=type:value.
var ops = map[string]func(*helper, *keyFile) (*keyFile, error){
	"pins":    (*helper).opPins,    // the settings that must hold in a session: [set]
	"plan":    (*helper).opPlan,    // `level`: what would change, as text
	"protect": (*helper).opProtect, // `level`, none releases: [proxy], [set], [unset]
	"rename":  (*helper).opRename,  // `from`: the record follows the account's name
	"settle":  (*helper).opSettle,  // [0], [1]...: the accounts that are there when the plugin is loaded
	"arrive":  (*helper).opArrive,  // a new account is about to connect: as protect, with its `level`, or `ask`
	"part":    (*helper).opPart,    // an account was removed, or is being added: it is new
	"status":  (*helper).opStatus,  // pending: a page about Tor and the accounts
	"audit":   (*helper).opAudit,   // pending: a page
	"result":  (*helper).opResult,  // `number`: what was pending
	"probes":  (*helper).opProbes,  // [probes] path=type:value, what asks the network: [set]
	"delay":   (*helper).opDelay,   // `ms` to wait before an account follows the program's status
	"link":    (*helper).opLink,    // `uri`: [program], or the text beside which it is shown

	"request":   (*helper).opRequest,   // `number`, `agreed`: what the bus wants done
	"requested": (*helper).opRequested, // `number`, `done`: what came of it

	"held":         (*helper).opHeld, // `count` of messages that wait, in all conversations
	"otr":          (*helper).opOtr,  // a command in a conversation
	"otr-list":     (*helper).opOtrList,
	"otr-generate": (*helper).opOtrGenerate,
	"otr-trust":    (*helper).opOtrTrust,
	"otr-forget":   (*helper).opOtrForget,
}

// call answers one question. An error becomes ok=false with its text.
func (h *helper) call(request string) string {
	k, err := parseKeyFile(request)
	var answer *keyFile
	if err == nil {
		name, _ := k.get("request", "op")
		op, found := ops[name]
		if !found {
			err = fmt.Errorf("cannot do %q: no such operation", name)
		} else {
			answer, err = op(h, k)
		}
	}
	if err != nil {
		answer = &keyFile{}
		answer.group("answer")
		answer.set("ok", "false")
		answer.set("text", err.Error())
	}
	return answer.String()
}

func okAnswer(text string) *keyFile {
	k := &keyFile{}
	k.group("answer")
	k.set("ok", "true")
	k.set("text", text)
	return k
}

// snapshot reads the account's groups.
func snapshot(k *keyFile) profile.Account {
	a := profile.Account{Settings: map[string]profile.Setting{}}
	a.Protocol, _ = k.get("account", "protocol")
	a.Name, _ = k.get("account", "name")
	for name, text := range k.groups["settings"] {
		kind, value, _ := strings.Cut(text, ":")
		a.Settings[name] = profile.Setting{Type: kind, Value: value}
	}
	if kind, ok := k.get("proxy", "type"); ok {
		p := &profile.Proxy{Type: kind, RawType: kind}
		p.Host, _ = k.get("proxy", "host")
		port, _ := k.get("proxy", "port")
		p.Port, _ = strconv.Atoi(port)
		p.User, _ = k.get("proxy", "username")
		password, _ := k.get("proxy", "password")
		p.Password = redact.New(password)
		a.Proxy = p
	}
	return a
}

func (h *helper) wantedLevel(k *keyFile) (policy.Level, error) {
	text, _ := k.get("request", "level")
	level := policy.ParseLevel(text)
	if level == policy.LevelUnknown {
		return level, fmt.Errorf("cannot set level %q: not one of none, tor, secret", text)
	}
	if d := h.engine.MaySet(level); d.Verdict != policy.Allow {
		return policy.LevelUnknown, fmt.Errorf("cannot set level %s: %s", level, d.Reason.Text())
	}
	return level, nil
}

// opPins gives every setting that a session must keep, those included that
// have their value already: the shim compares with them later.
func (h *helper) opPins(k *keyFile) (*keyFile, error) {
	a := snapshot(k)
	level := a.Level().Level
	now, err := profile.Changes(a, level)
	if err != nil {
		return nil, err
	}
	always, err := profile.Changes(profile.Account{Account: a.Account}, level)
	if err != nil {
		return nil, err
	}
	answer := okAnswer("")
	answer.group("set")
	done := map[string]bool{profile.ProxyChange: true}
	for _, c := range append(now, always...) {
		// A port that is changed for an account without settings need not be
		// for this one.
		if !done[c.Name] && (c.Name != "port" || slices.Contains(now, c)) {
			answer.set(c.Name, c.New.Type+":"+c.New.Text)
		}
		done[c.Name] = true
	}
	return answer, nil
}

func (h *helper) opPlan(k *keyFile) (*keyFile, error) {
	level, err := h.wantedLevel(k)
	if err != nil {
		return nil, err
	}
	a := snapshot(k)
	changes, kept, err := h.changes(a, level)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&text, "  %s\n", c)
	}
	for _, c := range kept {
		fmt.Fprintf(&text, "  kept, because you changed it meanwhile: %s\n", c)
	}
	if text.Len() == 0 {
		text.WriteString("  nothing in its settings\n")
	}
	if told := profile.ResourceWarning(a.Account, ownNames()...); level != policy.LevelNone && told != "" {
		fmt.Fprintf(&text, "  warning: %s\n", told)
	}
	return okAnswer(text.String()), nil
}

// ownNames are the computer's and the person's, as far as nobody is asked.
func ownNames() []string {
	host, _ := os.Hostname()
	return []string{host, os.Getenv("USER"), os.Getenv("LOGNAME")}
}

func (h *helper) changes(a profile.Account, level policy.Level) (changes, kept []profile.Change, err error) {
	if level == policy.LevelNone {
		return h.record.Restoration(a)
	}
	changes, err = profile.Changes(a, level)
	return changes, nil, err
}

// opProtect writes the record first: should the program die before it saved
// its settings, record and setting disagree and the account is blocked.
func (h *helper) opProtect(k *keyFile) (*keyFile, error) {
	level, err := h.wantedLevel(k)
	if err != nil {
		return nil, err
	}
	return h.protect(snapshot(k), level)
}

func (h *helper) protect(a profile.Account, level policy.Level) (*keyFile, error) {
	changes, _, err := h.changes(a, level)
	if err != nil {
		return nil, err
	}
	if level == policy.LevelNone {
		err = h.record.Forget(a.Account)
	} else {
		_, err = h.record.SetProtected(a, level)
	}
	if err == nil {
		err = h.record.Save()
	}
	if err != nil {
		return nil, err
	}
	answer := okAnswer("")
	writeChanges(answer, changes)
	if level == policy.LevelNone {
		answer.group("unset")
		answer.set(profile.LevelSetting, "1")
	}
	return answer, nil
}

func writeChanges(answer *keyFile, changes []profile.Change) {
	for _, c := range changes {
		if c.Name == profile.ProxyChange {
			answer.group("proxy")
			writeProxy(answer, c.NewProxy)
		}
	}
	answer.group("unset")
	for _, c := range changes {
		if c.Name != profile.ProxyChange && !c.New.Present {
			answer.set(c.Name, "1")
		}
	}
	answer.group("set")
	for _, c := range changes {
		if c.Name != profile.ProxyChange && c.New.Present {
			answer.set(c.Name, c.New.Type+":"+c.New.Text)
		}
	}
}

func writeProxy(answer *keyFile, p *profile.Proxy) {
	if p == nil {
		answer.set("type", "absent")
		return
	}
	answer.set("type", p.Type)
	if p.Host != "" {
		answer.set("host", p.Host)
	}
	answer.set("port", strconv.Itoa(p.Port))
	if p.User != "" {
		answer.set("username", p.User)
	}
	if !p.Password.Empty() {
		answer.set("password", p.Password.Reveal())
	}
}

// opProbes writes the record first: what is set off can be given back.
func (h *helper) opProbes(k *keyFile) (*keyFile, error) {
	now := map[string]profile.Value{}
	for path, text := range k.groups["probes"] {
		kind, value, _ := strings.Cut(text, ":")
		now[path] = profile.Value{Present: true, Type: kind, Text: value}
	}
	set, changed, err := h.record.Probes(now)
	if err == nil && changed {
		err = h.record.Save()
	}
	if err != nil {
		return nil, err
	}
	answer := okAnswer("")
	answer.group("set")
	for path, v := range set {
		answer.set(path, v.Type+":"+v.Text)
	}
	return answer, nil
}

func (h *helper) opRename(k *keyFile) (*keyFile, error) {
	from, _ := k.get("request", "from")
	to := snapshot(k).Account
	if err := h.record.Rename(policy.Account{Protocol: to.Protocol, Name: from}, to); err != nil {
		return nil, err
	}
	return okAnswer(""), h.record.Save()
}

func (h *helper) opStatus(*keyFile) (*keyFile, error) {
	return h.later("status", func() string {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return statusPage(h.engine.Status().Tor, h.engine.Live(ctx))
	})
}

func (h *helper) opAudit(*keyFile) (*keyFile, error) {
	return h.later("audit", func() string { return auditPage(h.userDir) })
}

// later answers with a number; the page follows.
func (h *helper) later(name string, page func() string) (*keyFile, error) {
	number := h.calls.open()
	background(name, func() {
		h.calls.answer(number, page())
		events.push(engine.Event{Kind: engine.EventResult, SignOn: number})
	})
	answer := okAnswer("")
	answer.set("pending", strconv.FormatUint(number, 10))
	return answer, nil
}

func (h *helper) opResult(k *keyFile) (*keyFile, error) {
	text, _ := k.get("request", "number")
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("cannot find call %q", text)
	}
	page, ok := h.calls.take(number)
	if !ok {
		return nil, fmt.Errorf("cannot find call %d", number)
	}
	return okAnswer(page), nil
}

// lastCall numbers the slow calls of the process, over every start.
var lastCall atomic.Uint64

// results are the answers of slow calls until they are fetched, once each.
type results struct {
	mu      sync.Mutex
	waiting map[uint64]string
}

func (r *results) open() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.waiting) // a page that nobody fetched is out of date
	return lastCall.Add(1)
}

func (r *results) answer(number uint64, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[number] = text
}

func (r *results) take(number uint64) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, ok := r.waiting[number]
	delete(r.waiting, number)
	return text, ok
}
