// SPDX-License-Identifier: GPL-3.0-or-later

package main

/*
#include <string.h>
#include "ponion.h"
*/
import "C"

import (
	"strings"
	"unsafe"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// message runs one question about a message under the guard.
func message(export string, m *C.struct_ponion_message, out *C.struct_ponion_reply, ask func(*engine.Engine, engine.Message) engine.Reply) (verdict C.int) {
	blocked := func() { verdict = blockReply(out, policy.ReasonInternal) }
	guard(export, blocked, func() {
		verdict = blockReply(out, policy.ReasonFactMissing)
		h := running()
		if h == nil || m == nil || out == nil || m.text == nil || m.length > C.PONION_MESSAGE_MAX ||
			m.size < C.sizeof_struct_ponion_message || out.size < C.sizeof_struct_ponion_reply {
			return
		}
		verdict = fillReply(out, ask(h.engine, engine.Message{
			SignOn: uint64(m.sign_on), Way: engine.Way(min(m.way, 255)),
			Buddy: text(m.buddy), Text: string(unsafe.Slice((*byte)(unsafe.Pointer(m.text)), int(m.length))),
			OnList: m.flags&C.PONION_MESSAGE_ON_LIST != 0,
			OMEMO:  m.flags&C.PONION_MESSAGE_OMEMO != 0,
			Beside: engine.Beside{
				PidginOTR: m.flags&C.PONION_MESSAGE_PIDGIN_OTR != 0,
				Lurch:     m.flags&C.PONION_MESSAGE_LURCH != 0,
			},
		}))
	})
	return verdict
}

//export ponionDecideSend
func ponionDecideSend(m *C.struct_ponion_message, out *C.struct_ponion_reply) C.int {
	return message("decide_send", m, out, (*engine.Engine).DecideSend)
}

//export ponionDecideReceive
func ponionDecideReceive(m *C.struct_ponion_message, out *C.struct_ponion_reply) C.int {
	return message("decide_receive", m, out, func(e *engine.Engine, m engine.Message) engine.Reply {
		if m.Way == engine.WayArrivedStanza || m.Way == engine.WayArrivedIRC {
			return e.DecideArrived(m)
		}
		return e.DecideReceive(m)
	})
}

//export ponionDecideWire
func ponionDecideWire(m *C.struct_ponion_message, out *C.struct_ponion_reply) C.int {
	return message("decide_wire", m, out, (*engine.Engine).DecideWire)
}

//export ponionNextLine
func ponionNextLine(out *C.struct_ponion_line) (got C.int) {
	guard("next_line", func() { got = 0 }, func() {
		h := running()
		if h == nil || out == nil || out.size < C.sizeof_struct_ponion_line {
			return
		}
		line, ok := h.engine.NextLine()
		if !ok {
			return
		}
		out.kind, out.handle, out.sign_on = C.uint32_t(line.Kind), C.uint64_t(line.Handle), C.uint64_t(line.SignOn)
		out.buddy, out.text = cString(line.Buddy), cString(line.Text)
		got = 1
	})
	return got
}

// cString copies s for C, without what would end it early.
func cString(s string) *C.char { return C.CString(strings.ReplaceAll(s, "\x00", "")) }

// blockReply makes out a block, as far as out can be written at all.
func blockReply(out *C.struct_ponion_reply, reason policy.Reason) C.int {
	if out == nil || out.size < C.sizeof_struct_ponion_reply {
		return C.PONION_BLOCK
	}
	return fillReply(out, engine.Reply{Decision: policy.Decision{Reason: reason}, Told: reason.Text()})
}

func fillReply(out *C.struct_ponion_reply, r engine.Reply) C.int {
	size := out.size
	C.memset(unsafe.Pointer(out), 0, C.sizeof_struct_ponion_reply)
	out.size, out.verdict = size, verdictCode(r.Verdict)
	put(out.reason[:], string(r.Reason))
	put(out.told[:], r.Told)
	if r.Instead {
		out.text = cString(r.Text)
	}
	return C.int(out.verdict)
}

func verdictCode(v policy.Verdict) C.uint32_t {
	switch v {
	case policy.Allow:
		return C.PONION_ALLOW
	case policy.Hold:
		return C.PONION_HOLD
	case policy.Block:
	}
	return C.PONION_BLOCK
}
