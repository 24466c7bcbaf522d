// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"encoding/hex"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Trust is what stands behind a fingerprint in otr.fingerprints. Any other text
// than these is kept; pidgin-otr takes it for verified, and we do not.
type Trust string

// The trusts that pidgin-otr writes: Verified was compared by the user, SMP by
// a shared secret.
const (
	Unverified Trust = ""
	Verified   Trust = "verified"
	SMP        Trust = "smp"
)

// Verified says whether the user made sure whose key it is.
func (t Trust) Verified() bool { return t == Verified || t == SMP }

// Known is a buddy's fingerprint, as one account knows it.
type Known struct {
	Account     policy.Account
	Buddy       string // as libpurple normalizes names: "bob@b.test"
	Fingerprint Fingerprint
	Trust       Trust
}

func (k Known) same(other Known) bool {
	return k.Account == other.Account && k.Buddy == other.Buddy && k.Fingerprint == other.Fingerprint
}

// fingerprintFields: buddy, account's name, its protocol, 40 digits, trust.
const fingerprintFields = 5

type fingerprintFile struct{ *table }

func parseFingerprints(data []byte) fingerprintFile {
	return fingerprintFile{parseTable(data, fingerprintFields)}
}

// known reads a line; false for what is no fingerprint.
func (f fingerprintFile) known(i int) (Known, bool) {
	fields := f.lines[i].fields
	if len(fields) < fingerprintFields-1 || len(fields[3]) != hex.EncodedLen(len(Fingerprint{})) {
		return Known{}, false
	}
	k := Known{Account: policy.Account{Protocol: fields[2], Name: fields[1]}, Buddy: fields[0]}
	if _, err := hex.Decode(k.Fingerprint[:], []byte(fields[3])); err != nil {
		return Known{}, false
	}
	if len(fields) == fingerprintFields {
		k.Trust = Trust(endOfLine(fields[4]))
	}
	return k, true
}

// all gives each fingerprint once, in the order of the file. Where one stands
// twice, the last trust counts, as it does for libotr.
func (f fingerprintFile) all() []Known {
	out, index := []Known{}, map[Known]int{}
	for i := range f.lines {
		k, ok := f.known(i)
		if !ok {
			continue
		}
		key := k
		key.Trust = ""
		if at, twice := index[key]; twice {
			out[at].Trust = k.Trust
			continue
		}
		index[key] = len(out)
		out = append(out, k)
	}
	return out
}

// find gives the line that counts; -1 where there is none.
func (f fingerprintFile) find(want Known) int {
	for i := len(f.lines) - 1; i >= 0; i-- {
		if k, ok := f.known(i); ok && k.same(want) {
			return i
		}
	}
	return -1
}

// set adds a fingerprint, or changes its trust.
func (f fingerprintFile) set(k Known) ([]byte, error) {
	fields := []string{k.Buddy, k.Account.Name, k.Account.Protocol, hex.EncodeToString(k.Fingerprint[:]), string(k.Trust)}
	i := f.find(k)
	if i < 0 {
		return f.add(fields...)
	}
	if old, _ := f.known(i); old.Trust != k.Trust {
		_, from := f.lines[i].field(3)
		data, err := f.replace(i, from, f.lines[i].end, "\t"+fields[4])
		if err != nil {
			return nil, err
		}
		f = parseFingerprints(data)
	}
	return f.ended(), nil
}

func (f fingerprintFile) forget(want Known) []byte {
	return f.without(func(i int) bool {
		k, ok := f.known(i)
		return ok && k.same(want)
	})
}

// rename gives what one account knows to another, but for what that knows
// itself.
func (f fingerprintFile) rename(from, to policy.Account) ([]byte, error) {
	has := map[Known]bool{}
	for _, k := range f.all() {
		has[Known{Account: k.Account, Buddy: k.Buddy, Fingerprint: k.Fingerprint}] = true
	}
	out := parseFingerprints(f.data)
	for i := len(f.lines) - 1; i >= 0; i-- { // backwards: what stands before stays where it is
		k, ok := f.known(i)
		if !ok || k.Account != from || has[Known{Account: to, Buddy: k.Buddy, Fingerprint: k.Fingerprint}] {
			continue
		}
		start, _ := f.lines[i].field(1)
		_, end := f.lines[i].field(2)
		var err error
		if out.data, err = out.replace(i, start, end, to.Name+"\t"+to.Protocol); err != nil {
			return nil, err
		}
	}
	return out.data, nil
}
