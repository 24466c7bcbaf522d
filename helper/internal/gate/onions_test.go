// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"strings"
	"testing"
)

func TestOnionList(t *testing.T) {
	list, err := parseOnions(onionsTSV)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(onionsTSV, "\n") - strings.Count(onionsTSV, "#")
	if len(list) < 30 || len(list) != lines {
		t.Errorf("%d domains in %d lines", len(list), lines)
	}
	if KnownOnion("XMPP.riseup.net.") != anOnion || KnownOnion("a.test") != "" || KnownOnion("") != "" {
		t.Error("KnownOnion is wrong")
	}
}

func TestBadOnions(t *testing.T) {
	flipped := []byte(anOnion)
	for i := range 56 {
		b := append([]byte{}, flipped...)
		if b[i] = 'a'; b[i] == flipped[i] {
			b[i] = 'b'
		}
		if ValidOnion(string(b)) {
			t.Errorf("valid with letter %d changed", i)
		}
	}
	for _, text := range []string{"", ".onion", "expyuzz4wqqyqhjn.onion", "www." + anOnion, anOnion + ".", anOnion[:55] + "é.onion", strings.TrimSuffix(anOnion, ".onion")} {
		if ValidOnion(text) {
			t.Errorf("%q is valid", text)
		}
		if text != "" {
			if _, err := parseOnions("a.test\t" + text + "\n"); err == nil {
				t.Errorf("%q is taken into the list", text)
			}
		}
	}
	if !ValidOnion(strings.ToUpper(anOnion)) {
		t.Error("capitals are refused")
	}
	for _, text := range []string{"a.test " + anOnion, "A.test\t" + anOnion, "a.test\t" + anOnion + "\na.test\t" + anOnion, "\t" + anOnion} {
		if _, err := parseOnions(text); err == nil {
			t.Errorf("taken: %q", text)
		}
	}
}
