// SPDX-License-Identifier: GPL-3.0-or-later

package smp

import "bytes"

// The zero-knowledge proofs. Each hash has a number of its own ("version"), so
// that none can stand in another's place. A proof is a challenge, the hash, and
// one response or two.

// knows proves that the prover knows a, by r drawn for this alone: its public
// half is g1^a.
func knows(version byte, a, r []byte) (c, d []byte) {
	c = hash(version, powerOf2(r))
	return c, response(r, a, c)
}

func knowsHolds(version byte, public, c, d []byte) bool {
	return bytes.Equal(c, hash(version, product(powerOf2(d), power(public, c))))
}

// coordinates are P = g3^r4 and Q = g1^r4 * g2^secret, with the proof that they
// were made so, whatever the secret.
type coordinates struct{ p, q, c, d5, d6 []byte }

func newCoordinates(version byte, g2, g3, secret, r4, r5, r6 []byte) coordinates {
	made := func(exponent, second []byte) ([]byte, []byte) {
		return power(g3, exponent), product(powerOf2(exponent), power(g2, second))
	}
	var k coordinates
	k.p, k.q = made(r4, secret)
	p, q := made(r5, r6)
	k.c = hash(version, p, q)
	k.d5, k.d6 = response(r5, r4, k.c), response(r6, secret, k.c)
	return k
}

func (k coordinates) hold(version byte, g2, g3 []byte) bool {
	p := product(power(g3, k.d5), power(k.p, k.c))
	q := product(product(powerOf2(k.d5), power(g2, k.d6)), power(k.q, k.c))
	return bytes.Equal(k.c, hash(version, p, q))
}

// blinded is R = (Qa/Qb)^a3, with the proof that a3 is the exponent of the
// prover's g3 too.
type blinded struct{ r, c, d []byte }

func newBlinded(version byte, qaqb, a3, r7 []byte) blinded {
	b := blinded{r: power(qaqb, a3), c: hash(version, powerOf2(r7), power(qaqb, r7))}
	b.d = response(r7, a3, b.c)
	return b
}

func (b blinded) holds(version byte, qaqb, g3 []byte) bool {
	return bytes.Equal(b.c, hash(version,
		product(powerOf2(b.d), power(g3, b.c)),
		product(power(qaqb, b.d), power(b.r, b.c))))
}
