// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/wire"
)

// devicesAgain is how long an answer about a buddy's OMEMO devices is good.
const devicesAgain = 5 * time.Minute

// asking is a question about a buddy's OMEMO devices.
type asking struct {
	id string
	at time.Time
}

// askDevices asks the buddy's server for the buddy's OMEMO devices, on behalf
// of lurch. lurch waits to be told of them, and servers tell only programs
// that say what they can do, which protected accounts do not: it would know
// nobody's devices, and send in clear or not at all.
func (e *Engine) askDevices(t *talk) {
	now := e.parts.Now()
	if now.Sub(t.devices.at) < devicesAgain {
		return
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return
	}
	t.devices = asking{"purple" + hex.EncodeToString(random[:]), now} // as libpurple's own
	e.queue(Line{LineStanza, t.handle, t.signOn, t.buddy, wire.DevicesQuestion(bareJID(t.buddy), t.devices.id)})
}

// askedDevices says whether an answer is to a question of ours.
func (e *Engine) askedDevices(handle uint64, d *wire.Devices) bool {
	if d == nil {
		return false
	}
	e.talking.Lock()
	defer e.talking.Unlock()
	t := e.talks[talkKey{handle, d.From}]
	return t != nil && t.devices.id == d.ID
}

func bareJID(jid string) string {
	jid, _, _ = strings.Cut(jid, "/")
	return jid
}
