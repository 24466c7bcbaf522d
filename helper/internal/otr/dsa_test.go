// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	"testing"
	"testing/iotest"

	"github.com/coyim/otr3"
)

func TestGenerate(t *testing.T) {
	keys := testKeys()
	for i, k := range keys {
		key := k.dsa.PrivateKey
		one := big.NewInt(1)
		rest := new(big.Int).Mod(new(big.Int).Sub(key.P, one), key.Q)
		if key.P.BitLen() != 1024 || key.Q.BitLen() != 160 || rest.Sign() != 0 || !key.P.ProbablyPrime(30) || !key.Q.ProbablyPrime(30) {
			t.Errorf("p %x, q %x", key.P, key.Q)
		}
		if key.G.Cmp(one) <= 0 || key.G.Cmp(key.P) >= 0 || new(big.Int).Exp(key.G, key.Q, key.P).Cmp(one) != 0 {
			t.Errorf("the order of %x is not q", key.G)
		}
		if key.X.Sign() <= 0 || key.X.Cmp(key.Q) >= 0 || new(big.Int).Exp(key.G, key.X, key.P).Cmp(key.Y) != 0 {
			t.Errorf("y is not g^x")
		}
		for _, other := range keys[:i] {
			if other.dsa.PrivateKey.P.Cmp(key.P) == 0 || other.dsa.X.Cmp(key.X) == 0 {
				t.Error("two keys have a number in common")
			}
		}
		again := new(otr3.DSAPrivateKey)
		if rest, ok := again.Parse(k.dsa.Serialize()); !ok || len(rest) > 0 || !bytes.Equal(again.PublicKey().Fingerprint(), k.dsa.PublicKey().Fingerprint()) {
			t.Error("otr3 does not read the key back")
		}
	}
	broken := errors.New("no randomness")
	for _, r := range []io.Reader{iotest.ErrReader(broken), io.MultiReader(io.LimitReader(rand.Reader, 3*orderBytes), iotest.ErrReader(broken))} {
		if _, err := GenerateKey(r); !errors.Is(err, broken) {
			t.Errorf("without randomness: %v", err)
		}
	}
}

func TestSign(t *testing.T) {
	k := signer{testKeys()[0].dsa}
	for i := range 50 {
		hash := bytes.Repeat([]byte{byte(i * 5)}, []int{32, 20, 1, 64}[i%4])
		sig, err := k.Sign(rand.Reader, hash)
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := k.PublicKey().Verify(hash, sig); !ok || len(rest) > 0 { // by crypto/dsa
			t.Errorf("signature %x of %x is not valid", sig, hash)
		}
		if other, _ := k.Sign(rand.Reader, hash); bytes.Equal(sig[:20], other[:20]) {
			t.Fatal("the same nonce twice")
		}
	}
}

// A nonce out of range must not be made to fit: nonces that are not evenly
// spread give the key away.
func TestSignDrawsAgain(t *testing.T) {
	key := testKeys()[0].dsa
	good := bytes.Repeat([]byte{0x35}, orderBytes)
	for _, bad := range [][]byte{bytes.Repeat([]byte{0xff}, orderBytes), key.PrivateKey.Q.Bytes(), make([]byte, orderBytes)} {
		want, err := sign(bytes.NewReader(good), key, []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sign(bytes.NewReader(append(bad, good...)), key, []byte("text")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("after nonce %x: %x, %v, want %x", bad, got, err, want)
		}
	}
	if _, err := sign(bytes.NewReader(make([]byte, 10)), key, nil); err == nil {
		t.Error("signed without a nonce")
	}
}

type numbers struct{ P, Q, G, X *big.Int }

func TestSignBadKey(t *testing.T) {
	good := testKeys()[0].dsa
	for name, change := range map[string]func(*numbers){
		"p even":   func(k *numbers) { k.P = new(big.Int).Sub(k.P, big.NewInt(1)) },
		"q even":   func(k *numbers) { k.Q = new(big.Int).Sub(k.Q, big.NewInt(1)) },
		"q long":   func(k *numbers) { k.Q = k.P },
		"p short":  func(k *numbers) { k.P = k.Q },
		"g beyond": func(k *numbers) { k.G = k.P },
		"x beyond": func(k *numbers) { k.X = k.Q },
		"g is 0":   func(k *numbers) { k.G = new(big.Int) },
		"q is 0":   func(k *numbers) { k.Q = new(big.Int) },
	} {
		key := *good
		n := numbers{key.PrivateKey.P, key.PrivateKey.Q, key.PrivateKey.G, key.X}
		change(&n)
		key.PrivateKey.P, key.PrivateKey.Q, key.PrivateKey.G, key.X = n.P, n.Q, n.G, n.X
		if sig, err := sign(rand.Reader, &key, []byte("text")); err == nil {
			t.Errorf("%s: signed %x", name, sig)
		}
	}
}

func TestSmallFactors(t *testing.T) {
	large := new(big.Int).Lsh(big.NewInt(1), 1100)
	for n := int64(1); n < 10000; n++ {
		odd := n
		for odd%2 == 0 {
			odd /= 2
		}
		if got := hasSmallFactor(new(big.Int).Mul(large, big.NewInt(n))); got != (odd > 1) {
			t.Fatalf("2^1100 * %d: %t", n, got)
		}
	}
}
