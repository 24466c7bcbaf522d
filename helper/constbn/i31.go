// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

// The original's own arithmetic worked on slices of Base in BearSSL's i31
// format, and these five functions let callers do the same. otr3 calls none of
// them. In i31, x[0] is the number's bit length k, encoded as k/31<<5 + k%31,
// and x[1], x[2]... are its digits of 31 bits, the lowest first.

// Base is one word of a number in i31 format.
type Base uint32

const (
	digit     = 31 // bits of a word that are used
	digitMask = Base(1)<<digit - 1
)

// digits returns the number of digits that a header announces.
func digits(header Base) int { return int(header+31) >> 5 }

// Decode sets x to the big-endian number src. x has room for the header and
// for each 31 bits of src.
func Decode(x []Base, src []byte) {
	var held uint64
	var n, used int
	for i := len(src) - 1; i >= 0; i-- {
		held |= uint64(src[i]) << n
		n += 8
		if n >= digit {
			used++
			x[used] = Base(held) & digitMask
			held >>= digit
			n -= digit
		}
	}
	if n > 0 {
		used++
		x[used] = Base(held)
	}
	x[0] = header(x[1 : 1+used])
}

// header returns the encoded bit length of a number, in the same steps for all
// numbers of as many digits.
func header(number []Base) Base {
	var h Base
	for i, d := range number {
		for bit := Base(0); bit < digit; bit++ {
			set := -(d >> bit & 1)
			h ^= set & (h ^ (Base(i)<<5 + bit + 1))
		}
	}
	return h
}

// Encode sets dst to the big-endian number x, cut off or with zeros before it.
func Encode(dst []byte, x []Base) {
	var held uint64
	var n int
	next := 1
	for i := len(dst) - 1; i >= 0; i-- {
		if n < 8 && next <= digits(x[0]) {
			held |= uint64(x[next]) << n
			next++
			n += digit
		}
		dst[i] = byte(held)
		held >>= 8
		n -= 8
	}
}

// Ninv returns -1/x modulo 2^31, and 0 for an even x.
func Ninv(x Base) Base {
	y := x // right in the lowest three bits, then in twice as many each time
	for range 4 {
		y *= 2 - x*y
	}
	return -y & -(x & 1) & digitMask
}

// ModpowInt sets x to x to the power of the big-endian e modulo m. The other
// arguments, Ninv(m[1]) and scratch space, are not used.
func ModpowInt(x []Base, e []byte, m []Base, _ Base, _, _ []Base) {
	n := digits(m[0])
	number := make([]Base, n+1)
	copy(number, x[:n+1])
	number[0] = m[0]
	modulus := make([]byte, (digit*n+7)/8)
	base := make([]byte, len(modulus))
	Encode(modulus, m)
	Encode(base, number)
	result := power(base, e, modulus)
	wide := make([]Base, 2+8*len(result)/digit)
	Decode(wide, result)
	clear(x[1 : n+1])
	copy(x[1:n+1], wide[1:])
	x[0] = m[0]
}

// ModpowOpt is ModpowInt with the scratch space in one piece. It returns 1, or
// 0 where tmp is shorter than two numbers with the length of m.
func ModpowOpt(x []Base, e []byte, m []Base, m0i Base, tmp []Base) Base {
	words := digits(m[0]) + 1
	if words += words & 1; len(tmp) < 2*words {
		return 0
	}
	ModpowInt(x, e, m, m0i, nil, nil)
	return 1
}
