// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"sync"
	"sync/atomic"
	"time"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/gate"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/tor"
)

// The engine, the gate and Tor each need another of them: these two let the
// engine be made first, and answer "nothing there yet" until they are.

// lateTor holds the last status that Tor told.
type lateTor struct {
	mu   sync.Mutex
	last engine.TorStatus
}

func (t *lateTor) set(s tor.Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = engine.TorStatus{
		State: s.State, Isolation: s.Isolation, Progress: s.Progress, Socks: s.Socks, Version: s.Version,
		Control: s.Control.String(), Private: s.Private, Detail: s.Detail,
		Option: s.IsolationOption, KeepsExit: s.TrackHostExits,
	}
	if t.last.Detail == "" && s.State == policy.TorStarting {
		t.last.Detail = s.Summary
	}
}

// Status implements engine.Tor. Until Tor was looked for it is starting.
func (t *lateTor) Status() engine.TorStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.State == policy.TorNotAsked {
		return engine.TorStatus{State: policy.TorStarting, Isolation: policy.IsolationUnknown, Detail: "looking for Tor"}
	}
	return t.last
}

// lateGate implements engine.Gate over package gate.
type lateGate struct {
	gate atomic.Pointer[gate.Gate]
}

func (l *lateGate) Leave(signOn uint64, delay time.Duration) {
	if g := l.gate.Load(); g != nil {
		g.Leave(signOn, delay)
	}
}

func (l *lateGate) Issue(g engine.Grant) error {
	return l.gate.Load().Issue(gate.Grant(g))
}

func (l *lateGate) Revoke(signOn uint64, reason policy.Reason) {
	if g := l.gate.Load(); g != nil {
		g.Revoke(signOn, reason)
	}
}

func (l *lateGate) CloseAll(reason policy.Reason) {
	if g := l.gate.Load(); g != nil {
		g.CloseAll(reason)
	}
}
