// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// questions are the questions for OMEMO devices that wait, by their ids.
func (s *stage) questions() (ids []string) {
	s.t.Helper()
	for {
		line, ok := s.NextLine()
		if !ok {
			return ids
		}
		if line.Kind != LineStanza {
			continue
		}
		if r := s.DecideWire(s.message(WayStanza, line.Text)); r.Verdict != policy.Allow || r.Instead {
			s.t.Errorf("the question does not pass the wire guard: %+v", r)
		}
		ids = append(ids, regexp.MustCompile(` id='(.*?)'`).FindStringSubmatch(line.Text)[1])
	}
}

func answerTo(id, from string) string {
	return "<iq type='result' id='" + id + "' from='" + from + "'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
		"<items node='eu.siacs.conversations.axolotl.devicelist'><item><list xmlns='eu.siacs.conversations.axolotl'><device id='7'/></list></item></items></pubsub></iq>"
}

// Beside lurch a buddy's devices are asked for, once in a while, and the
// answer becomes an event for lurch; what nobody asked for does not.
func TestDevicesAreAskedFor(t *testing.T) {
	for _, level := range []policy.Level{policy.LevelTor, policy.LevelSecret} {
		s := newStage(t, level, config.Default())
		s.beside.Lurch = true
		open := func(onList bool) {
			if text, err := s.OtrCommand(Command{SignOn: s.signOn, Buddy: bob, Verb: "opened", OnList: onList, Beside: s.beside}); text != "" || err != nil {
				t.Errorf("opened: %q %v", text, err)
			}
		}
		if open(false); len(s.questions()) != 0 {
			t.Errorf("level %v: a stranger's server is asked, and learns that we are there", level)
		}
		open(true)
		ids := s.questions()
		if len(ids) != 1 {
			t.Fatalf("level %v: asked %d times", level, len(ids))
		}
		if open(true); len(s.questions()) != 0 {
			t.Error("asked again at once")
		}
		arrives := func(id, from string) Reply {
			return s.DecideArrived(s.message(WayArrivedStanza, answerTo(id, from)))
		}
		if r := arrives(ids[0], bob); r.Verdict != policy.Allow || !r.Instead || !strings.Contains(r.Text, "pubsub#event") || !strings.Contains(r.Text, "<device id='7'/>") {
			t.Errorf("the answer: %+v", r)
		}
		for _, r := range []Reply{arrives("other", bob), arrives(ids[0], "eve@b.test"), arrives("", "carol@b.test")} {
			if r.Verdict != policy.Allow || r.Instead {
				t.Errorf("not an answer to a question of ours: %+v", r)
			}
		}
		s.at = s.at.Add(devicesAgain)
		if s.DecideSend(s.message(WayTyped, "word")); len(s.questions()) != 1 {
			t.Error("a typed message does not ask after a while")
		}
		s.SignOnEnded(s.signOn)
		s.at = s.at.Add(time.Second)
		s.connect()
		if open(true); len(s.questions()) != 1 {
			t.Error("a new sign-on does not ask")
		}
		s.beside.Lurch = false
		s.at = s.at.Add(devicesAgain)
		if open(true); len(s.questions()) != 0 {
			t.Error("asked without lurch")
		}
	}
}

// What lurch lets through as it was stays behind, and the person hears why;
// OMEMO passes unless keys must be verified, and in no chat.
func TestBesideLurch(t *testing.T) {
	conf := config.Default()
	for _, strict := range []bool{false, true} {
		conf.RequireVerified = strict
		s := newStage(t, policy.LevelSecret, conf)
		s.beside.Lurch = true
		wire := func(stanza string) Reply { return s.DecideWire(s.message(WayStanza, stanza)) }
		if r := s.DecideSend(s.message(WayTyped, "word")); r.Verdict != policy.Allow {
			t.Errorf("lurch does not get what is typed: %+v", r)
		}
		plain := wire("<message type='chat' to='bob@b.test'><body>word</body></message>")
		if plain.Verdict != policy.Block || !strings.Contains(plain.Told, "/lurch status") {
			t.Errorf("plaintext: %+v", plain)
		}
		sealed := wire("<message type='chat' to='bob@b.test'>" + omemoMessage + "</message>")
		if strict && (sealed.Verdict != policy.Block || sealed.Reason != policy.ReasonVerificationUnknown) {
			t.Errorf("OMEMO where keys must be verified: %+v", sealed)
		} else if !strict && (sealed.Verdict != policy.Allow || sealed.Reason != policy.ReasonOMEMODevices) {
			t.Errorf("OMEMO: %+v", sealed)
		}
		if r := wire("<message type='groupchat' to='room@chat.b.test'>" + omemoMessage + "</message>"); r.Verdict != policy.Block || r.Reason != policy.ReasonChatNotEncrypted {
			t.Errorf("OMEMO in a chat: %+v", r)
		}
		if status := s.must("status", ""); !strings.Contains(status, string(policy.ReasonOMEMODevices)) {
			t.Errorf("status: %s", status)
		}
	}
}

// Beside lurch, too, what came unencrypted is marked or dropped: lurch tells
// nobody. What lurch decrypted is not, and of it the body alone is shown.
func TestReceivedBesideLurch(t *testing.T) {
	for _, drop := range []bool{false, true} {
		conf := config.Default()
		conf.DropPlaintext = drop
		s := newStage(t, policy.LevelSecret, conf)
		s.beside.Lurch = true
		plain := s.DecideReceive(s.message(WayReceived, "word"))
		if drop && plain.Verdict != policy.Block || !drop && plain.Text != "<b>[was NOT encrypted]</b> word" {
			t.Errorf("unencrypted: %+v", plain)
		}
		m := s.message(WayReceived, "word")
		m.OMEMO = true
		if r := s.DecideReceive(m); r.Verdict != policy.Allow || r.Instead {
			t.Errorf("decrypted: %+v", r)
		}
		m = s.message(WayArrivedStanza, "<message from='bob@b.test'><html xmlns='http://jabber.org/protocol/xhtml-im'/><body>word</body></message>")
		m.OMEMO = true
		if r := s.DecideArrived(m); r.Verdict != policy.Allow || r.Text != "<message from='bob@b.test' xmlns='jabber:client'><body>word</body></message>" {
			t.Errorf("what stands beside it: %+v", r)
		}
	}
	s := newStage(t, policy.LevelTor, config.Default())
	s.beside.Lurch = true
	if r := s.DecideReceive(s.message(WayReceived, "word")); r.Verdict != policy.Allow || r.Instead {
		t.Errorf("level tor: %+v", r)
	}
}

// omemoMessage is of the right structure, for one device.
var omemoMessage = `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='12'><key rid='34'>M` + strings.Repeat("wAAA", 30) + `wAA</key>` +
	`<iv>QUJDREVGR0hJSktM</iv></header><payload>c2VhbGVk</payload></encrypted>`
