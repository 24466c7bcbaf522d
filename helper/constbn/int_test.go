// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"
	"testing"
)

func number(b []byte) *Int { return new(Int).SetBytes(b) }

func random(t testing.TB, length int) []byte {
	t.Helper()
	b := make([]byte, length)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// check compares a power with math/big's. oracletest does so with the original.
func check(t *testing.T, x, y, m []byte) {
	t.Helper()
	b := func(n []byte) *big.Int { return new(big.Int).SetBytes(n) }
	got := new(Int).ExpB(number(x), y, number(m))
	if want := new(big.Int).Exp(b(x), b(y), b(m)); got.GetBigInt().Cmp(want) != 0 {
		t.Errorf("%x ^ %x mod %x = %x, want %x", x, y, m, got.Bytes(), want)
	}
}

func TestPowerOf2(t *testing.T) {
	for bit := range 8 * combBytes {
		check(t, []byte{2}, new(big.Int).Lsh(big.NewInt(1), uint(bit)).Bytes(), otrPrime)
	}
	for length := range combBytes + 3 {
		check(t, []byte{2}, random(t, length), otrPrime)
		check(t, []byte{2}, bytes.Repeat([]byte{0xff}, length), otrPrime)
		check(t, []byte{2}, make([]byte, length), otrPrime)
	}
}

// What the original did not promise must not panic either: a peer sends bases,
// and a key file has moduli.
func TestOutside(t *testing.T) {
	y := random(t, 40)
	for _, over := range []int{0, 1, 7, 192, 500} {
		x := append(bytes.Repeat([]byte{0xff}, len(otrPrime)), random(t, over)...)
		check(t, x, y, otrPrime)
		check(t, x, y, []byte{0x17})
	}
	for _, m := range [][]byte{nil, {0}, {1}, {0, 0, 1}, {2}, {0x80, 0}, random(t, 20)[:0]} {
		if got := new(Int).ExpB(number([]byte{3}), y, number(m)).GetBigInt(); got.Sign() != 0 {
			t.Errorf("modulo %x: %v, want 0", m, got)
		}
	}
	check(t, []byte{3}, y, append([]byte{0, 0}, otrPrime...))
	check(t, []byte{0, 0, 2}, y, otrPrime)
	check(t, nil, nil, otrPrime)
}

func TestInt(t *testing.T) {
	b := []byte{0, 1, 2, 3}
	i := number(b)
	b[3] = 9
	if got := i.Bytes(); !bytes.Equal(got, []byte{0, 1, 2, 3}) {
		t.Errorf("SetBytes, Bytes: %x", got)
	}
	i.Bytes()[3] = 9
	j := new(Int).Set(i)
	i.Wipe()
	if got := i.GetBigInt(); got.Sign() != 0 {
		t.Errorf("a wiped number is %v", got)
	}
	if got := j.Set(j).GetBigInt().Int64(); got != 0x010203 {
		t.Errorf("Set: %x", got)
	}
	old := j.bytes
	if j.Set(number([]byte{5})); !bytes.Equal(old, make([]byte, 4)) {
		t.Errorf("Set left %x of the number before", old)
	}
	if got := j.SetBigInt(big.NewInt(-0x0a0b)).Bytes(); !bytes.Equal(got, []byte{0x0a, 0x0b}) {
		t.Errorf("SetBigInt: %x", got)
	}
	three, seven := number([]byte{3}), number([]byte{7})
	if got := three.Exp(three, three, seven).GetBigInt().Int64(); got != 6 || seven.GetBigInt().Int64() != 7 {
		t.Errorf("3^3 mod 7 = %d, in place", got)
	}
	if got := new(Int).ExpB(number([]byte{2}), []byte{0}, number(otrPrime)).Bytes(); len(got) != len(otrPrime) {
		t.Errorf("a result has %d bytes, the prime %d", len(got), len(otrPrime))
	}
}

// otr3 keeps the prime and 2 in variables that all conversations share.
func TestConcurrent(t *testing.T) {
	two, m, y := number([]byte{2}), number(otrPrime), random(t, 40)
	want := fmt.Sprintf("%x", new(Int).ExpB(two, y, m).Bytes())
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			if got := fmt.Sprintf("%x", new(Int).ExpB(two, y, m).Bytes()); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}()
	}
	group.Wait()
}

func BenchmarkExpB(b *testing.B) {
	y := random(b, 40)
	m := number(otrPrime)
	for _, base := range []struct {
		name string
		x    *Int
	}{{"2", number([]byte{2})}, {"any", number(random(b, 191))}} {
		b.Run(base.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := uint64(0); b.Loop(); n++ {
				binary.BigEndian.PutUint64(y, n) // none that is kept
				new(Int).ExpB(base.x, y, m)
			}
		})
	}
}
