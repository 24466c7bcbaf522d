// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"sync"

	"filippo.io/bigmod"
)

// otrPrime is the modulus of OTR's key exchange: RFC 3526, group 5, 1536 bits.
var otrPrime = mustHex("" +
	"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
	"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
	"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05" +
	"98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb" +
	"9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff")

// OTRPrime returns OTR's modulus, big-endian. The original has no such function.
func OTRPrime() []byte { return bytes.Clone(otrPrime) }

// The comb for powers of 2 (Lim and Lee, "More flexible exponentiation with
// precomputation", 1994): an exponent of 320 bits is read as 5 rows of 64, a
// column at a time. A table has the product for each pattern of a column; the
// columns are cut into 8 blocks with a table each, so that 8 columns are done
// before a squaring. More rows would make longer tables to be read in full.
const (
	rows    = 5
	columns = 64
	blocks  = 8
	depth   = columns / blocks // columns of a block, squarings plus one
	tableOf = 1 << rows        // entries of a table

	combBytes = rows * columns / 8 // the longest exponent, and the length of each of otr3's
)

type group struct {
	m     *bigmod.Modulus
	limbs int      // of a number modulo m
	comb  [][]uint // of each block, limb 0 of all entries, limb 1 of all...
}

var otrGroup = sync.OnceValue(func() *group {
	m, err := bigmod.NewModulus(otrPrime)
	if err != nil {
		panic("constbn: OTR's prime is no modulus")
	}
	g := &group{m: m, limbs: len(m.Nat().Bits())}
	for b := range blocks {
		g.comb = append(g.comb, g.table(b))
	}
	return g
})

// table returns block b's: entry k is the product of 2^(2^(columns*r +
// depth*b)) over the rows r whose bit in k is set. Nothing here is secret.
func (g *group) table(b int) []uint {
	entries := make([]*bigmod.Nat, tableOf)
	entries[0] = g.nat(1)
	for r := range rows {
		bit := columns*r + depth*b
		exponent := make([]byte, bit/8+1)
		exponent[0] = 1 << (bit % 8)
		tooth := new(bigmod.Nat).Exp(g.nat(2), exponent, g.m)
		for k := range 1 << r {
			x := new(bigmod.Nat).Mod(entries[k], g.m) // a copy
			entries[k|1<<r] = x.Mul(tooth, g.m)
		}
	}
	table := make([]uint, 0, g.limbs*tableOf)
	for j := range g.limbs {
		for _, x := range entries {
			table = append(table, x.Bits()[j])
		}
	}
	return table
}

func (g *group) nat(x uint) *bigmod.Nat { return new(bigmod.Nat).SetUint(x).ExpandFor(g.m) }

func powerInGroup(base, exponent []byte) []byte {
	g := otrGroup()
	switch {
	case len(exponent) <= combBytes && bytes.Equal(base, []byte{2}):
		return g.powerOf2(exponent)
	case len(exponent) == combBytes: // a shared secret
		return shared.power(base, exponent, func() []byte { return raise(base, exponent, g.m) })
	default:
		return raise(base, exponent, g.m)
	}
}

// powerOf2 returns 2^exponent modulo g's prime. The exponent has at most
// combBytes.
func (g *group) powerOf2(exponent []byte) []byte {
	var padded [combBytes]byte
	copy(padded[combBytes-len(exponent):], exponent)
	var row [rows]uint64
	for r := range row {
		row[r] = binary.BigEndian.Uint64(padded[columns/8*(rows-1-r):])
	}
	x, factor := g.nat(1), g.nat(0)
	for d := depth - 1; d >= 0; d-- {
		x.Mul(x, g.m)
		for b, table := range g.comb {
			pick(factor.Bits(), table, pattern(&row, depth*b+d))
			x.Mul(factor, g.m)
		}
	}
	return output(x, g.m)
}

// pattern returns the bits of a column, that of row 0 the lowest.
func pattern(row *[rows]uint64, column int) uint {
	var p uint64
	for r, bits := range row {
		p |= (bits >> column & 1) << r
	}
	return uint(p)
}

// pick sets out to entry k of a table, and reads all of them.
func pick(out, table []uint, k uint) {
	var masks [tableOf]uint
	for i := range masks {
		masks[i] = -uint(subtle.ConstantTimeEq(int32(k), int32(i)))
	}
	for j := range out {
		limbs := table[:tableOf]
		var limb uint
		for i, mask := range masks {
			limb |= limbs[i] & mask
		}
		out[j] = limb
		table = table[tableOf:]
	}
}

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("constbn: " + err.Error())
	}
	return b
}
