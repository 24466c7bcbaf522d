// SPDX-License-Identifier: GPL-3.0-or-later

package smp

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	"filippo.io/bigmod"
	"github.com/coyim/constbn"
)

// size is the length of a number, in bytes. Group elements and exponents are
// big-endian and all of that length, hashes are shorter.
const size = 192

// group is OTR's: the squares modulo the prime p, of which there are q.
type group struct {
	p, q     *bigmod.Modulus
	bigP     *big.Int
	constP   *constbn.Int
	least    *big.Int // 2 and p - 2 are the bounds of what a peer may send
	most     *big.Int
	constTwo *constbn.Int
}

var otr = sync.OnceValue(func() group {
	p := new(big.Int).SetBytes(constbn.OTRPrime())
	bigP, bigQ := new(big.Int).Set(p), new(big.Int).Rsh(p, 1)
	modP, perr := bigmod.NewModulus(bigP.Bytes())
	modQ, qerr := bigmod.NewModulus(bigQ.Bytes())
	if err := errors.Join(perr, qerr); err != nil {
		panic("smp: " + err.Error())
	}
	two := big.NewInt(2)
	return group{modP, modQ, bigP, new(constbn.Int).SetBigInt(p), two, new(big.Int).Sub(p, two), new(constbn.Int).SetBigInt(two)}
})

// power is base^exponent.
func power(base, exponent []byte) []byte {
	return new(constbn.Int).ExpB(new(constbn.Int).SetBytes(base), exponent, otr().constP).Bytes()
}

// powerOf2 is g1^exponent.
func powerOf2(exponent []byte) []byte {
	return new(constbn.Int).ExpB(otr().constTwo, exponent, otr().constP).Bytes()
}

// product is a*b. Both are below p.
func product(a, b []byte) []byte {
	p := otr().p
	return number(a, p).Mul(number(b, p), p).Bytes(p)
}

// quotient is a/b, of public values.
func quotient(a, b []byte) []byte {
	p := otr().bigP
	x := new(big.Int).ModInverse(new(big.Int).SetBytes(b), p)
	x.Mul(x, new(big.Int).SetBytes(a))
	return x.Mod(x, p).FillBytes(make([]byte, size))
}

// response is r - a*c modulo q. All are below q.
func response(r, a, c []byte) []byte {
	q := otr().q
	return number(r, q).Sub(number(a, q).Mul(number(c, q), q), q).Bytes(q)
}

// number is b, which is below m: drawn so, the result of a computation, or read
// by element or exponent.
func number(b []byte, m *bigmod.Modulus) *bigmod.Nat {
	x, err := bigmod.NewNat().SetBytes(b, m)
	if err != nil {
		panic("smp: a number out of range")
	}
	return x
}

// drawExponent draws an exponent, below q.
func drawExponent(random io.Reader) ([]byte, error) {
	for {
		b := make([]byte, size)
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("cannot draw an exponent: %w", err)
		}
		b[0] &= 0x7f
		if _, err := bigmod.NewNat().SetBytes(b, otr().q); err == nil {
			return b, nil
		}
	}
}

// element is a group element that the peer sent; false: it is none, 1 or -1.
func element(b []byte) ([]byte, bool) {
	x := new(big.Int).SetBytes(b)
	if x.Cmp(otr().least) < 0 || x.Cmp(otr().most) > 0 {
		return nil, false
	}
	return x.FillBytes(make([]byte, size)), true
}

// exponent is the response of a proof that the peer sent: from 1 to below q.
func exponent(b []byte) ([]byte, bool) {
	x := new(big.Int).SetBytes(b)
	if x.Sign() == 0 || x.BitLen() > 8*size {
		return nil, false
	}
	b = x.FillBytes(make([]byte, size))
	_, err := bigmod.NewNat().SetBytes(b, otr().q)
	return b, err == nil
}

// challenge is a hash that the peer sent, with the leading zeros that it lacks.
func challenge(b []byte) ([]byte, bool) {
	x := new(big.Int).SetBytes(b)
	if x.BitLen() > 8*sha256.Size {
		return nil, false
	}
	return x.FillBytes(make([]byte, sha256.Size)), true
}

// hash is SHA256(version, numbers), as the proofs have it.
func hash(version byte, numbers ...[]byte) []byte {
	h := sha256.New()
	h.Write(appendNumbers([]byte{version}, numbers...))
	return h.Sum(nil)
}

// appendNumbers adds MPIs: length, 4 bytes, and number without leading zeros.
func appendNumbers(out []byte, numbers ...[]byte) []byte {
	for _, b := range numbers {
		b = new(big.Int).SetBytes(b).Bytes()
		out = binary.BigEndian.AppendUint32(out, uint32(len(b)))
		out = append(out, b...)
	}
	return out
}
