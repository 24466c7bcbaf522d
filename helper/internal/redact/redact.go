// SPDX-License-Identifier: GPL-3.0-or-later

// Package redact has the one type that holds a secret: a string that prints
// as "[redacted]" wherever fmt, slog or encoding/json would show it. It reads
// and decides nothing, and upholds I7.
package redact

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

const hidden = "[redacted]"

// Secret is a password, credential or key. Only Reveal gives its text. It is
// held behind a pointer because fmt calls no method of an unexported field.
type Secret struct{ text *string }

// New wraps text.
func New(text string) Secret { return Secret{&text} }

// Reveal is the text itself; each caller is a place to look at in a review.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty says whether there is no secret at all.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal compares in time that depends on neither content nor length.
func (s Secret) Equal(other Secret) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText implements encoding.TextMarshaler, for JSON and slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
