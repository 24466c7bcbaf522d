// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"math/big"
)

// Int is a number that is not negative. Its length in bytes is public, its
// value is not. The zero value is 0.
type Int struct {
	bytes []byte // big-endian, leading zeros kept
}

// SetBytes sets i to the big-endian number b, and returns i.
func (i *Int) SetBytes(b []byte) *Int {
	i.bytes = bytes.Clone(b)
	return i
}

// SetBigInt sets i to the absolute value of b, and returns i. The length of b
// shows.
func (i *Int) SetBigInt(b *big.Int) *Int {
	i.bytes = b.Bytes()
	return i
}

// Set sets i to v, and returns i.
func (i *Int) Set(v *Int) *Int {
	b := bytes.Clone(v.bytes) // v may be i
	i.Wipe()
	i.bytes = b
	return i
}

// Bytes returns i as a big-endian number, with its leading zeros.
func (i *Int) Bytes() []byte { return bytes.Clone(i.bytes) }

// GetBigInt returns i. The length of the value shows.
func (i *Int) GetBigInt() *big.Int { return new(big.Int).SetBytes(i.bytes) }

// Wipe overwrites the number with zeros.
func (i *Int) Wipe() { clear(i.bytes) }

// ExpB sets i to x to the power of the big-endian number y modulo m, and
// returns i. m is odd, and x below it. Only lengths show (package comment).
func (i *Int) ExpB(x *Int, y []byte, m *Int) *Int {
	i.bytes = power(x.bytes, y, m.bytes)
	return i
}

// Exp is ExpB with an exponent that is an Int.
func (i *Int) Exp(x, y, m *Int) *Int { return i.ExpB(x, y.bytes, m) }
