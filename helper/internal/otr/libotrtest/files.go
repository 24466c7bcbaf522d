// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package libotrtest

/*
#include <stdlib.h>
#include "peer.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Key is a private key that libotr holds. Fingerprint has 40 upper-case
// digits, Numbers are p, q, g, y and x as libotr reads them.
type Key struct {
	Account
	Fingerprint string
	Numbers     [5]string
}

// Known is a line of libotr's fingerprints.
type Known struct {
	Account
	Buddy, Fingerprint, Trust string
}

// Tag is a line of libotr's instance tags.
type Tag struct {
	Account
	Tag uint32
}

// GenerateKey makes a key for account and writes all keys that the peer holds
// to file; "" writes none.
func (p *Peer) GenerateKey(account Account, file string) error {
	return p.file(file, account, func(file, name, protocol *C.char) (string, C.gcry_error_t) {
		return "otrl_privkey_generate", C.peer_generate_key(p.c, file, name, protocol)
	})
}

// GenerateTag makes an instance tag for account and writes all that the peer
// holds to file; "" writes none.
func (p *Peer) GenerateTag(account Account, file string) error {
	return p.file(file, account, func(file, name, protocol *C.char) (string, C.gcry_error_t) {
		return "otrl_instag_generate", C.peer_generate_tag(p.c, file, name, protocol)
	})
}

// ReadKeys reads otr.private_key, in place of the keys that the peer holds.
func (p *Peer) ReadKeys(file string) error {
	return p.file(file, Account{}, func(file, _, _ *C.char) (string, C.gcry_error_t) {
		return "otrl_privkey_read", C.otrl_privkey_read(p.c.us, file)
	})
}

// ReadTags reads otr.instance_tags.
func (p *Peer) ReadTags(file string) error {
	return p.file(file, Account{}, func(file, _, _ *C.char) (string, C.gcry_error_t) {
		return "otrl_instag_read", C.otrl_instag_read(p.c.us, file)
	})
}

// WriteTags writes otr.instance_tags.
func (p *Peer) WriteTags(file string) error {
	return p.file(file, Account{}, func(file, _, _ *C.char) (string, C.gcry_error_t) {
		return "otrl_instag_write", C.otrl_instag_write(p.c.us, file)
	})
}

// ReadFingerprints reads otr.fingerprints, beside what the peer knows already.
func (p *Peer) ReadFingerprints(file string) error {
	return p.file(file, Account{}, func(file, _, _ *C.char) (string, C.gcry_error_t) {
		return "otrl_privkey_read_fingerprints", C.otrl_privkey_read_fingerprints(p.c.us, file, nil, nil)
	})
}

// WriteFingerprints writes otr.fingerprints.
func (p *Peer) WriteFingerprints(file string) error {
	return p.file(file, Account{}, func(file, _, _ *C.char) (string, C.gcry_error_t) {
		return "otrl_privkey_write_fingerprints", C.otrl_privkey_write_fingerprints(p.c.us, file)
	})
}

func (p *Peer) file(file string, a Account, f func(file, name, protocol *C.char) (string, C.gcry_error_t)) error {
	mu.Lock()
	defer mu.Unlock()
	var path *C.char
	if file != "" {
		path = C.CString(file)
	}
	name, protocol := C.CString(a.Name), C.CString(a.Protocol)
	defer free(path, name, protocol)
	what, err := f(path, name, protocol)
	return failure(what, err)
}

// Keys lists the private keys that the peer holds.
func (p *Peer) Keys() []Key {
	mu.Lock()
	defer mu.Unlock()
	var out []Key
	for k := p.c.us.privkey_root; k != nil; k = k.next {
		key := Key{Account: Account{C.GoString(k.accountname), C.GoString(k.protocol)}}
		var hash [20]C.uchar
		if C.otrl_privkey_fingerprint_raw(p.c.us, &hash[0], k.accountname, k.protocol) != nil {
			key.Fingerprint = fmt.Sprintf("%X", C.GoBytes(unsafe.Pointer(&hash[0]), 20))
		}
		for i, number := range []string{"p", "q", "g", "y", "x"} {
			key.Numbers[i] = numberOf(k, number)
		}
		out = append(out, key)
	}
	return out
}

func numberOf(k *C.OtrlPrivKey, number string) string {
	name := C.CString(number)
	defer free(name)
	hex := C.peer_key_number(k, name)
	defer free(hex)
	return C.GoString(hex)
}

// Tags lists the instance tags that the peer holds.
func (p *Peer) Tags() []Tag {
	mu.Lock()
	defer mu.Unlock()
	var out []Tag
	for t := p.c.us.instag_root; t != nil; t = t.next {
		out = append(out, Tag{Account{C.GoString(t.accountname), C.GoString(t.protocol)}, uint32(t.instag)})
	}
	return out
}

// Fingerprints lists the fingerprints that the peer knows.
func (p *Peer) Fingerprints() []Known {
	mu.Lock()
	defer mu.Unlock()
	var out []Known
	for c := p.c.us.context_root; c != nil; c = c.next {
		if c != c.m_context {
			continue // instances have none of their own
		}
		a := Account{C.GoString(c.accountname), C.GoString(c.protocol)}
		for f := c.fingerprint_root.next; f != nil; f = f.next {
			out = append(out, Known{a, C.GoString(c.username), hexOf(f), C.GoString(f.trust)})
		}
	}
	return out
}

// Trust sets the trust of the fingerprint in use with the buddy.
func (p *Peer) Trust(trust string) {
	mu.Lock()
	defer mu.Unlock()
	c := C.CString(trust)
	defer free(c)
	if context := C.peer_context(p.c); context != nil && context.active_fingerprint != nil {
		C.otrl_context_set_trust(context.active_fingerprint, c)
	}
}

func hexOf(f *C.Fingerprint) string {
	return fmt.Sprintf("%X", C.GoBytes(unsafe.Pointer(f.fingerprint), 20))
}
