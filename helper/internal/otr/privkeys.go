// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/coyim/otr3"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// keyFile is otr.private_key as it was read.
type keyFile struct {
	data    []byte
	root    *sexp // nil: nothing but white space
	entries []keyEntry
}

// keyEntry is one account list of it.
type keyEntry struct {
	account        policy.Account
	name, protocol *sexp
	line           int
	numbers        [5]*big.Int
}

// numberNames are the numbers of a key, in the order in which libotr writes
// them.
var numberNames = [5]string{"p", "q", "g", "y", "x"}

var errNoKeyFile = errors.New("it is not libotr's file of private keys")

// parseKeys reads otr.private_key as libotr does; what libotr does not know in
// it is kept.
func parseKeys(data []byte) (*keyFile, error) {
	root, err := parseSexp(data)
	if err != nil || root == nil {
		return &keyFile{data: data}, err
	}
	if !root.begins("privkeys") {
		return nil, &lineError{root.line, errNoKeyFile}
	}
	f := &keyFile{data: data, root: root}
	for _, n := range root.list[1:] {
		e, err := readKeyEntry(n)
		if err != nil {
			return nil, &lineError{n.line, err}
		}
		f.entries = append(f.entries, e)
	}
	return f, nil
}

func readKeyEntry(n *sexp) (keyEntry, error) {
	if !n.begins("account") {
		return keyEntry{}, errors.New("what stands here is no account")
	}
	e := keyEntry{name: n.find("name").value(), protocol: n.find("protocol").value(), line: n.line}
	if e.name == nil || e.protocol == nil {
		return keyEntry{}, errors.New("an account without a name or a protocol")
	}
	e.account = policy.Account{Protocol: cText(e.protocol.atom), Name: cText(e.name.atom)}
	private := n.find("private-key")
	if private == nil {
		return keyEntry{}, errors.New("an account without a private key")
	}
	dsa := private.find("dsa")
	if dsa == nil {
		return keyEntry{}, errors.New("a private key that is not DSA")
	}
	for i, name := range numberNames {
		v := dsa.find(name).value()
		if v == nil {
			return keyEntry{}, fmt.Errorf("a private key without %s", name)
		}
		e.numbers[i] = new(big.Int).SetBytes(v.atom)
	}
	if err := checkNumbers(e.numbers); err != nil {
		return keyEntry{}, fmt.Errorf("a private key that is none: %w", err)
	}
	return e, nil
}

// cText is what C makes of a text: it ends at a NUL.
func cText(atom []byte) string {
	before, _, _ := bytes.Cut(atom, []byte{0})
	return string(before)
}

// find gives an account's entry; where there are two, the last, as libotr does.
func (f *keyFile) find(a policy.Account) *keyEntry {
	for i := len(f.entries) - 1; i >= 0; i-- {
		if f.entries[i].account == a {
			return &f.entries[i]
		}
	}
	return nil
}

// add writes one more account at the end.
func (f *keyFile) add(a policy.Account, k *Key) []byte {
	eol := "\n"
	if bytes.Contains(f.data, []byte("\r\n")) {
		eol = "\r\n"
	}
	text := strings.ReplaceAll(accountText(a, k), "\n", eol)
	if f.root == nil {
		return append(append([]byte{}, f.data...), "(privkeys"+eol+text+")"+eol...)
	}
	at := f.root.end - 1
	if f.data[at-1] != '\n' {
		text = eol + text
	}
	return splice(f.data, at, at, text)
}

// accountText is an account as libotr writes it.
func accountText(a policy.Account, k *Key) string {
	var b strings.Builder
	fmt.Fprintf(&b, " (account\n(name %s)\n(protocol %s)\n(private-key \n (dsa \n", writeAtom(a.Name), writeAtom(a.Protocol))
	for i, n := range k.numbers() {
		// Whole bytes, for libgcrypt refuses an odd number of digits, and with it
		// the file; and the first bit clear, as libgcrypt itself writes numbers
		// that are not negative.
		digits := n.Bytes()
		if len(digits) == 0 || digits[0]&0x80 != 0 {
			digits = append([]byte{0}, digits...)
		}
		fmt.Fprintf(&b, "  (%s #%X#)\n", numberNames[i], digits)
	}
	return b.String() + "  )\n )\n )\n"
}

// rename gives an account's entry another name.
func (f *keyFile) rename(e *keyEntry, to policy.Account) []byte {
	first, second := replacement{e.name, to.Name}, replacement{e.protocol, to.Protocol}
	if first.atom.start < second.atom.start {
		first, second = second, first
	}
	return second.in(first.in(f.data))
}

type replacement struct {
	atom *sexp
	text string
}

func (r replacement) in(data []byte) []byte {
	if cText(r.atom.atom) == r.text {
		return data
	}
	return splice(data, r.atom.start, r.atom.end, writeAtom(r.text))
}

func splice(data []byte, from, to int, text string) []byte {
	out := make([]byte, 0, len(data)+len(text))
	out = append(append(out, data[:from]...), text...)
	return append(out, data[to:]...)
}

// The bits of p that a key in the file may have. OTR's own have 1024.
const (
	minPrimeBits = 512
	maxPrimeBits = 3072
)

// checkNumbers refuses what is no DSA key. Its errors name no number's value.
func checkNumbers(n [5]*big.Int) error {
	p, q, g, y, x, one := n[0], n[1], n[2], n[3], n[4], big.NewInt(1)
	switch {
	case p.BitLen() < minPrimeBits || p.BitLen() > maxPrimeBits || p.Bit(0) == 0:
		return fmt.Errorf("p is not an odd number of %d to %d bits", minPrimeBits, maxPrimeBits)
	case q.BitLen() != 8*orderBytes:
		return fmt.Errorf("q has not %d bits", 8*orderBytes)
	case g.Cmp(one) <= 0 || g.Cmp(p) >= 0 || y.Cmp(one) <= 0 || y.Cmp(p) >= 0:
		return errors.New("g or y is out of range")
	case x.Sign() <= 0 || x.Cmp(q) >= 0:
		return errors.New("x is out of range")
	}
	return nil
}

// key is the key itself. A prime of another length than OTR's own is read, for
// the sake of the other keys in the file, but cannot be used.
func (e *keyEntry) key() (*Key, error) {
	d := new(otr3.DSAPrivateKey)
	k := &d.PrivateKey
	k.P, k.Q, k.G, k.Y, k.X = e.numbers[0], e.numbers[1], e.numbers[2], e.numbers[3], e.numbers[4]
	d.DSAPublicKey.PublicKey = k.PublicKey
	if k.P.BitLen() != 8*primeBytes {
		return nil, &lineError{e.line, errKeyNumbers}
	}
	if public(k.P, k.G, k.X).Cmp(k.Y) != 0 {
		return nil, &lineError{e.line, errors.New("the two halves of the key do not belong together")}
	}
	return &Key{d}, nil
}

// fingerprint is that of the public half.
func (e *keyEntry) fingerprint() Fingerprint {
	var half otr3.DSAPublicKey
	half.P, half.Q, half.G, half.Y = e.numbers[0], e.numbers[1], e.numbers[2], e.numbers[3]
	return Fingerprint(half.Fingerprint())
}

// numbers gives p, q, g, y and x.
func (k *Key) numbers() [5]*big.Int {
	d := &k.dsa.PrivateKey
	return [5]*big.Int{d.P, d.Q, d.G, d.Y, d.X}
}
