// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestClassify(t *testing.T) {
	all := eachMessage(t)
	data := all[kindData].line()
	pieces, err := split(all[kindData], 200)
	if err != nil || len(pieces) < 3 {
		t.Fatalf("%d pieces, %v", len(pieces), err)
	}
	for line, want := range map[string]Class{
		"":                                 ClassText,
		"hello":                            ClassText,
		"hello" + tagBase + tagV3:          ClassText,
		"OTR?":                             ClassText,
		"?OTRv3?":                          ClassQuery,
		"?OTRv23?":                         ClassQuery,
		"?OTRv2?":                          ClassQuery,
		"?OTRv32?":                         ClassMalformed,
		"?OTRv3? my secret":                ClassMalformed,
		"?OTR?":                            ClassMalformed,
		"?OTR?v3?":                         ClassMalformed,
		"?OTRv3?\n":                        ClassMalformed,
		"I typed ?OTRv3?":                  ClassMalformed,
		"?OTR Error: lost":                 ClassError,
		"?OTR Error:lost":                  ClassMalformed,
		"?OTR:":                            ClassMalformed,
		"?OTR:my secret.":                  ClassMalformed,
		"?OTR:bXkgc2VjcmV0.":               ClassMalformed,
		"?OTR:AAMD.":                       ClassMalformed,
		data + " and more":                 ClassMalformed,
		data + "\n":                        ClassMalformed,
		"<b>" + data:                       ClassMalformed,
		data[:100] + "\n" + data[100:]:     ClassMalformed,
		pieces[0]:                          ClassFragment,
		pieces[1]:                          ClassFragment,
		pieces[len(pieces)-1]:              ClassFragment,
		pieces[1] + " more":                ClassMalformed,
		"?OTR,00001,00002,secret,":         ClassMalformed,
		"?OTR,00002,00003,a b,":            ClassMalformed,
		"?OTR,00002,00003,,":               ClassMalformed,
		"?OTR,2,3,abcd,":                   ClassMalformed,
		"?OTR,00002,00002,abcd,":           ClassMalformed,
		"?OTR,00002,00003,abcd.,":          ClassMalformed,
		"?OTR,00000,00003,?OTR:AA,":        ClassMalformed,
		"?OTR|1111|2222,00002,00003,abcd,": ClassMalformed,
		"?OTR|0000001f|00002222,00002,00003,abcd,": ClassMalformed,
		"?OTR|-0001111|00002222,00002,00003,abcd,": ClassMalformed,
	} {
		if got := Classify(line); got != want {
			t.Errorf("%.80q is %d, want %d", line, got, want)
		}
	}
	for kind, m := range all {
		if got := Classify(m.line()); got != ClassMessage {
			t.Errorf("%#x is %d", kind, got)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for line, want := range map[string]string{
		"?OTRv3?":   "?OTRv3?",
		"?OTR?v23?": "?OTRv23?",
		"?OTRv23?\n<b>a@b</b> has requested an OTR conversation": "?OTRv23?",
		"<html><body>?OTRv2?</body></html>":                      "?OTRv2?",
		"?OTR?":                                                  "",
		"?OTRv4?":                                                "",
		"?OTRv3":                                                 "",
		"say ?OTRv3? now":                                        "",
		"<b ?OTRv3?":                                             "",
		"?OTRv is 3, ok?":                                        "",
	} {
		if got, ok := CanonicalQuery(line); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", line, got, ok)
		}
	}
}

// TestPlainStaysPlain: what only speaks of OTR is shown as it is.
func TestPlainStaysPlain(t *testing.T) {
	for _, line := range []string{"hello", "", "so ?OTR:AAMD. it is", "?OTR rocks", "<b>?OTRs</b>", "a < b ?OTRv3?", "?OTRv what?"} {
		r := New(Config{Key: testKeys()[0], Tag: 0x1111}).Receive(line, true)
		if r.Kind != ReceivedPlain || r.Text != line || len(r.Send) > 0 {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

// TestJoiner: whatever is left of messages that never end is bounded, and a
// sender's fragments do not disturb another's.
func TestJoiner(t *testing.T) {
	var j joiner
	now := time.Unix(0, 0)
	piece := strings.Repeat("x", 1000)
	for from := range uint32(100) {
		now = now.Add(time.Second)
		for k := 1; k <= 400; k++ {
			j.add(fragment{3, 0x100 + from, 0x1111, k, 1000, piece}, now)
		}
		if len(j.partials) > maxPartial || j.held() > maxLine {
			t.Fatalf("%d messages, %d bytes held", len(j.partials), j.held())
		}
	}
	for k := 1; k <= 2000; k++ { // one alone is too long
		j.add(fragment{3, 0x9999, 0x1111, k, 2000, piece}, now)
	}
	if j.held() > maxLine {
		t.Errorf("%d bytes held", j.held())
	}
	for from := range uint32(100) {
		j.add(fragment{3, 0x100 + from, 0x1111, 1, 2, "x"}, now)
	}
	if len(j.partials) > maxPartial {
		t.Errorf("%d messages held", len(j.partials))
	}
	j = joiner{}
	for k := 1; k <= 3; k++ {
		for from := uint32(0x200); from < 0x204; from++ {
			got, ok := j.add(fragment{3, from, 0x1111, k, 3, fmt.Sprintf("%x-%d ", from, k)}, now)
			if want := fmt.Sprintf("%x-1 %x-2 %x-3 ", from, from, from); ok != (k == 3) || ok && got != want {
				t.Errorf("%q, %v, want %q", got, ok, want)
			}
		}
	}
	for name, ks := range map[string][][2]int{
		"a gap": {{1, 3}, {3, 3}}, "twice": {{1, 3}, {2, 3}, {2, 3}, {3, 3}}, "another count": {{1, 3}, {2, 4}, {3, 3}}, "no start": {{2, 3}, {3, 3}},
	} {
		for _, kn := range ks {
			if got, ok := j.add(fragment{2, 0, 0, kn[0], kn[1], "x"}, now); ok {
				t.Errorf("%s gave %q", name, got)
			}
		}
		j.add(fragment{2, 0, 0, 1, 2, "x"}, now)
		if got, ok := j.add(fragment{2, 0, 0, 2, 2, "y"}, now); got != "xy" || !ok {
			t.Errorf("after %s: %q", name, got)
		}
	}
	j.add(fragment{2, 0, 0, 1, 2, "x"}, now)
	j.add(fragment{3, 0x100, 0x1111, 1, 2, "x"}, now.Add(2*partialAge))
	if len(j.partials) != 1 {
		t.Errorf("%d messages after a long time", len(j.partials))
	}
}
