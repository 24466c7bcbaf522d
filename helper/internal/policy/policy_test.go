// SPDX-License-Identifier: GPL-3.0-or-later

package policy

import "testing"

var (
	torLevel = LevelFact{Present, LevelTor}
	good     = ConnectFacts{
		LevelFacts: LevelFacts{Setting: torLevel, Record: torLevel, Config: Yes, Floor: LevelNone, Known: No},
		Protocol:   "prpl-jabber", Begun: No, Encryption: No, NoProxyLive: No,
		Pinned: Yes, Gate: Yes, NameKnown: Yes, Tor: TorReady, Isolation: IsolationProven, RequireProven: No,
	}
)

func with(change func(*ConnectFacts)) ConnectFacts {
	f := good
	change(&f)
	return f
}

// unprotected is an account without a level.
func unprotected(config Answer, floor Level, known Answer) ConnectFacts {
	absent := LevelFact{Presence: Absent}
	return ConnectFacts{LevelFacts: LevelFacts{Setting: absent, Record: absent, Config: config, Floor: floor, Known: known}}
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
		{"never protected", unprotected(Yes, LevelNone, Yes), Allow, ""},
		{"never protected, configuration broken", unprotected(No, LevelNone, Yes), Block, ReasonConfigUnreadable},
		{"never protected, configuration not read", unprotected(NotAsked, LevelNone, Yes), Block, ReasonFactMissing},
		{"never protected, no floor known", unprotected(Yes, LevelUnknown, Yes), Block, ReasonFactMissing},
		{"never protected, below the floor", unprotected(Yes, LevelTor, Yes), Block, ReasonBelowFloor},
		{"new", unprotected(Yes, LevelNone, No), Block, ReasonNewAccount},
		{"new, and below the floor", unprotected(Yes, LevelSecret, No), Block, ReasonNewAccount},
		{"new, or not: not asked", unprotected(Yes, LevelNone, NotAsked), Block, ReasonFactMissing},
		{"below the floor", with(func(f *ConnectFacts) { f.Floor = LevelSecret }), Block, ReasonBelowFloor},
		{"at the floor", with(func(f *ConnectFacts) { f.Floor = LevelTor }), Allow, ""},
		{"a floor that is none", with(func(f *ConnectFacts) { f.Floor = LevelSecret + 1 }), Block, ReasonFactMissing},
		{"released", ConnectFacts{LevelFacts: LevelFacts{Setting: LevelFact{Present, LevelNone}, Record: LevelFact{Presence: Absent}, Config: Yes, Floor: LevelNone, Known: Yes}}, Allow, ""},
		{"setting lost", with(func(f *ConnectFacts) { f.Setting = LevelFact{Presence: Absent} }), Block, ReasonLevelsDisagree},
		{"record lost", with(func(f *ConnectFacts) { f.Record = LevelFact{Presence: Absent} }), Block, ReasonLevelsDisagree},
		{"setting weaker", with(func(f *ConnectFacts) { f.Record = LevelFact{Present, LevelSecret} }), Block, ReasonLevelsDisagree},
		{"setting nonsense", with(func(f *ConnectFacts) { f.Setting = LevelOf("Tor", true) }), Block, ReasonLevelUnreadable},
		{"record broken", with(func(f *ConnectFacts) { f.Record = LevelFact{Presence: Unreadable} }), Block, ReasonRecordUnreadable},
		{"record broken, never protected", ConnectFacts{LevelFacts: LevelFacts{Setting: LevelFact{Presence: Absent}, Record: LevelFact{Presence: Unreadable}}}, Block, ReasonRecordUnreadable},
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

// levelFacts is every level fact, one value beyond each enumeration's end
// included.
func levelFacts() (levels []LevelFact) {
	for p := PresenceNotAsked; p <= Unreadable+1; p++ {
		for l := LevelUnknown; l <= LevelSecret+1; l++ {
			if p == Present || l <= LevelNone {
				levels = append(levels, LevelFact{p, l})
			}
		}
	}
	return levels
}

// walk calls visit with every combination of the facts, one value beyond
// each enumeration's end included.
func walk(visit func(ConnectFacts)) {
	levels := levelFacts()
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
									// known and floor: TestAllowedLevel has all of them
									floor := LevelNone + Level(i>>2&1)
									visit(ConnectFacts{LevelFacts{setting, record, answers[i>>10&3], floor, answers[i&3]}, protocol, b, answers[i&3], answers[i>>2&3],
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

func none(f LevelFact) bool { return f.Presence == Absent || f == LevelFact{Present, LevelNone} }

// Every combination of what there is to know of a level: it is allowed only
// where both places agree, the configuration was read, it is not below the
// floor, and an account without protection was met before.
func TestAllowedLevel(t *testing.T) {
	allowed := map[Level]int{}
	for _, setting := range levelFacts() {
		for _, record := range levelFacts() {
			for _, config := range answers {
				for floor := LevelUnknown; floor <= LevelSecret+1; floor++ {
					for _, known := range answers {
						f := LevelFacts{setting, record, config, floor, known}
						level, d := AllowedLevel(f)
						unprotected := none(setting) && none(record)
						protected := setting == record && (setting == torLevel || setting == LevelFact{Present, LevelSecret})
						good := config == Yes && floor >= LevelNone && floor <= level &&
							(unprotected && level == LevelNone && known == Yes || protected && level == setting.Level)
						if (d.Verdict == Allow) != good || d.Verdict == Hold || d.Verdict == Block && d.Reason == "" {
							t.Fatalf("%+v: %v, %+v", f, level, d)
						}
						if good {
							allowed[level]++
						}
						if floor == LevelUnknown || floor > LevelSecret {
							continue
						}
						// a floor, a restriction, never turns block into allow
						f.Floor = LevelNone
						if _, loose := AllowedLevel(f); d.Verdict == Allow && loose.Verdict != Allow {
							t.Fatalf("the floor allows %+v", f)
						}
					}
				}
			}
		}
	}
	if len(allowed) != 3 {
		t.Errorf("allowed: %v: the walk shows nothing", allowed)
	}
}

// A new account never gets less than new accounts get, nor less than the floor;
// what is stricter never gives less.
func TestNewcomer(t *testing.T) {
	want := map[NewAccounts]Level{NewAccountsNone: LevelNone, NewAccountsAsk: LevelNone, NewAccountsTor: LevelTor, NewAccountsSecret: LevelSecret}
	for _, protocol := range []string{"", "prpl-jabber", "prpl-irc", "prpl-gg"} {
		for n := NewAccountsNotAsked; n <= NewAccountsSecret+1; n++ {
			for floor := LevelUnknown; floor <= LevelSecret+1; floor++ {
				level, d := Newcomer(protocol, n, floor)
				asked := protocol != "" && n >= NewAccountsNone && n <= NewAccountsSecret && floor >= LevelNone && floor <= LevelSecret
				least := max(want[n], floor)
				switch {
				case !asked:
					if d.Verdict != Block || level != LevelUnknown {
						t.Errorf("%q %v %v: %v %+v", protocol, n, floor, level, d)
					}
				case n == NewAccountsAsk && floor == LevelNone:
					if d.Verdict != Hold || level != LevelUnknown {
						t.Errorf("%q %v %v: %v %+v", protocol, n, floor, level, d)
					}
				case least > LevelNone && protocol == "prpl-gg":
					if d != block(ReasonProtocolNotProven) {
						t.Errorf("%q %v %v: %v %+v", protocol, n, floor, level, d)
					}
				case d.Verdict != Allow || level != least:
					t.Errorf("%q %v %v: %v %+v", protocol, n, floor, level, d)
				}
			}
		}
	}
}

func TestMaySet(t *testing.T) {
	for wanted := LevelUnknown; wanted <= LevelSecret+1; wanted++ {
		for floor := LevelUnknown; floor <= LevelSecret+1; floor++ {
			good := wanted == LevelSecret || wanted >= LevelNone && wanted <= LevelSecret && floor >= LevelNone && wanted >= floor
			if d := MaySet(wanted, floor); (d.Verdict == Allow) != good || d.Verdict == Hold {
				t.Errorf("%v over a floor of %v: %+v", wanted, floor, d)
			}
		}
	}
}

func TestNewAccountsNames(t *testing.T) {
	for n := NewAccountsNone; n <= NewAccountsSecret; n++ {
		if ParseNewAccounts(n.String()) != n {
			t.Errorf("%v does not read back", n)
		}
	}
	for _, text := range []string{"", "unknown", "Tor", "ask "} {
		if ParseNewAccounts(text) != NewAccountsNotAsked {
			t.Errorf("%q is something", text)
		}
	}
}

// Whatever the facts: a protected account is allowed only where every one of
// them was asked for and is good, and an unprotected one only where both
// places of its level say so.
func TestConnectAllowsOnlyWhatIsKnownToBeGood(t *testing.T) {
	allowed := 0
	walk(func(f ConnectFacts) {
		d := Connect(f)
		if d.Verdict == Block && d.Reason == "" {
			t.Fatalf("blocked without a reason: %+v", f)
		}
		if d.Verdict != Allow {
			return
		}
		if none(f.Setting) && none(f.Record) {
			if f.Config != Yes || f.Known != Yes || f.Floor != LevelNone {
				t.Fatalf("allowed unprotected: %+v", f)
			}
			return
		}
		allowed++
		switch {
		case f.Setting.Level < f.Floor, f.Setting != f.Record, f.Setting != torLevel && f.Setting != LevelFact{Present, LevelSecret},
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
