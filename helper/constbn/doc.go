// SPDX-License-Identifier: GPL-3.0-or-later

// Package constbn stands in for github.com/coyim/constbn, with which otr3 does
// its Diffie-Hellman: the same names, several times as fast. go.mod of
// purple-onion replaces the one by the other. It does arithmetic alone: no
// randomness, no files, and it prints nothing.
//
// It raises to a power in two ways. A power of 2 modulo OTR's prime (each new
// key of ours) reads a table of 256 products that is made once, at first use:
// 7 squarings and 64 multiplications. Everything else, above all the shared
// secret, is filippo.io/bigmod's Exp: Go's own arithmetic behind crypto/rsa,
// in assembly where there is some.
//
// # What is constant in what
//
// ExpB and Exp take the same steps, and touch the same memory in the same
// order, whatever the value of the exponent. They depend on its number of bytes
// (otr3's have 40, leading zeros included); on the length in bytes of base and
// modulus, which OTR sends in the clear; on the modulus' bit length and whether
// it is odd; on whether it is OTR's prime and the base 2; on whether the base
// is below the modulus; on whether the result is kept from before ("Results that
// are kept"). This is so because:
//
//   - bigmod multiplies, reduces and selects without a branch or an address
//     that depends on a number's value; Exp looks a window of the exponent up
//     by reading the whole of its own table;
//   - so does pick with each of our tables, by masks;
//   - a multiplication by a table's 1 is done like any other;
//   - bits of the exponent meet only shifts, masks and subtle.ConstantTimeEq.
//
// This assumes that the machine's multiplication takes the same time for all
// operands, as constbn did, and that the compiler makes no branches of masks.
// The second is tested: TestSecret has valgrind follow an exponent through the
// compiled code and report each branch and address that depends on it; it finds
// those in math/big, and none here but whether a result is kept.
//
// SetBytes, Bytes, Set and Wipe depend on lengths only. SetBigInt and GetBigInt
// go through math/big, which drops leading zero bytes, so the length of the
// value may show; otr3 calls them with public values and with results. What
// otr3 does without this package is not constant-time: the zero-knowledge
// proofs of SMP, and DSA, are math/big's.
//
// Intermediate values are not wiped, nor did constbn wipe them: Go may have
// copied them anyway.
//
// # Results that are kept
//
// otr3 raises to a power for each message, sent or received, where libotr keeps
// the keys of a session as long as the key pairs last. So that many messages in
// a row, or a flood of forged ones, cost one power, the last 8 shared secrets
// are kept for at most a minute, and then overwritten; found by a hash of base
// and exponent, compared in constant time. Whether one was kept shows in the
// time: whether two messages have the same keys, which they say in the clear.
//
// The price: for up to a minute after otr3 has wiped an exponent, its shared
// secret is still in memory, and with it what was said under that pair of keys
// can be read by someone who reads the memory and has recorded the lines. otr3
// itself does not wipe it but leaves it to the garbage collector. Kept are
// powers in OTR's group with an exponent of 40 bytes alone, so nothing of SMP or
// DSA.
//
// # Differences
//
// Results are the same as the original's for an odd modulus and a base below
// it, which is all that the original promised; oracletest compares the two.
// Outside of that a base is reduced, and a modulus that is even or below 2
// gives 0, where the original gave other numbers or panicked. Bytes has as many
// bytes as the number was given with, or as the modulus has, the original more
// zeros before them.
package constbn
