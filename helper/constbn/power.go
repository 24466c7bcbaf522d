// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"math/bits"

	"filippo.io/bigmod"
)

// power returns base to the power of exponent modulo modulus, all big-endian,
// with as many bytes as the modulus has without its leading zeros; 0 where the
// modulus is even or below 2.
func power(base, exponent, modulus []byte) []byte {
	if bytes.Equal(modulus, otrPrime) { // a public value, and otr3 has but this one
		return powerInGroup(base, exponent)
	}
	m, err := bigmod.NewModulus(modulus)
	if err != nil || m.Nat().IsOdd() == 0 {
		return make([]byte, len(modulus))
	}
	return raise(base, exponent, m)
}

func raise(base, exponent []byte, m *bigmod.Modulus) []byte {
	return output(new(bigmod.Nat).Exp(reduced(base, m), exponent, m), m)
}

// output returns x in as many bytes as m has. bigmod's own Bytes branches on
// what lies above them, in a number whose length is not one of whole words.
func output(x *bigmod.Nat, m *bigmod.Modulus) []byte {
	const size = bits.UintSize / 8
	b := make([]byte, m.Size())
	for i := range b {
		b[len(b)-1-i] = byte(x.Bits()[i/size] >> (i % size * 8))
	}
	return b
}

// reduced returns b modulo m.
func reduced(b []byte, m *bigmod.Modulus) *bigmod.Nat {
	if x, err := new(bigmod.Nat).SetBytes(b, m); err == nil {
		return x // below m, as it should be
	}
	// Taken in modulo a power of 2 that it is below.
	wide, err := bigmod.NewModulus(append([]byte{1}, make([]byte, len(b))...))
	if err != nil {
		panic("constbn: 256 to a power is no modulus") // b has at least a byte here
	}
	x, err := new(bigmod.Nat).SetBytes(b, wide)
	if err != nil {
		panic("constbn: a number is not below 256 to the power of its length")
	}
	return new(bigmod.Nat).Mod(x, m)
}
