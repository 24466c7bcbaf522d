// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"crypto/rand"
	"math/big"
	"sync"
	"testing"

	"github.com/coyim/otr3"
)

// firstKey is generated once: its p, q and g serve for all keys of the tests.
var firstKey = sync.OnceValues(func() (*Key, error) { return GenerateKey(rand.Reader) })

// someKeys makes keys, each another one.
func someKeys(t testing.TB, n int) []*Key {
	t.Helper()
	first, err := firstKey()
	if err != nil {
		t.Fatal(err)
	}
	base := first.numbers()
	var out []*Key
	for i := range n {
		x := new(big.Int).Rsh(base[4], uint(i%24)) // of shorter and shorter numbers too
		x.Add(x, big.NewInt(int64(i+1)))
		out = append(out, keyOf(base[0], base[1], base[2], x))
	}
	return out
}

func keyOf(p, q, g, x *big.Int) *Key {
	d := new(otr3.DSAPrivateKey)
	d.PrivateKey.P, d.PrivateKey.Q, d.PrivateKey.G, d.PrivateKey.X = p, q, g, x
	d.PrivateKey.Y = new(big.Int).Exp(g, x, p)
	d.DSAPublicKey.PublicKey = d.PrivateKey.PublicKey
	return &Key{d}
}
