// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

// count returns a function that counts its calls and returns result.
func count(result ...byte) (raise func() []byte, calls *int) {
	calls = new(int)
	return func() []byte { *calls++; return bytes.Clone(result) }, calls
}

func TestRecent(t *testing.T) {
	r := recent{keep: time.Hour}
	raise, calls := count(7, 8)
	first := r.power([]byte{3}, []byte{4, 5}, raise)
	first[0] = 99 // the caller's own
	if again := r.power([]byte{3}, []byte{4, 5}, raise); *calls != 1 || !bytes.Equal(again, []byte{7, 8}) {
		t.Errorf("%d calls, %x", *calls, again)
	} else {
		again[0] = 99
	}
	if again := r.power([]byte{3}, []byte{4, 5}, raise); *calls != 1 || !bytes.Equal(again, []byte{7, 8}) {
		t.Errorf("what was returned is shared: %x", again)
	}
	for _, other := range [][2][]byte{{{3}, {4, 6}}, {{2}, {4, 5}}, {{3, 4}, {5}}, {nil, {3, 4, 5}}} {
		raise, calls := count(9)
		if got := r.power(other[0], other[1], raise); *calls != 1 || !bytes.Equal(got, []byte{9}) {
			t.Errorf("%x ^ %x was taken for another power", other[0], other[1])
		}
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := recent{keep: time.Hour}
	raise, calls := count(1, 2, 3)
	r.power([]byte{0}, nil, raise)
	oldest := r.kept[0].bytes
	for i := range keptResults {
		r.power([]byte{byte(i + 1)}, nil, raise)
	}
	if !bytes.Equal(oldest, make([]byte, 3)) {
		t.Errorf("%x is left of a result that made room", oldest)
	}
	if r.power([]byte{1}, nil, raise); *calls != keptResults+1 {
		t.Error("the second oldest is forgotten")
	}
	if r.power([]byte{0}, nil, raise); *calls != keptResults+2 {
		t.Error("the oldest is not forgotten")
	}
}

func TestRecentForgetsInTime(t *testing.T) {
	r := recent{keep: time.Millisecond}
	raise, _ := count(1, 2, 3)
	r.power(nil, nil, raise)
	r.mu.Lock()
	kept := r.kept[0].bytes // nil where it is forgotten already
	r.mu.Unlock()
	deadline := time.Now().Add(time.Minute)
	for left := true; left; {
		if time.Now().After(deadline) {
			t.Fatal("a result is kept for ever")
		}
		time.Sleep(time.Millisecond)
		r.mu.Lock()
		left = r.kept[0].bytes != nil || len(bytes.Trim(kept, "\x00")) > 0
		r.mu.Unlock()
	}
}

func TestRecentConcurrent(t *testing.T) {
	r := recent{keep: time.Millisecond}
	var group sync.WaitGroup
	for range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 2000 {
				b := byte(i % 11)
				if got := r.power([]byte{b}, nil, func() []byte { return []byte{b, 1} }); !bytes.Equal(got, []byte{b, 1}) {
					t.Errorf("power of %d is %x", b, got)
				}
			}
		}()
	}
	group.Wait()
}

// What is kept: shared secrets of OTR, that is 40 bytes of exponent in its group;
// nothing of SMP, DSA, or our own public keys.
func TestWhatIsKept(t *testing.T) {
	other := append(bytes.Clone(otrPrime[1:]), 1)
	for _, tc := range []struct {
		base, modulus []byte
		exponent      int
		kept          bool
	}{
		{[]byte{5}, otrPrime, 40, true},
		{[]byte{2}, otrPrime, 40, false},
		{[]byte{5}, otrPrime, 32, false},
		{[]byte{5}, otrPrime, 192, false},
		{[]byte{5}, other, 40, false},
	} {
		y := random(t, tc.exponent)
		new(Int).ExpB(number(tc.base), y, number(tc.modulus))
		of := hashOf(tc.base, y)
		if kept := shared.recall(&of) != nil; kept != tc.kept {
			t.Errorf("%x to the power of %d bytes: kept %t", tc.base, tc.exponent, kept)
		}
	}
	y := random(t, 40)
	want := fmt.Sprintf("%x", raise([]byte{5}, y, otrGroup().m))
	for range 2 {
		if got := fmt.Sprintf("%x", new(Int).ExpB(number([]byte{5}), y, number(otrPrime)).Bytes()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
