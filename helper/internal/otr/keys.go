// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/coyim/otr3"
)

// Fingerprint is the SHA-1 of a public DSA key (OTRv3, "Public keys,
// signatures, and fingerprints").
type Fingerprint [20]byte

var errFingerprint = errors.New("a fingerprint has 40 hexadecimal digits")

// ParseFingerprint reads 40 hexadecimal digits; case and white space do not
// matter.
func ParseFingerprint(text string) (Fingerprint, error) {
	var f Fingerprint
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if len(text) != hex.EncodedLen(len(f)) {
		return Fingerprint{}, errFingerprint
	}
	if _, err := hex.Decode(f[:], []byte(text)); err != nil {
		return Fingerprint{}, errFingerprint
	}
	return f, nil
}

// String gives 40 upper-case digits.
func (f Fingerprint) String() string { return fmt.Sprintf("%X", f[:]) }

// Equal compares in constant time.
func (f Fingerprint) Equal(other Fingerprint) bool {
	return subtle.ConstantTimeCompare(f[:], other[:]) == 1
}

// Key is an account's private key. It prints as "[redacted]".
type Key struct{ dsa *otr3.DSAPrivateKey }

// GenerateKey makes a DSA key of 1024 bits, the only kind that OTRv3 knows. It
// takes a tenth of a second or several.
func GenerateKey(rand io.Reader) (*Key, error) {
	dsa, err := generate(rand)
	if err != nil {
		return nil, fmt.Errorf("cannot generate a key: %w", err)
	}
	return &Key{dsa}, nil
}

// Fingerprint is that of the public half.
func (k *Key) Fingerprint() Fingerprint { return Fingerprint(k.dsa.PublicKey().Fingerprint()) }

// Format implements fmt.Formatter, for every verb.
func (*Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText implements encoding.TextMarshaler, for JSON and slog.
func (*Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }
