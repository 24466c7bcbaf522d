// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestFingerprintText(t *testing.T) {
	const want = "1688C9873C4BA01E78A102815BBA618BE24E1A43"
	for _, text := range []string{want, strings.ToLower(want), "1688c987 3C4BA01E\t78A10281 5BBA618B E24E1A43\n"} {
		if f, err := ParseFingerprint(text); err != nil || f.String() != want || !f.Equal(f) || f.Equal(Fingerprint{}) {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
	for _, text := range []string{"", want[1:], want + "0", want[1:] + "G", want[2:] + "ſ", "0x" + want[2:]} {
		if f, err := ParseFingerprint(text); err == nil || f != (Fingerprint{}) {
			t.Errorf("%q was taken as %v", text, f)
		}
	}
}

// TestKeyDoesNotPrint tries every way that a program could come to print one.
func TestKeyDoesNotPrint(t *testing.T) {
	k, err := GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := k.dsa.PrivateKey.X
	inside := struct{ K *Key }{k}
	out := fmt.Sprintf("%v %+v %#v %s %d %x %v %+v %#v %v", k, k, k, k, k, k, inside, inside, inside, *k)
	data, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	out += string(data)
	for _, form := range []string{"%d", "%x", "%X"} {
		if strings.Contains(out, fmt.Sprintf(form, secret)) {
			t.Errorf("the key shows: %s", form)
		}
	}
	if !strings.Contains(out, "[redacted]") || k.Fingerprint() == (Fingerprint{}) {
		t.Errorf("%s", out)
	}
}
