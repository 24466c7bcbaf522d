// SPDX-License-Identifier: GPL-3.0-or-later

package oracletest

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	original "github.com/coyim/constbn"
	ours "purpleonion.org/constbn"
)

// powers compares both on base, exponent and modulus, made fit for the
// original: an odd modulus above 1, and a base below it.
func powers(t *testing.T, base, exponent, modulus []byte) {
	t.Helper()
	m := new(big.Int).SetBytes(modulus)
	if m.SetBit(m, 0, 1); m.BitLen() < 2 {
		m.SetInt64(3)
	}
	x := new(big.Int).SetBytes(base)
	x.Mod(x, m)
	want := new(original.Int).ExpB(new(original.Int).SetBigInt(x), exponent, new(original.Int).SetBigInt(m))
	got := new(ours.Int).ExpB(new(ours.Int).SetBigInt(x), exponent, new(ours.Int).SetBigInt(m))
	if want.GetBigInt().Cmp(got.GetBigInt()) != 0 {
		t.Fatalf("%x ^ %x mod %x = %x, the original says %x", x, exponent, m, got.Bytes(), want.Bytes())
	}
	if third := new(big.Int).Exp(x, new(big.Int).SetBytes(exponent), m); third.Cmp(got.GetBigInt()) != 0 {
		t.Fatalf("%x ^ %x mod %x = %x, math/big says %x", x, exponent, m, got.Bytes(), third)
	}
	lowLevel(t, x.Bytes(), exponent, m.Bytes())
}

// lowLevel compares what works on slices of digits.
func lowLevel(t *testing.T, base, exponent, modulus []byte) {
	t.Helper()
	mo, mu := make([]original.Base, len(modulus)+2), make([]ours.Base, len(modulus)+2)
	original.Decode(mo, modulus)
	ours.Decode(mu, modulus)
	same(t, "Decode", mo, mu)
	n := (mo[0] + 63) >> 5
	xo, xu := make([]original.Base, len(modulus)+2), make([]ours.Base, len(modulus)+2)
	original.Decode(xo, base)
	ours.Decode(xu, base)
	same(t, "Decode", xo, xu)
	xo[0], xu[0] = mo[0], mu[0]

	io, iu := original.Ninv(mo[1]), ours.Ninv(mu[1])
	if uint32(io) != uint32(iu) {
		t.Fatalf("Ninv(%d) = %d, the original says %d", mu[1], iu, io)
	}
	ro, ru := slices.Clone(xo), slices.Clone(xu)
	original.ModpowInt(ro, exponent, mo, io, make([]original.Base, n), make([]original.Base, n))
	ours.ModpowInt(ru, exponent, mu, iu, make([]ours.Base, n), make([]ours.Base, n))
	same(t, "ModpowInt", ro[:n], ru[:n])

	for _, room := range []original.Base{2*n - 1, 2*n + 2} {
		so, su := slices.Clone(xo), slices.Clone(xu)
		do := original.ModpowOpt(so, exponent, mo, io, make([]original.Base, room))
		du := ours.ModpowOpt(su, exponent, mu, iu, make([]ours.Base, room))
		if uint32(do) != uint32(du) {
			t.Fatalf("ModpowOpt with %d words for %d answers %d, the original %d", room, n, du, do)
		}
		if do == 1 {
			same(t, "ModpowOpt", so[:n], su[:n])
		}
	}
	for _, length := range []int{0, 1, len(modulus) / 2, len(modulus), len(modulus) + 5} {
		wantBytes, gotBytes := make([]byte, length), make([]byte, length)
		original.Encode(wantBytes, ro)
		ours.Encode(gotBytes, ru)
		if !bytes.Equal(wantBytes, gotBytes) {
			t.Fatalf("Encode of %x in %d bytes: %x, the original says %x", ru, length, gotBytes, wantBytes)
		}
	}
}

func same(t *testing.T, what string, want []original.Base, got []ours.Base) {
	t.Helper()
	for i := range want {
		if uint32(want[i]) != uint32(got[i]) {
			t.Fatalf("%s: %x, the original says %x", what, got, want)
		}
	}
}

var otrPrime, _ = new(big.Int).SetString("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"+
	"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"+
	"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"+
	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05"+
	"98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"+
	"9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff", 16)

// edges are the numbers where a carry, a borrow or a window may go wrong.
func edges(length int) [][]byte {
	ones := bytes.Repeat([]byte{0xff}, length)
	top, low := make([]byte, length), make([]byte, length)
	top[0], low[length-1] = 0x80, 1
	alternate := bytes.Repeat([]byte{0xaa}, length)
	return [][]byte{nil, {0}, {1}, {2}, make([]byte, length), ones, top, low, alternate, ones[1:], append([]byte{0}, ones...)}
}

func TestOTRGroup(t *testing.T) {
	minus := func(d int64) []byte { return new(big.Int).Sub(otrPrime, big.NewInt(d)).Bytes() }
	bases := [][]byte{{0}, {1}, {2}, {3}, minus(1), minus(2), {1, 0, 0, 0, 0, 0, 0, 0, 0}}
	for _, exponent := range edges(40) {
		for _, base := range bases {
			powers(t, base, exponent, otrPrime.Bytes())
		}
	}
	for bit := range 320 { // each tooth of the comb by itself
		powers(t, []byte{2}, new(big.Int).Lsh(big.NewInt(1), uint(bit)).FillBytes(make([]byte, 40)), otrPrime.Bytes())
	}
}

func TestOtherModuli(t *testing.T) {
	for _, length := range []int{1, 2, 7, 8, 9, 20, 31, 64, 127, 128, 129, 192} {
		for _, modulus := range edges(length) {
			for _, base := range edges(length) {
				powers(t, base, []byte{0xa5, 0x01}, modulus)
				powers(t, base, nil, modulus)
			}
		}
	}
}

func TestNinv(t *testing.T) {
	for i := range uint32(1000) {
		x := i * 0x9e3779b9 >> 1
		if want, got := original.Ninv(original.Base(x)), ours.Ninv(ours.Base(x)); uint32(want) != uint32(got) {
			t.Fatalf("Ninv(%d) = %d, the original says %d", x, got, want)
		}
	}
}

// TestRandom draws from a seed that it prints, so that a failure comes again.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	draw := func(length int) []byte {
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for range 60 {
		powers(t, []byte{2}, draw(40), otrPrime.Bytes())
		powers(t, draw(192), draw(40), otrPrime.Bytes())
		powers(t, draw(128), draw(20), draw(128))
		powers(t, draw(r.IntN(60)), draw(r.IntN(60)), draw(r.IntN(60)))
	}
}

func FuzzPower(f *testing.F) {
	f.Add([]byte{2}, []byte{5}, otrPrime.Bytes())
	f.Add([]byte{0xff, 0xff}, []byte{}, []byte{1, 0, 0})
	f.Add([]byte{3}, bytes.Repeat([]byte{0xff}, 40), otrPrime.Bytes())
	f.Fuzz(func(t *testing.T, base, exponent, modulus []byte) {
		if len(exponent) > 64 || len(modulus) > 256 {
			return // too slow
		}
		powers(t, base, exponent, modulus)
	})
}
