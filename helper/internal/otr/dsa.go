// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	"filippo.io/bigmod"
	"github.com/coyim/constbn"
	"github.com/coyim/otr3"
)

// DSA with a prime of 1024 bits and a subgroup of 160 (FIPS 186-4), the only
// signature of OTRv3. crypto/dsa makes keys slowly and signs in a time that
// depends on the key and the nonce; verifying, which is about public values, is
// left to it.
const (
	primeBytes = 128
	orderBytes = 20
)

var errKeyNumbers = errors.New("the numbers of the key are not those of a DSA key of 1024 and 160 bits")

// signer is the key as otr3 is given it.
type signer struct{ *otr3.DSAPrivateKey }

// Sign implements otr3.PrivateKey.
func (s signer) Sign(random io.Reader, hash []byte) ([]byte, error) {
	return sign(random, s.DSAPrivateKey, hash)
}

// sign returns r and s, 20 bytes each (FIPS 186-4, section 4.6, but that the
// hash is taken modulo q: OTRv3, "Public keys, signatures, and fingerprints").
// How long it takes depends on neither the key nor the nonce. A nonce that is
// out of range is drawn again, which says nothing of the one that is taken.
func sign(random io.Reader, key *otr3.DSAPrivateKey, hash []byte) ([]byte, error) {
	n := key.PrivateKey
	p, perr := oddModulus(n.P, primeBytes)
	q, qerr := oddModulus(n.Q, orderBytes)
	if err := errors.Join(perr, qerr); err != nil {
		return nil, err
	}
	if n.G.Cmp(n.P) >= 0 || n.X.Cmp(n.Q) >= 0 {
		return nil, errKeyNumbers
	}
	g, gerr := bigmod.NewNat().SetBytes(n.G.Bytes(), p)
	x, xerr := bigmod.NewNat().SetBytes(n.X.FillBytes(make([]byte, orderBytes)), q)
	z, zerr := bigmod.NewNat().SetBytes(new(big.Int).Mod(new(big.Int).SetBytes(hash), n.Q).Bytes(), q)
	if err := errors.Join(gerr, xerr, zerr); err != nil {
		return nil, err
	}
	fermat := new(big.Int).Sub(n.Q, big.NewInt(2)).Bytes() // inverts modulo a prime
	for range 100 {
		var nonce [orderBytes]byte
		if _, err := io.ReadFull(random, nonce[:]); err != nil {
			return nil, fmt.Errorf("cannot draw a nonce: %w", err)
		}
		k, err := bigmod.NewNat().SetBytes(nonce[:], q)
		if err != nil {
			continue // not below q
		}
		r := bigmod.NewNat().Mod(bigmod.NewNat().Exp(g, nonce[:], p), q)
		s := bigmod.NewNat().Mod(r, q).Mul(x, q).Add(z, q).Mul(bigmod.NewNat().Exp(k, fermat, q), q)
		if r.IsZero() == 0 && s.IsZero() == 0 {
			return append(r.Bytes(q), s.Bytes(q)...), nil
		}
	}
	return nil, errKeyNumbers
}

func oddModulus(n *big.Int, length int) (*bigmod.Modulus, error) {
	if n.BitLen() != 8*length || n.Bit(0) == 0 {
		return nil, errKeyNumbers
	}
	return bigmod.NewModulus(n.Bytes())
}

// generate makes a key with parameters of its own, as libotr does.
func generate(random io.Reader) (*otr3.DSAPrivateKey, error) {
	p, q, g, err := generateParameters(random)
	if err != nil {
		return nil, err
	}
	var x []byte
	for n := new(big.Int); n.Sign() == 0 || n.Cmp(q) >= 0; n.SetBytes(x) {
		if x, err = draw(random, orderBytes); err != nil {
			return nil, err
		}
	}
	key := new(otr3.DSAPrivateKey)
	k := &key.PrivateKey
	k.P, k.Q, k.G, k.X = p, q, g, new(big.Int).SetBytes(x)
	k.Y = public(p, g, k.X)
	key.DSAPublicKey.PublicKey = k.PublicKey
	return key, nil
}

// public is y, the public half that belongs to x.
func public(p, g, x *big.Int) *big.Int {
	modulus, base := new(constbn.Int).SetBigInt(p), new(constbn.Int).SetBigInt(g)
	return new(constbn.Int).ExpB(base, x.FillBytes(make([]byte, orderBytes)), modulus).GetBigInt()
}

// generateParameters draws q, and then p until p is prime, q divides p - 1 and
// both have their length. Primes are tested as FIPS 186-4, table C.1, asks where
// there is a Lucas test too (3 rounds for p, 19 for q), or more. Nothing here is
// secret.
func generateParameters(random io.Reader) (p, q, g *big.Int, err error) {
	one := big.NewInt(1)
	p, q, g = new(big.Int), new(big.Int), big.NewInt(1)
	for !q.ProbablyPrime(20) {
		b, err := draw(random, orderBytes)
		if err != nil {
			return nil, nil, nil, err
		}
		q.SetBytes(b).SetBit(q, 8*orderBytes-1, 1).SetBit(q, 0, 1)
	}
	twice := new(big.Int).Lsh(q, 1)
	for p.BitLen() != 8*primeBytes || hasSmallFactor(p) || !p.ProbablyPrime(8) {
		b, err := draw(random, primeBytes)
		if err != nil {
			return nil, nil, nil, err
		}
		p.SetBytes(b).SetBit(p, 8*primeBytes-1, 1)
		p.Sub(p, new(big.Int).Mod(p, twice)).Add(p, one)
	}
	cofactor := new(big.Int).Div(p, q)
	for h := big.NewInt(2); g.Cmp(one) == 0; h.Add(h, one) {
		g.Exp(h, cofactor, p)
	}
	return p, q, g, nil
}

func draw(random io.Reader, length int) ([]byte, error) {
	b := make([]byte, length)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("cannot draw a number: %w", err)
	}
	return b, nil
}

// word is a product of small primes that fits into 64 bits.
type word struct {
	product *big.Int
	primes  []uint64
}

// sieve has the primes up to 10000, except 2. math/big divides by those up to
// 53; each number that is found out here is spared a power.
var sieve = sync.OnceValue(func() (words []word) {
	w := word{product: big.NewInt(1)}
	for n := uint64(3); n < 10000; n += 2 {
		prime := new(big.Int).SetUint64(n)
		if !prime.ProbablyPrime(0) { // right for all below 2^64
			continue
		}
		if w.product.BitLen()+prime.BitLen() > 64 {
			words, w = append(words, w), word{product: big.NewInt(1)}
		}
		w.product.Mul(w.product, prime)
		w.primes = append(w.primes, n)
	}
	return append(words, w)
})

// hasSmallFactor says whether n, which is large, is divided by a prime of sieve.
func hasSmallFactor(n *big.Int) bool {
	rest := new(big.Int)
	for _, w := range sieve() {
		r := rest.Mod(n, w.product).Uint64()
		for _, prime := range w.primes {
			if r%prime == 0 {
				return true
			}
		}
	}
	return false
}
