// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// keys are made once: each takes a while.
var keys = func() func(i int) *otr.Key {
	var mu sync.Mutex
	made := map[int]*otr.Key{}
	return func(i int) *otr.Key {
		mu.Lock()
		defer mu.Unlock()
		if made[i] == nil {
			k, err := otr.GenerateKey(rand.Reader)
			if err != nil {
				panic(err)
			}
			made[i] = k
		}
		return made[i]
	}
}()

const bob = "bob@b.test"

// stage is an account of level secret online, and a buddy at the other end
// whose program is an OTR conversation.
type stage struct {
	*world
	t       *testing.T
	dir     string
	account Account
	signOn  uint64
	at      time.Time
	ring    *otr.Store
	peer    *otr.Conversation
	beside  Beside
	onList  bool

	wire  []string // what left, as the server has it
	said  []string
	shown []string // what the person saw of the buddy
	heard []string // what the buddy saw
}

func newStage(t *testing.T, level policy.Level, conf config.Config) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), at: now, onList: true, account: alice()}
	s.account.Setting.Level, s.account.Asked = level, true
	s.ring = otr.OpenStore(s.dir)
	if err := s.ring.SaveKey(s.account.Account, keys(0)); err != nil {
		t.Fatal(err)
	}
	conf.Floor = max(conf.Floor, policy.LevelNone)
	s.world = newWorld(func(p *Parts) {
		p.Keyring, p.Config, p.Now = s.ring, conf, func() time.Time { return s.at }
		p.Background = func(_ string, do func()) { go do() }
	})
	s.level = policy.LevelFact{Presence: policy.Present, Level: level}
	s.peer = otr.New(otr.Config{Key: keys(1), Tag: 0x4321})
	s.connect()
	return s
}

func (s *stage) connect() {
	s.t.Helper()
	got := s.DecideConnect(s.account)
	if got.Verdict != policy.Allow {
		s.t.Fatalf("connect: %+v", got)
	}
	s.signOn = got.SignOn
}

// know makes a key of the buddy's known.
func (s *stage) know(i int, trust otr.Trust) {
	s.t.Helper()
	if err := s.ring.SetFingerprint(otr.Known{Account: s.account.Account, Buddy: bob, Fingerprint: keys(i).Fingerprint(), Trust: trust}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) message(way Way, text string) Message {
	return Message{SignOn: s.signOn, Way: way, Buddy: bob, Text: text, OnList: s.onList, Beside: s.beside}
}

// put takes a text through both wire guards, and gives what the server got.
func (s *stage) put(text string) (string, bool) {
	r := s.DecideWire(s.message(WayIM, text))
	if r.Verdict != policy.Allow {
		return "", false
	}
	if r.Instead {
		text = r.Text
	}
	stanza := "<message type='chat' id='purple1' to='" + bob + "'><body>" + escape(text) + "</body></message>"
	r = s.DecideWire(s.message(WayStanza, stanza))
	if r.Verdict != policy.Allow {
		return "", false
	}
	if r.Instead {
		stanza = r.Text
	}
	s.wire = append(s.wire, stanza)
	return text, true
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;").Replace

// typed is a person's message; it is carried out as the shim does.
func (s *stage) typed(text string) Reply {
	s.t.Helper()
	r := s.DecideSend(s.message(WayTyped, text))
	s.said = append(s.said, r.Told)
	s.settle()
	if r.Verdict == policy.Allow {
		if r.Instead {
			text = r.Text
		}
		if out, ok := s.put(text); ok {
			s.deliver(out)
		} else {
			s.t.Errorf("%q was allowed and does not pass the wire guard", text)
		}
		s.settle()
	}
	return r
}

// settle carries out the lines that wait, and what the peer answers.
func (s *stage) settle() {
	s.t.Helper()
	for range 1000 {
		line, ok := s.NextLine()
		if !ok {
			return
		}
		switch line.Kind {
		case LineSend:
			out, ok := s.put(line.Text)
			if !ok {
				s.t.Errorf("our own line does not pass the wire guard: %q", line.Text)
				continue
			}
			s.deliver(out)
		case LineSay:
			s.said = append(s.said, line.Text)
		case LineShow:
			s.shown = append(s.shown, line.Text)
		case LineStanza:
			if r := s.DecideWire(s.message(WayStanza, line.Text)); r.Verdict != policy.Allow {
				s.t.Errorf("our own stanza does not pass the wire guard: %q", line.Text)
			}
		}
	}
	s.t.Error("it never ends")
}

// deliver hands a line to the buddy's program.
func (s *stage) deliver(line string) {
	s.t.Helper()
	got := s.peer.Receive(line, true)
	if got.Kind != otr.ReceivedNothing {
		s.heard = append(s.heard, got.Text)
	}
	for _, answer := range got.Send {
		s.receive(answer)
	}
}

// receive is a line from the buddy.
func (s *stage) receive(line string) Reply {
	s.t.Helper()
	r := s.DecideReceive(s.message(WayReceived, line))
	if r.Told != "" {
		s.said = append(s.said, r.Told)
	}
	if r.Verdict == policy.Allow {
		if r.Instead {
			line = r.Text
		}
		s.shown = append(s.shown, line)
	}
	s.settle()
	return r
}

func (s *stage) command(verb, text string) (string, error) {
	s.t.Helper()
	answer, err := s.OtrCommand(Command{SignOn: s.signOn, Buddy: bob, Verb: verb, Text: text, Beside: s.beside})
	s.settle()
	return answer, err
}

func (s *stage) must(verb, text string) string {
	s.t.Helper()
	answer, err := s.command(verb, text)
	if err != nil {
		s.t.Fatalf("/otr %s: %v", verb, err)
	}
	return answer
}

// sealed fails where a word that the person typed stands on the wire.
func (s *stage) sealed(words ...string) {
	s.t.Helper()
	for _, line := range s.wire {
		for _, word := range words {
			if strings.Contains(line, word) {
				s.t.Errorf("%q left readable: %s", word, line)
			}
		}
	}
}

func (s *stage) hears(want ...string) {
	s.t.Helper()
	if fmt.Sprint(s.heard) != fmt.Sprint(want) {
		s.t.Errorf("the buddy saw %q, want %q", s.heard, want)
	}
}

func (s *stage) says(part string) {
	s.t.Helper()
	if !strings.Contains(strings.Join(s.said, "\n"), part) {
		s.t.Errorf("nothing said of %q: %q", part, s.said)
	}
}

func TestHeldGoesByItselfToAKnownKey(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "verified")
	if r := s.typed("meet &lt;at&gt; noon"); r.Verdict != policy.Hold {
		t.Errorf("the first message: %+v", r)
	}
	s.hears("meet <at> noon")
	if r := s.typed("<b>bring</b> it"); r.Verdict != policy.Allow {
		t.Errorf("the second message: %+v", r)
	}
	s.hears("meet <at> noon", "bring it")
	s.sealed("meet", "noon", "bring")
	s.says("Private")
	s.says("1 message was sent, encrypted")
}

func TestFirstSeenKeyHolds(t *testing.T) {
	for name, confirm := range map[string]func(s *stage){
		"accept":      func(s *stage) { s.must("accept", "") },
		"sends again": func(s *stage) { s.typed("word one") },
		"verify":      func(s *stage) { s.must("verify", strings.ToLower(grouped(keys(1).Fingerprint()))) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, policy.LevelSecret, config.Default())
			s.typed("word one")
			s.typed("word two")
			s.hears()
			s.says("seen for the first time: " + grouped(keys(1).Fingerprint()))
			confirm(s)
			s.hears("word one", "word two")
			s.sealed("word")
			known, err := s.ring.Fingerprints(s.account.Account, bob)
			if err != nil || len(known) != 1 || known[0].Trust.Verified() != (name == "verify") {
				t.Errorf("kept: %+v, %v", known, err)
			}
		})
	}
}

func TestAnotherMessageDoesNotConfirm(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.typed("word one")
	s.typed("word two")
	s.typed("word three")
	s.hears()
}

func TestChangedKeyIsAnAlarm(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(2, "verified")
	s.typed("word one")
	s.typed("word one") // sending again is no answer to an alarm
	s.hears()
	s.says("ALARM")
	s.says(grouped(keys(2).Fingerprint()))
	if _, err := s.command("verify", keys(2).Fingerprint().String()); err == nil || !strings.Contains(err.Error(), "NOT the key") {
		t.Errorf("verifying with the known one: %v", err)
	}
	s.hears()
	s.must("accept", "")
	s.hears("word one", "word one")
	s.sealed("word")
}

func TestRequireVerified(t *testing.T) {
	conf := config.Default()
	conf.RequireVerified = true
	s := newStage(t, policy.LevelSecret, conf)
	s.know(1, "")
	s.typed("word one")
	s.hears()
	if _, err := s.command("accept", ""); err == nil {
		t.Error("accepting is not verifying")
	}
	s.hears()
	s.must("verify", keys(1).Fingerprint().String())
	s.hears("word one")
}

func TestSMP(t *testing.T) {
	for name, secret := range map[string]string{"right": "under the bridge", "wrong": "elsewhere"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, policy.LevelSecret, config.Default())
			s.know(1, "")
			s.typed("word")
			s.must("ask", "where = when = under the bridge")
			lines, err := s.peer.Answer(secret)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				s.receive(line)
			}
			known, _ := s.ring.Fingerprints(s.account.Account, bob)
			if verified := known[0].Trust == otr.SMP; verified != (name == "right") {
				t.Errorf("verified: %v, said %q", verified, s.said)
			}
			s.sealed("where", "bridge")
		})
	}
}

// A buddy who asks us a question learns who we are, and proves nothing.
func TestBeingAskedProvesNothing(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "")
	s.typed("word")
	lines, err := s.peer.Ask("who are you", "me")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		s.receive(line)
	}
	s.says("who are you")
	s.must("answer", "me")
	if known, _ := s.ring.Fingerprints(s.account.Account, bob); known[0].Trust.Verified() {
		t.Error("the buddy is verified by its own question")
	}
	s.says("knows now that it is you")
}

func TestNothingReadableLeavesByAnyWay(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "verified")
	s.typed("hello")
	for _, text := range []string{"word", "?OTR:word", "?OTRv3? word", "?OTR:AAMDAAA=.", "?OTR Error: word", "&lt;word&gt;"} {
		if r := s.DecideWire(s.message(WayIM, text)); r.Verdict == policy.Allow && (!r.Instead || strings.Contains(r.Text, "word")) {
			t.Errorf("IM %q: %+v", text, r)
		}
		if r := s.DecideWire(s.message(WayStanza, "<message to='"+bob+"'><body>"+text+"</body></message>")); r.Verdict == policy.Allow && strings.Contains(r.Text, "word") {
			t.Errorf("stanza %q: %+v", text, r)
		}
	}
	for way, text := range map[Way]string{WayChat: "word", WayText: "<message><body>word</body></message>", WayUnknown: "word", WayTyped: "word", WayReceived: "word", WayIRC: "PING :1\r\n"} {
		if r := s.DecideWire(s.message(way, text)); r.Verdict == policy.Allow {
			t.Errorf("way %d: %+v", way, r)
		}
	}
	// Well-formed OTR that is not ours: base64 can hold anything.
	line, err := s.peer.Encrypt("x")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.DecideWire(s.message(WayIM, line[0])); r.Verdict == policy.Allow {
		t.Error("OTR that we did not make leaves in native mode")
	}
	s.sealed("word")
}

func TestUnknownSignOnBlocks(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	for _, signOn := range []uint64{0, s.signOn + 1} {
		m := s.message(WayTyped, "word")
		m.SignOn = signOn
		if r := s.DecideSend(m); r.Verdict != policy.Block || r.Reason == "" {
			t.Errorf("send: %+v", r)
		}
		m.Way = WayIM
		if r := s.DecideWire(m); r.Verdict != policy.Block {
			t.Errorf("wire: %+v", r)
		}
		m.Way = WayReceived
		if r := s.DecideReceive(m); r.Verdict != policy.Block {
			t.Errorf("receive: %+v", r)
		}
	}
}

func TestHeldIsBounded(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.peer = otr.New(otr.Config{}) // answers nothing
	for i := range maxHeld {
		if r := s.typed(fmt.Sprint("word ", i)); r.Verdict != policy.Hold {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	if r := s.typed("one too many"); r.Verdict != policy.Block || r.Reason != policy.ReasonHeldFull {
		t.Errorf("one too many: %+v", r)
	}
	if got := s.must("discard", ""); !strings.Contains(got, "20 messages were dropped") {
		t.Errorf("discard: %q", got)
	}
	s.typed("later")
	s.at = s.at.Add(heldFor + time.Minute)
	if got := s.must("status", ""); strings.Contains(got, "held") {
		t.Errorf("after a day: %q", got)
	}
	s.says("held for 24 hours")
	s.sealed("word", "later")
}

func TestEndHoldsTheNextMessage(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "verified")
	s.typed("one")
	for _, line := range s.peer.End() {
		s.receive(line)
	}
	s.says("Finished")
	quiet := s.peer
	s.peer = otr.New(otr.Config{}) // the buddy is gone
	if r := s.typed("two"); r.Verdict != policy.Hold || r.Reason != policy.ReasonFinished {
		t.Errorf("after the buddy's end: %+v", r)
	}
	s.peer = quiet
	s.must("start", "")
	s.hears("one", "two")
	s.sealed("one<", "two")
}

// A lost connection loses the session: the next message is held, and what was
// held before it goes first.
func TestSignOffHoldsTheNextMessage(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "verified")
	s.typed("one")
	s.SignOnEnded(s.signOn)
	s.connect()
	s.peer = otr.New(otr.Config{Key: keys(1), Tag: 0x5432})
	if r := s.typed("two"); r.Verdict != policy.Hold {
		t.Errorf("after a new sign-on: %+v", r)
	}
	s.hears("one", "two")
}

func TestStrangersAreNotAnswered(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.onList = false
	s.receive("?OTRv3?")
	s.receive(otr.New(otr.Config{Key: keys(1), Tag: 0x999}).Query())
	if len(s.wire) != 0 {
		t.Errorf("answered: %q", s.wire)
	}
	s.says("nothing was answered")
	s.must("start", "")
	if s.must("status", ""); len(s.wire) == 0 {
		t.Error("the user's start asks nothing")
	}
}

func TestReceivedPlaintextIsMarkedOrDropped(t *testing.T) {
	for _, drop := range []bool{false, true} {
		conf := config.Default()
		conf.DropPlaintext = drop
		s := newStage(t, policy.LevelSecret, conf)
		s.receive("hi there")
		if got := strings.Join(s.shown, ""); strings.Contains(got, "NOT encrypted") == drop || drop && got != "" {
			t.Errorf("drop %v: shown %q, said %q", drop, got, s.said)
		}
	}
	s := newStage(t, policy.LevelTor, config.Default())
	s.receive("hi there")
	if fmt.Sprint(s.shown) != "[hi there]" {
		t.Errorf("level tor: %q", s.shown)
	}
}

func TestLevelTorMayUseOTR(t *testing.T) {
	s := newStage(t, policy.LevelTor, config.Default())
	if r := s.typed("plain"); r.Verdict != policy.Allow || r.Instead {
		t.Errorf("level tor: %+v", r)
	}
	s.know(1, "")
	s.must("start", "")
	if r := s.typed("sealed"); r.Verdict != policy.Allow || !r.Instead {
		t.Errorf("after /otr start: %+v", r)
	}
	s.hears("plain", "sealed")
	s.sealed("sealed")
	s.must("end", "")
	s.typed("plain again")
	s.hears("plain", "sealed", "plain again")
}

func TestBesidePidginOTR(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.beside.PidginOTR = true
	if r := s.typed("word"); r.Verdict != policy.Block {
		t.Errorf("plaintext: %+v", r)
	}
	if len(s.wire) != 1 || !strings.Contains(s.wire[0], "<body>?OTRv3?</body>") {
		t.Errorf("the wire: %q", s.wire)
	}
	if out, ok := s.put("?OTRv23?\n<b>alice@a.test</b> has requested"); !ok || out != "?OTRv23?" {
		t.Errorf("a wordy query: %q %v", out, ok)
	}
	data, err := func() ([]string, error) { // a well-formed message that is not ours
		other := newStage(t, policy.LevelSecret, config.Default())
		other.know(1, "verified")
		other.typed("x")
		return other.peer.Encrypt("y")
	}()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.put(data[0]); !ok {
		t.Error("pidgin-otr's message does not pass")
	}
	if _, ok := s.put("?OTR:AAMDAAAA."); ok {
		t.Error("what is not well-formed passes")
	}
	if _, err := s.command("start", ""); err == nil || !strings.Contains(err.Error(), "pidgin-otr encrypts") {
		t.Errorf("/otr start beside pidgin-otr: %v", err)
	}
	s.typed("another word")
	if got := len(s.wire); got != 3 {
		t.Errorf("a second message within seconds asks again: %q", s.wire)
	}
	conf := config.Default()
	conf.RequireVerified = true
	strict := newStage(t, policy.LevelSecret, conf)
	strict.beside.PidginOTR = true
	if _, ok := strict.put(data[0]); ok {
		t.Error("require_verified lets through what nobody can tell")
	}
}

// What came readable is marked beside pidgin-otr too.
func TestReceivedBeside(t *testing.T) {
	const mark = "<b>[was NOT encrypted]</b> "
	for _, tt := range []struct {
		beside          Beside
		drop            bool
		text, want, say string
	}{
		{Beside{PidginOTR: true}, false, "hello", mark + "hello", ""},
		{Beside{PidginOTR: true}, true, "hello", "", "NOT encrypted was dropped"},
		{Beside{PidginOTR: true}, true, "?OTRv3?", "?OTRv3?", ""},
		{Beside{PidginOTR: true}, false, "?OTR:AAMD.", "?OTR:AAMD.", ""},
	} {
		conf := config.Default()
		conf.DropPlaintext = tt.drop
		s := newStage(t, policy.LevelSecret, conf)
		s.beside = tt.beside
		s.receive(tt.text)
		if got := strings.Join(s.shown, ""); got != tt.want {
			t.Errorf("%+v: shown %q", tt, got)
		}
		s.says(tt.say)
	}
}

// pidgin-otr's error leaves, so that the buddy's program begins anew, and its
// words do not.
func TestErrorBeside(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.beside.PidginOTR = true
	if out, ok := s.put("?OTR Error: word"); !ok || out != otr.ErrorReply {
		t.Errorf("%q %v", out, ok)
	}
	if r := s.typed("?OTR Error: word"); r.Verdict != policy.Block {
		t.Errorf("typed: %+v", r)
	}
	s.sealed("word")
	s.beside.PidginOTR = false
	if _, ok := s.put("?OTR Error: word"); ok {
		t.Error("natively an error passes that is not ours")
	}
}

// Another plugin is loaded while there is a private conversation of ours: the
// buddy is told that it has ended, and what is held stays held.
func TestHandOver(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "")
	s.typed("word one")
	s.must("hand-over", "")
	if got := s.must("status", ""); !strings.Contains(got, "Unverified") {
		t.Errorf("handed over to nobody: %q", got)
	}
	s.beside.PidginOTR = true
	s.must("hand-over", "")
	if s.peer.State() != otr.Finished {
		t.Errorf("the buddy's state is %v", s.peer.State())
	}
	s.says("pidgin-otr encrypts from now on. The private conversation has ended")

	held := newStage(t, policy.LevelSecret, config.Default())
	held.typed("word two") // a key that is seen for the first time
	held.beside.PidginOTR = true
	held.must("hand-over", "")
	if got := held.must("status", ""); !strings.Contains(got, "Beside pidgin-otr") || !strings.Contains(got, "1 message was held") {
		t.Errorf("status: %q", got)
	}
	held.hears()
	if got := held.must("discard", ""); !strings.Contains(got, "1 message was dropped") {
		t.Errorf("discard: %q", got)
	}
	for _, one := range []*stage{s, held} {
		one.sealed("word")
	}
}

func TestKeyIsMadeFirst(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.account.Name = "new@a.test/"
	s.SignOnEnded(s.signOn)
	s.connect()
	if err := s.ring.SetFingerprint(otr.Known{Account: s.account.Account, Buddy: bob, Fingerprint: keys(1).Fingerprint()}); err != nil {
		t.Fatal(err)
	}
	if r := s.typed("word"); r.Verdict != policy.Hold {
		t.Errorf("without a key: %+v", r)
	}
	s.says("key is being made")
	for end := time.Now().Add(time.Minute); len(s.heard) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.settle()
	}
	s.hears("word")
	if key, err := s.ring.Key(s.account.Account); err != nil || key == nil {
		t.Errorf("the key is not kept: %v", err)
	}
}

func TestKeyOfAnotherResource(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.account.Name = "alice@a.test/home"
	s.SignOnEnded(s.signOn)
	s.connect()
	if err := s.ring.SetFingerprint(otr.Known{Account: s.account.Account, Buddy: bob, Fingerprint: keys(1).Fingerprint()}); err != nil {
		t.Fatal(err)
	}
	s.typed("word")
	s.says("/otr key take")
	if said := strings.Join(s.said, "\n"); strings.Contains(said, "being made") {
		t.Errorf("no key is being made: %q", said)
	}
	s.must("key", "take")
	s.hears("word")
	if key, _ := s.ring.Key(s.account.Account); key == nil || key.Fingerprint() != keys(0).Fingerprint() {
		t.Error("the key did not come along")
	}
}

func TestBrokenFilesBlock(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.know(1, "verified")
	breakFile(t, s.dir, "otr.private_key", "((((")
	if r := s.typed("word"); r.Verdict == policy.Allow {
		t.Errorf("with a broken key file: %+v", r)
	}
	if got := s.DecideConnect(s.account); got.Verdict != policy.Block || got.Reason != policy.ReasonOTRUnreadable {
		t.Errorf("connect: %+v", got)
	}
	s.sealed("word")
}

func breakFile(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A text that only speaks of OTR is a text.
func TestWordsAboutOTRWithoutAKey(t *testing.T) {
	for _, level := range []policy.Level{policy.LevelTor, policy.LevelSecret} {
		s := newStage(t, level, config.Default())
		s.account.Name = "keyless@a.test/"
		s.SignOnEnded(s.signOn)
		s.connect()
		s.receive("do you know ?OTR, the thing")
		if got := strings.Join(s.shown, ""); !strings.Contains(got, "do you know ?OTR") {
			t.Errorf("level %v: shown %q", level, got)
		}
	}
}

func TestSignOffSaysWhatIsHeld(t *testing.T) {
	s := newStage(t, policy.LevelSecret, config.Default())
	s.peer = otr.New(otr.Config{})
	s.typed("word")
	s.must("end-all", "")
	s.says("dropped when the program ends")
}

// A raw line of another plugin's goes at level tor, but for files, and never at
// level secret.
func TestRawLines(t *testing.T) {
	for _, level := range []policy.Level{policy.LevelTor, policy.LevelSecret} {
		s := newStage(t, level, config.Default())
		s.SignOnEnded(s.signOn)
		s.account.Protocol, s.account.Name = "prpl-irc", "alice@a.test"
		s.connect()
		for text, want := range map[string]policy.Verdict{"MODE #x +m\r\n": policy.Allow, "PRIVMSG b :\x01DCC SEND x 1 2 3\x01\r\n": policy.Block} {
			if level == policy.LevelSecret {
				want = policy.Block
			}
			if r := s.DecideWire(s.message(WayText, text)); r.Verdict != want {
				t.Errorf("level %v: %q: %+v", level, text, r)
			}
		}
	}
}
