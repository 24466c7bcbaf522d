// SPDX-License-Identifier: GPL-3.0-or-later

package redact

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	s := New("hunter2")
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "inside", struct{ S Secret }{s})
	j, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, s, struct {
			Inner Secret
			lower Secret
		}{s, s})
		fmt.Fprintf(&out, verb, []*Secret{&s})
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "68756e74657232") {
		t.Errorf("secret shown: %s", out.String())
	}
	if s.Reveal() != "hunter2" {
		t.Error("Reveal does not give the text")
	}
}

func TestEqual(t *testing.T) {
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || New("a").Equal(New("aa")) || New("").Equal(New("a")) {
		t.Error("Equal is wrong")
	}
}
