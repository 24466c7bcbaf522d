// SPDX-License-Identifier: GPL-3.0-or-later

package main

/*
#include <stdlib.h>
#include <string.h>
#include "ponion.h"
*/
import "C"

import (
	"encoding/pem"
	"unsafe"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

func main() {} // a c-shared library has no main of its own

//export ponionStart
func ponionStart(settings *C.char, eventFD C.int) (ok C.int) {
	guard("start", func() { ok = 0; events.listen(0) }, func() {
		if settings != nil && start(text(settings), int(eventFD)) {
			ok = 1
		}
	})
	return ok
}

//export ponionStop
func ponionStop() {
	guard("stop", abandon, stop)
}

//export ponionDecideConnect
func ponionDecideConnect(a *C.struct_ponion_account, out *C.struct_ponion_answer) (verdict C.int) {
	blocked := func() { verdict = blockAnswer(out, policy.ReasonInternal) }
	guard("decide_connect", blocked, func() {
		verdict = blockAnswer(out, policy.ReasonFactMissing)
		h := running()
		if h == nil || !sized(a, out) {
			return
		}
		answer := h.engine.DecideConnect(account(a))
		verdict = fill(out, answer.Decision, answer.Level)
		if verdict != C.PONION_ALLOW {
			return
		}
		out.sign_on, out.gate_port = C.uint64_t(answer.SignOn), C.uint32_t(answer.GatePort)
		put(out.user[:], answer.User.Reveal())
		put(out.password[:], answer.Password.Reveal())
	})
	return verdict
}

//export ponionDecideLevel
func ponionDecideLevel(a *C.struct_ponion_account, out *C.struct_ponion_answer) (verdict C.int) {
	blocked := func() { verdict = blockAnswer(out, policy.ReasonInternal) }
	guard("decide_level", blocked, func() {
		verdict = blockAnswer(out, policy.ReasonFactMissing)
		h := running()
		if h == nil || !sized(a, out) {
			return
		}
		level, d := h.engine.DecideLevel(account(a))
		verdict = fill(out, d, level)
	})
	return verdict
}

//export ponionDecideCertificate
func ponionDecideCertificate(c *C.struct_ponion_chain, out *C.struct_ponion_answer) (verdict C.int) {
	blocked := func() { verdict = blockAnswer(out, policy.ReasonInternal) }
	guard("decide_certificate", blocked, func() {
		verdict = blockAnswer(out, policy.ReasonFactMissing)
		h := running()
		if h == nil || c == nil || out == nil || c.size < C.sizeof_struct_ponion_chain || out.size < C.sizeof_struct_ponion_answer {
			return
		}
		d, why := h.engine.DecideCertificate(uint64(c.handle), chain(c))
		verdict = fill(out, d, policy.LevelUnknown)
		if why != "" {
			put(out.text[:], why)
		}
	})
	return verdict
}

//export ponionSignonState
func ponionSignonState(signOn C.uint64_t, state C.uint32_t) {
	guard("signon_state", func() {}, func() {
		h := running()
		switch {
		case h == nil || signOn == 0:
		case state == C.PONION_SIGNON_ONLINE:
			h.engine.SignOnOnline(uint64(signOn))
		case state == C.PONION_SIGNON_LEAVING:
			h.engine.SignOnLeaving(uint64(signOn))
		default:
			h.engine.SignOnEnded(uint64(signOn))
		}
	})
}

//export ponionNextEvent
func ponionNextEvent(out *C.struct_ponion_event) (got C.int) {
	guard("next_event", func() { got = 0 }, func() {
		if out == nil || out.size < C.sizeof_struct_ponion_event {
			return
		}
		ev, ok := events.next()
		if !ok {
			return
		}
		out.kind, out.handle, out.sign_on = C.uint32_t(ev.Kind), C.uint64_t(ev.Handle), C.uint64_t(ev.SignOn)
		out.passing, out.progress = flag(ev.Reason.Passing()), C.uint32_t(min(max(ev.Progress, 0), 100))
		put(out.reason[:], string(ev.Reason))
		put(out.text[:], ev.Text)
		got = 1
	})
	return got
}

//export ponionCall
func ponionCall(request *C.char) (answer *C.char) {
	guard("call", func() { answer = nil }, func() {
		if request == nil {
			return
		}
		reply := unstarted
		switch h := running(); {
		case C.strnlen(request, C.PONION_TEXT_MAX) == C.PONION_TEXT_MAX:
			reply = tooLong
		case h != nil:
			reply = h.call(text(request))
		}
		answer = C.CString(reply)
	})
	return answer
}

//export ponionFreeText
func ponionFreeText(p *C.char) { C.free(unsafe.Pointer(p)) }

// account translates the shim's account. What it does not say is not asked.
func account(a *C.struct_ponion_account) engine.Account {
	setting := policy.LevelFact{Presence: policy.Absent}
	if a.setting != nil {
		setting = policy.LevelOf(text(a.setting), true)
	}
	port := uint16(0)
	if a.port > 0 && a.port <= 65535 {
		port = uint16(a.port)
	}
	return engine.Account{
		Account: policy.Account{Protocol: text(a.protocol), Name: text(a.name)},
		Handle:  uint64(a.handle), Setting: setting,
		Domain: text(a.domain), ConnectServer: text(a.connect_server), Port: port,
		NoProxyLive: policy.AnswerOf(a.no_proxy_live != 0), Pinned: policy.AnswerOf(a.pinned == 1),
		Asked: a.asked == 1,
	}
}

// chain copies the certificates; what is not PEM of one counts as empty.
func chain(c *C.struct_ponion_chain) [][]byte {
	n := int(min(c.count, 64))
	if n == 0 || c.pem == nil {
		return nil
	}
	out := make([][]byte, 0, n)
	for _, p := range unsafe.Slice(c.pem, n) {
		block, _ := pem.Decode([]byte(text(p)))
		if block == nil {
			return nil
		}
		out = append(out, block.Bytes)
	}
	return out
}

func sized(a *C.struct_ponion_account, out *C.struct_ponion_answer) bool {
	return a != nil && out != nil && a.size >= C.sizeof_struct_ponion_account &&
		out.size >= C.sizeof_struct_ponion_answer && a.protocol != nil && a.name != nil
}

// blockAnswer makes out a block, as far as out can be written at all.
func blockAnswer(out *C.struct_ponion_answer, reason policy.Reason) C.int {
	if out == nil || out.size < C.sizeof_struct_ponion_answer {
		return C.PONION_BLOCK
	}
	return fill(out, policy.Decision{Reason: reason}, policy.LevelUnknown)
}

func fill(out *C.struct_ponion_answer, d policy.Decision, level policy.Level) C.int {
	size := out.size
	C.memset(unsafe.Pointer(out), 0, C.sizeof_struct_ponion_answer)
	out.size, out.level = size, C.uint32_t(level)
	if d.Reason != "" {
		put(out.reason[:], string(d.Reason))
		put(out.text[:], d.Reason.Text())
		out.passing = flag(d.Reason.Passing())
	}
	out.verdict = verdictCode(d.Verdict)
	return C.int(out.verdict)
}

func flag(b bool) C.uint32_t {
	if b {
		return 1
	}
	return 0
}
