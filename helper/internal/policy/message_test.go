// SPDX-License-Identifier: GPL-3.0-or-later

package policy

import "testing"

var answers = []Answer{NotAsked, No, Yes, Yes + 1}

func walkSend(visit func(SendFacts)) {
	for l := LevelUnknown; l <= LevelSecret+1; l++ {
		for m := ModeNotAsked; m <= ModeBeside+1; m++ {
			for s := StateNotAsked; s <= StateFinished+1; s++ {
				for k := KeyNotAsked; k <= KeyVerified+1; k++ {
					for c := ContentNotAsked; c <= ContentPeer+1; c++ {
						for _, v := range answers {
							for _, room := range answers {
								for _, later := range answers {
									visit(SendFacts{l, m, s, k, v, room, c, later})
								}
							}
						}
					}
				}
			}
		}
	}
}

// What allows a typed message at level secret, said anew and otherwise.
func mayGo(f SendFacts) bool {
	if f.RequireVerified != Yes && f.RequireVerified != No {
		return false
	}
	if f.Mode == ModeNative {
		return (f.Room == Yes || f.Room == No) && f.State == StateEncrypted &&
			(f.Key == KeyVerified || f.Key == KeyKnown && f.RequireVerified == No)
	}
	sealed := f.Content == ContentOTR || f.Content == ContentOMEMO
	return f.Mode == ModeBeside && (f.Content == ContentQuery || sealed && f.RequireVerified == No ||
		f.Content == ContentReadable && f.Later == Yes)
}

func TestSendWalk(t *testing.T) {
	seen := map[Verdict]int{}
	walkSend(func(f SendFacts) {
		d := Send(f)
		seen[d.Verdict]++
		if f.Level == LevelSecret && (d.Verdict == Allow) != mayGo(f) {
			t.Errorf("%+v: %v %q", f, d.Verdict, d.Reason)
		}
		if f.Level != LevelSecret && f.Level != LevelTor && d.Verdict != Block {
			t.Errorf("%+v: %v without a level", f, d.Verdict)
		}
		if d.Verdict != Allow && d.Reason == "" {
			t.Errorf("%+v: %v without a reason", f, d.Verdict)
		}
		if d.Verdict == Hold && (f.Mode != ModeNative || f.Room != Yes) {
			t.Errorf("%+v: held, and nobody would let it go", f)
		}
		stricter := f
		stricter.RequireVerified = Yes
		if f.RequireVerified == No && d.Verdict != Allow && Send(stricter).Verdict == Allow {
			t.Errorf("%+v: a restriction allows", f)
		}
	})
	for _, v := range []Verdict{Block, Allow, Hold} {
		if seen[v] == 0 {
			t.Errorf("no facts lead to %v", v)
		}
	}
	if d := Send(SendFacts{}); d != (Decision{Block, ReasonFactMissing}) {
		t.Errorf("nothing known: %v", d)
	}
}

func TestWireWalk(t *testing.T) {
	for l := LevelUnknown; l <= LevelSecret+1; l++ {
		for m := ModeNotAsked; m <= ModeBeside+1; m++ {
			for c := ContentNotAsked; c <= ContentPeer+1; c++ {
				for _, issued := range answers {
					for _, v := range answers {
						f := WireFacts{l, m, c, issued, v}
						d := Wire(f)
						known := v == Yes || v == No
						native := m == ModeNative && issued == Yes && (c == ContentOTR || c == ContentQuery || c == ContentOTRError)
						beside := m == ModeBeside && (c == ContentQuery || c == ContentOTRError || v == No && (c == ContentOTR || c == ContentOMEMO))
						reads := c != ContentNotAsked && c < ContentPersonal
						want := l == LevelTor && known && reads || l == LevelSecret && known && (c == ContentOther || native || beside)
						if (d.Verdict == Allow) != want || d.Verdict == Hold || d.Verdict == Block && d.Reason == "" {
							t.Errorf("%+v: %v %q", f, d.Verdict, d.Reason)
						}
					}
				}
			}
		}
	}
}

func TestReceiveWalk(t *testing.T) {
	for l := LevelUnknown; l <= LevelSecret+1; l++ {
		for m := ModeNotAsked; m <= ModeBeside+1; m++ {
			for _, drop := range answers {
				for _, told := range answers {
					d := Receive(ReceiveFacts{l, m, drop, told})
					marked := l == LevelSecret && (m == ModeNative || m == ModeBeside && told == No) && drop == No
					plain := l == LevelTor || l == LevelSecret && m == ModeBeside && told == Yes
					switch {
					case (d.Verdict == Allow) != (marked || plain),
						marked && d.Reason != ReasonReceivedPlaintext,
						plain && d.Reason != "":
						t.Errorf("%v %v drop %v told %v: %v %q", l, m, drop, told, d.Verdict, d.Reason)
					}
				}
			}
		}
	}
}

func TestIncomingWalk(t *testing.T) {
	for l := LevelUnknown; l <= LevelSecret+1; l++ {
		for c := ContentNotAsked; c <= ContentPeer+1; c++ {
			d := Incoming(l, c)
			if want := (l == LevelTor || l == LevelSecret) && c == ContentOther; (d.Verdict == Allow) != want || d.Verdict == Block && d.Reason == "" {
				t.Errorf("%v %d: %v %q", l, c, d.Verdict, d.Reason)
			}
		}
	}
}
