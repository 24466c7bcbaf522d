// SPDX-License-Identifier: GPL-3.0-or-later

package policy

import "testing"

var (
	torLevel = LevelFact{Present, LevelTor}
	good     = ConnectFacts{
		Protocol: "prpl-jabber", Setting: torLevel, Record: torLevel, Config: Yes, Begun: No, Encryption: No, NoProxyLive: No,
		Pinned: Yes, Gate: Yes, NameKnown: Yes, Tor: TorReady, Isolation: IsolationProven, RequireProven: No,
	}
)

func with(change func(*ConnectFacts)) ConnectFacts {
	f := good
	change(&f)
	return f
}

func TestConnect(t *testing.T) {
	tests := []struct {
		name    string
		facts   ConnectFacts
		verdict Verdict
		reason  Reason
	}{
		{"all good", good, Allow, ""},
		{"nothing known", ConnectFacts{}, Block, ReasonFactMissing},
		{"configuration broken", with(func(f *ConnectFacts) { f.Config = No }), Block, ReasonConfigUnreadable},
		{"IRC", with(func(f *ConnectFacts) { f.Protocol = "prpl-irc" }), Allow, ""},
		{"another protocol", with(func(f *ConnectFacts) { f.Protocol = "prpl-gg" }), Block, ReasonProtocolNotProven},
		{"never protected", ConnectFacts{Setting: LevelFact{Presence: Absent}, Record: LevelFact{Presence: Absent}}, Allow, ""},
		{"released", ConnectFacts{Setting: LevelFact{Present, LevelNone}, Record: LevelFact{Presence: Absent}}, Allow, ""},
		{"setting lost", with(func(f *ConnectFacts) { f.Setting = LevelFact{Presence: Absent} }), Block, ReasonLevelsDisagree},
		{"record lost", with(func(f *ConnectFacts) { f.Record = LevelFact{Presence: Absent} }), Block, ReasonLevelsDisagree},
		{"setting weaker", with(func(f *ConnectFacts) { f.Record = LevelFact{Present, LevelSecret} }), Block, ReasonLevelsDisagree},
		{"setting nonsense", with(func(f *ConnectFacts) { f.Setting = LevelOf("Tor", true) }), Block, ReasonLevelUnreadable},
		{"record broken", with(func(f *ConnectFacts) { f.Record = LevelFact{Presence: Unreadable} }), Block, ReasonRecordUnreadable},
		{"record broken, never protected", ConnectFacts{Setting: LevelFact{Presence: Absent}, Record: LevelFact{Presence: Unreadable}}, Block, ReasonRecordUnreadable},
		{"secret", with(func(f *ConnectFacts) { f.Setting.Level, f.Record.Level, f.Begun = LevelSecret, LevelSecret, Yes }), Block, ReasonOTRUnreadable},
		{"secret with encryption", with(func(f *ConnectFacts) {
			f.Setting.Level, f.Record.Level, f.Begun, f.Encryption = LevelSecret, LevelSecret, Yes, Yes
		}), Allow, ""},
		{"secret, and nobody asked for it", with(func(f *ConnectFacts) {
			f.Setting.Level, f.Record.Level, f.Encryption = LevelSecret, LevelSecret, Yes
		}), Block, ReasonNotAtStart},
		{"no_proxy with live connections", with(func(f *ConnectFacts) { f.NoProxyLive = Yes }), Block, ReasonNoProxyLive},
		{"not pinned", with(func(f *ConnectFacts) { f.Pinned = No }), Block, ReasonNotPinned},
		{"gate down", with(func(f *ConnectFacts) { f.Gate = No }), Block, ReasonGateDown},
		{"its name asked of DNS", with(func(f *ConnectFacts) { f.NameKnown = No }), Block, ReasonHostnameLookup},
		{"the same, IRC", with(func(f *ConnectFacts) { f.NameKnown, f.Protocol = No, "prpl-irc" }), Allow, ""},
		{"no Tor", with(func(f *ConnectFacts) { f.Tor = TorAbsent }), Block, ReasonNoTor},
		{"Tor starting", with(func(f *ConnectFacts) { f.Tor = TorStarting }), Block, ReasonTorStarting},
		{"Tor dead", with(func(f *ConnectFacts) { f.Tor = TorDead }), Block, ReasonTorDead},
		{"not Tor", with(func(f *ConnectFacts) { f.Tor = TorNotTor }), Block, ReasonNotTor},
		{"state out of range", with(func(f *ConnectFacts) { f.Tor = 200 }), Block, ReasonFactMissing},
		{"isolation off", with(func(f *ConnectFacts) { f.Isolation = IsolationOff }), Block, ReasonIsolationOff},
		{"isolation unknown", with(func(f *ConnectFacts) { f.Isolation = IsolationUnknown }), Allow, ReasonIsolationNotProven},
		{"isolation unknown, proof required", with(func(f *ConnectFacts) {
			f.Isolation, f.RequireProven = IsolationUnknown, Yes
		}), Block, ReasonIsolationNotProven},
	}
	for _, tt := range tests {
		if got := Connect(tt.facts); got != (Decision{tt.verdict, tt.reason}) {
			t.Errorf("%s: got %v %q, want %v %q", tt.name, got.Verdict, got.Reason, tt.verdict, tt.reason)
		}
	}
}

// walk calls visit with every combination of the facts, one value beyond
// each enumeration's end included.
func walk(visit func(ConnectFacts)) {
	var levels []LevelFact
	for p := PresenceNotAsked; p <= Unreadable+1; p++ {
		for l := LevelUnknown; l <= LevelSecret+1; l++ {
			if p == Present || l <= LevelNone {
				levels = append(levels, LevelFact{p, l})
			}
		}
	}
	answers := []Answer{NotAsked, No, Yes, Yes + 1}
	for _, protocol := range []string{"", "prpl-jabber", "prpl-irc", "prpl-gg"} {
		secret := LevelFact{Present, LevelSecret}
		names := answers
		if protocol != "prpl-jabber" {
			names = names[:1] // nobody asks for the computer's name
		}
		for _, setting := range levels {
			for _, record := range levels {
				begun := answers
				if setting != secret || record != secret {
					begun = answers[:1] // nobody asks at another level
				}
				for i := 0; i < 4*4*4*4*4*4; i++ {
					for tor := TorNotAsked; tor <= TorNotTor+1; tor++ {
						for iso := IsolationNotAsked; iso <= IsolationProven+1; iso++ {
							for _, name := range names {
								for _, b := range begun {
									visit(ConnectFacts{protocol, setting, record, answers[i>>10&3], b, answers[i&3], answers[i>>2&3],
										answers[i>>4&3], answers[i>>6&3], name, tor, iso, answers[i>>8&3]})
								}
							}
						}
					}
				}
			}
		}
	}
}

// Whatever the facts: a protected account is allowed only where every one of
// them was asked for and is good, and an unprotected one only where both
// places of its level say so.
func TestConnectAllowsOnlyWhatIsKnownToBeGood(t *testing.T) {
	unprotected := func(f LevelFact) bool {
		return f.Presence == Absent || f == LevelFact{Present, LevelNone}
	}
	allowed := 0
	walk(func(f ConnectFacts) {
		d := Connect(f)
		if d.Verdict == Block && d.Reason == "" {
			t.Fatalf("blocked without a reason: %+v", f)
		}
		if d.Verdict != Allow || unprotected(f.Setting) && unprotected(f.Record) {
			return
		}
		allowed++
		switch {
		case f.Setting != f.Record, f.Setting != torLevel && f.Setting != LevelFact{Present, LevelSecret},
			f.Config != Yes, f.Setting.Level == LevelSecret && (f.Encryption != Yes || f.Begun != Yes), !ProtocolProven(f.Protocol),
			f.NoProxyLive != No, f.Pinned != Yes, f.Gate != Yes, f.Protocol == "prpl-jabber" && f.NameKnown != Yes, f.Tor != TorReady,
			f.Isolation != IsolationProven && (f.Isolation != IsolationUnknown || f.RequireProven != No),
			f.RequireProven != Yes && f.RequireProven != No:
			t.Fatalf("allowed: %+v", f)
		}
	})
	if allowed == 0 {
		t.Error("nothing was ever allowed: the walk shows nothing")
	}
}

// Requiring proof, a restriction, never turns block into allow.
func TestRequireProvenOnlyRestricts(t *testing.T) {
	walk2 := 0
	for tor := TorNotAsked; tor <= TorNotTor; tor++ {
		for iso := IsolationNotAsked; iso <= IsolationProven; iso++ {
			f := with(func(f *ConnectFacts) { f.Tor, f.Isolation = tor, iso })
			loose := Connect(f)
			f.RequireProven = Yes
			if strict := Connect(f); strict.Verdict == Allow && loose.Verdict != Allow {
				t.Errorf("requiring proof allows %+v", f)
			} else if strict.Verdict != loose.Verdict {
				walk2++
			}
		}
	}
	if walk2 == 0 {
		t.Error("requiring proof changes nothing")
	}
}

func TestStream(t *testing.T) {
	ok := StreamFacts{Yes, Yes, TorReady, IsolationProven, No}
	if d := Stream(ok); d.Verdict != Allow {
		t.Errorf("good facts: %v", d)
	}
	answers := []Answer{NotAsked, No, Yes, Yes + 1}
	for _, c := range answers {
		for _, s := range answers {
			for tor := TorNotAsked; tor <= TorNotTor+1; tor++ {
				for iso := IsolationNotAsked; iso <= IsolationProven+1; iso++ {
					for _, r := range answers {
						d := Stream(StreamFacts{c, s, tor, iso, r})
						fine := c == Yes && s == Yes && tor == TorReady && (r == Yes || r == No) &&
							(iso == IsolationProven || iso == IsolationUnknown && r == No)
						if (d.Verdict == Allow) != fine {
							t.Fatalf("%v %v %v %v %v: %v", c, s, tor, iso, r, d)
						}
					}
				}
			}
		}
	}
}

func TestZeroBlocks(t *testing.T) {
	if (Decision{}).Verdict != Block || Verdict(0) != Block || Verdict(9).String() != "block" {
		t.Error("zero does not block")
	}
	if Stream(StreamFacts{}).Verdict != Block {
		t.Error("no facts: stream allowed")
	}
}

func TestReasonsHaveTexts(t *testing.T) {
	for r, text := range reasonTexts {
		if text == "" || r == "" {
			t.Errorf("reason %q has no text", r)
		}
	}
	if Reason("nonsense").Text() == "" || Reason("nonsense").Passing() {
		t.Error("an unheard-of reason passes or says nothing")
	}
}

func TestLevelNames(t *testing.T) {
	for l := LevelNone; l <= LevelSecret; l++ {
		if ParseLevel(l.String()) != l {
			t.Errorf("%v does not read back", l)
		}
	}
	for _, text := range []string{"", "unknown", "TOR", " tor", "tor\n"} {
		if ParseLevel(text) != LevelUnknown {
			t.Errorf("%q is a level", text)
		}
	}
}
