// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// libotr's files, in the user directory.
const (
	KeysFile         = "otr.private_key"
	FingerprintsFile = "otr.fingerprints"
	TagsFile         = "otr.instance_tags"
)

// lockName is our lock, in the user directory: libotr has none, so it keeps off
// other programs of ours alone.
const lockName = "purple-onion/otr.lock"

// Store is libotr's three files of a user directory. It holds nothing: each
// call reads them, and each write reads them again under a lock, changes what it
// is to change, and replaces the file whole. What libotr does not know in them
// is kept. A file that is broken, a symbolic link or another user's is an error,
// and nothing is written over it. It is safe for concurrent use.
type Store struct {
	dir  string
	wait time.Duration // how long another writer may hold the lock; a main loop may wait here
}

// OpenStore reads nothing yet.
func OpenStore(userDir string) *Store { return &Store{userDir, time.Second} }

// KeyEntry says which key an account has.
type KeyEntry struct {
	Account     policy.Account
	Fingerprint Fingerprint
}

// What SaveKey and RenameKey refuse.
var (
	ErrKeyShared = errors.New("another account has this very key")
	ErrHasKey    = errors.New("the account has a key already")
	ErrNoKey     = errors.New("the account has no key")
)

// Keys lists each account's key, in the order of the file.
func (s *Store) Keys() ([]KeyEntry, error) {
	f, err := s.keys()
	if err != nil {
		return nil, err
	}
	list := []KeyEntry{}
	for i := range f.entries {
		if e := &f.entries[i]; f.find(e.account) == e { // of two of one account, the one that counts
			list = append(list, KeyEntry{e.account, e.fingerprint()})
		}
	}
	return list, nil
}

// Key gives an account's key; nil where it has none.
func (s *Store) Key(a policy.Account) (*Key, error) {
	f, err := s.keys()
	if err != nil {
		return nil, err
	}
	e := f.find(a)
	if e == nil {
		return nil, nil
	}
	k, err := e.key()
	return k, s.wrong(KeysFile, err)
}

// KeyOfOtherResource gives the key of the same bare JID under another resource,
// for an account that has none itself; nil where there is none. RenameKey takes
// it along. Of several it is the one that was made last.
func (s *Store) KeyOfOtherResource(a policy.Account) (*KeyEntry, error) {
	list, err := s.Keys()
	if err != nil || a.Protocol != "prpl-jabber" {
		return nil, err
	}
	var found *KeyEntry
	for i, e := range list {
		switch {
		case e.Account == a:
			return nil, nil
		case e.Account.Protocol == a.Protocol && bareJID(e.Account.Name) == bareJID(a.Name):
			found = &list[i]
		}
	}
	return found, nil
}

func bareJID(name string) string {
	bare, _, _ := strings.Cut(name, "/")
	return strings.ToLower(bare)
}

func (s *Store) keys() (*keyFile, error) {
	data, err := s.read(KeysFile)
	if err != nil {
		return nil, err
	}
	f, err := parseKeys(data)
	return f, s.wrong(KeysFile, err)
}

// SaveKey adds an account's key. It refuses one that another account has, for a
// shared key shows that both are one person's (ErrKeyShared), and does not
// replace one (ErrHasKey) but by the same.
func (s *Store) SaveKey(a policy.Account, k *Key) error {
	if err := errors.Join(checkAccount(a), checkNumbers(k.numbers())); err != nil {
		return fmt.Errorf("cannot save a key for %s: %w", a, err)
	}
	return s.changeKeys(func(f *keyFile) ([]byte, error) {
		own := f.find(a)
		for i := range f.entries {
			if e := &f.entries[i]; e.account != a && e.fingerprint() == k.Fingerprint() {
				return nil, fmt.Errorf("cannot save a key for %s: %w: %s", a, ErrKeyShared, e.account)
			}
		}
		switch {
		case own == nil:
			return f.add(a, k), nil
		case own.fingerprint() != k.Fingerprint():
			return nil, fmt.Errorf("cannot save a key for %s: %w", a, ErrHasKey)
		}
		return f.data, nil
	})
}

// RenameKey takes along, to the name that an account has now, its key and what
// it knows of buddies' fingerprints.
func (s *Store) RenameKey(from, to policy.Account) error {
	f, err := s.keys()
	if err == nil {
		err = checkAccount(to)
	}
	if err == nil {
		_, err = f.moved(from, to)
	}
	// The fingerprints first: as long as the key stands under the old name the
	// same can be asked for again.
	if err == nil {
		err = s.changeFingerprints(func(f fingerprintFile) ([]byte, error) { return f.rename(from, to) })
	}
	if err == nil {
		err = s.changeKeys(func(f *keyFile) ([]byte, error) { return f.moved(from, to) })
	}
	if err != nil {
		return fmt.Errorf("cannot take the key of %s along to %s: %w", from, to, err)
	}
	return nil
}

func (f *keyFile) moved(from, to policy.Account) ([]byte, error) {
	e := f.find(from)
	switch {
	case e == nil:
		return nil, ErrNoKey
	case f.find(to) != nil:
		return nil, ErrHasKey
	}
	return f.rename(e, to), nil
}

// AllFingerprints lists what every account knows, in the order of the file.
func (s *Store) AllFingerprints() ([]Known, error) {
	data, err := s.read(FingerprintsFile)
	if err != nil {
		return nil, err
	}
	return parseFingerprints(data).all(), nil
}

// Fingerprints lists what an account knows of a buddy, whose name is as
// libpurple normalizes it.
func (s *Store) Fingerprints(a policy.Account, buddy string) ([]Known, error) {
	all, err := s.AllFingerprints()
	list := []Known{}
	for _, k := range all {
		if k.Account == a && k.Buddy == buddy {
			list = append(list, k)
		}
	}
	return list, err
}

// SetFingerprint adds a fingerprint, or gives one that is there another trust.
func (s *Store) SetFingerprint(k Known) error {
	err := checkAccount(k.Account)
	if err == nil {
		err = s.changeFingerprints(func(f fingerprintFile) ([]byte, error) { return f.set(k) })
	}
	if err != nil {
		return fmt.Errorf("cannot save a fingerprint of %q: %w", k.Buddy, err)
	}
	return nil
}

// Forget removes a fingerprint; one that is not there is no error.
func (s *Store) Forget(k Known) error {
	return s.changeFingerprints(func(f fingerprintFile) ([]byte, error) { return f.forget(k), nil })
}

// InstanceTag gives an account's instance tag, which is made where there is
// none.
func (s *Store) InstanceTag(a policy.Account) (uint32, error) {
	data, err := s.read(TagsFile)
	if err != nil {
		return 0, err
	}
	if tag, ok := parseTags(data).find(a); ok {
		return tag, nil
	}
	tag, err := newInstanceTag()
	if err != nil {
		return 0, err
	}
	if err := checkAccount(a); err != nil {
		return 0, fmt.Errorf("cannot save an instance tag for %s: %w", a, err)
	}
	return tag, s.change(TagsFile, func(data []byte) ([]byte, error) {
		if other, ok := parseTags(data).find(a); ok { // made meanwhile
			tag = other
			return data, nil
		}
		return parseTags(data).set(a, tag)
	})
}

func newInstanceTag() (uint32, error) {
	var raw [4]byte
	for {
		if _, err := rand.Read(raw[:]); err != nil {
			return 0, fmt.Errorf("cannot make an instance tag: %w", err)
		}
		if tag := binary.BigEndian.Uint32(raw[:]); tag >= minInstanceTag {
			return tag, nil
		}
	}
}

// checkAccount refuses a name that one of the three files could not hold.
func checkAccount(a policy.Account) error {
	if a.Name == "" || a.Protocol == "" || strings.ContainsAny(a.Name+a.Protocol, "\t\r\n\x00") {
		return ErrName
	}
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) wrong(name string, err error) error {
	var line *lineError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &line):
		return &userfile.Error{Path: s.path(name), Line: line.line, Err: line.err}
	}
	return userfile.ErrorOf(s.path(name), err)
}

// read gives a file; a missing one is empty.
func (s *Store) read(name string) ([]byte, error) {
	data, err := userfile.ReadOwn(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, s.wrong(name, err)
}

// change edits a file under the lock. Where another program wrote it between
// our reading and our writing, what that wrote is read, and edited, again.
func (s *Store) change(name string, edit func(old []byte) ([]byte, error)) error {
	lock := s.path(lockName)
	if err := userfile.MakeOwnDir(filepath.Dir(lock)); err != nil {
		return fmt.Errorf("cannot lock %s: %w", s.path(name), err)
	}
	f, err := userfile.Lock(lock, s.wait)
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", s.path(name), err)
	}
	defer f.Close()
	for range 10 {
		old, err := s.read(name)
		if err != nil {
			return err
		}
		out, err := edit(old)
		if err != nil || bytes.Equal(out, old) {
			return err
		}
		if now, err := s.read(name); err != nil {
			return err
		} else if !bytes.Equal(now, old) {
			continue
		}
		if err := userfile.Replace(s.path(name), out); err != nil {
			return fmt.Errorf("cannot write %s: %w", s.path(name), err)
		}
		return nil
	}
	return fmt.Errorf("cannot write %s: another program keeps writing it", s.path(name))
}

func (s *Store) changeKeys(edit func(*keyFile) ([]byte, error)) error {
	return s.change(KeysFile, func(old []byte) ([]byte, error) {
		f, err := parseKeys(old)
		if err != nil {
			return nil, s.wrong(KeysFile, err)
		}
		out, err := edit(f)
		if err != nil {
			return nil, err
		}
		return out, f.checkEdit(out)
	})
}

// checkEdit reads the outcome of an edit: it must have every key that was
// there, and at most one that was not, or that has another account.
func (f *keyFile) checkEdit(out []byte) error {
	now, err := parseKeys(out)
	if err != nil {
		return fmt.Errorf("an edit broke it: %w", err)
	}
	touched := len(now.entries) - len(f.entries)
	for i := range f.entries {
		if len(now.entries) <= i || now.entries[i].fingerprint() != f.entries[i].fingerprint() {
			return errors.New("an edit changed a key")
		}
		if now.entries[i].account != f.entries[i].account {
			touched++
		}
	}
	if touched > 1 {
		return errors.New("an edit changed more than one account")
	}
	return nil
}

func (s *Store) changeFingerprints(edit func(fingerprintFile) ([]byte, error)) error {
	return s.change(FingerprintsFile, func(old []byte) ([]byte, error) { return edit(parseFingerprints(old)) })
}
