// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"

	"github.com/coyim/otr3"
)

// This file is all that reaches into otr3, which has no other way to stop
// what it does wrong (facts with each). go.mod names one exact version; names
// that are missing in another make every conversation refuse to start.

// silence takes os.Stdout from the program. otr3 prints a line to it at each
// use of AES (wipe.go, unsafeWipeField), and in Pidgin descriptor 1 is not ours:
// a write to it when it is broken ends Pidgin. Only a changed copy of otr3 would
// do otherwise. The command line has no conversations, and keeps its output.
// The file itself is kept, as the value: collected as garbage it would close
// descriptor 1, and the next socket be where Pidgin prints.
var silence = sync.OnceValue(func() (kept *os.File) {
	kept, os.Stdout = os.Stdout, nil
	return kept
})

// Locking memory fails where the limit is low, and otr3 says so on standard
// output, once: this is that once.
//
//go:linkname notifiedLockFailure github.com/coyim/otr3.notifiedLockFailure
var notifiedLockFailure sync.Once

// tlv and extra have the layout of otr3's tlv and dataMessageExtra.
type tlv struct {
	kind, length uint16
	value        []byte
}
type extra []byte

type tlvHandler = func(*otr3.Conversation, tlv, extra) (*tlv, error)

// tlvHandlers is otr3's table of what to do with each TLV. SMP is package smp's:
// otr3's makes room for as many numbers as a message says it has, which a
// stranger can make end the process, and computes in a time that depends on
// the secret.
//
//go:linkname tlvHandlers github.com/coyim/otr3.tlvHandlers
var tlvHandlers []tlvHandler

const (
	tlvSMP1     = 2
	tlvAbort    = 6
	tlvQuestion = 7
)

// sendTLVs has otr3 make a data message that carries TLVs.
//
//go:linkname sendTLVs github.com/coyim/otr3.(*Conversation).createSerializedDataMessage
func sendTLVs(c *otr3.Conversation, text []byte, flag byte, tlvs []tlv) ([]otr3.ValidMessage, extra, error)

var insideErr = prepare()

func prepare() error {
	notifiedLockFailure.Do(func() {})
	if len(tlvHandlers) != 9 {
		return fmt.Errorf("otr3 has %d TLV handlers, want 9", len(tlvHandlers))
	}
	for kind := tlvSMP1; kind <= tlvQuestion; kind++ {
		tlvHandlers[kind] = func(c *otr3.Conversation, t tlv, _ extra) (*tlv, error) {
			if s, ok := atWork.Load(c); ok {
				return s.(*session).receiveSMP(t), nil
			}
			return nil, nil
		}
	}
	_, err := reach(&otr3.Conversation{})
	return err
}

// atWork has the session of each otr3 conversation that is called just now.
var atWork sync.Map

// inner is the state of an otr3 conversation that it keeps to itself.
type inner struct {
	theirTag, retransmitting reflect.Value
	ourKeyID, theirKeyID     reflect.Value
	counters, usedKeys       reflect.Value
}

// reach finds the state. An error: otr3 is another than this was written for.
func reach(c *otr3.Conversation) (in inner, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot reach into otr3: %v", r)
		}
	}()
	v := reflect.ValueOf(c).Elem()
	in = inner{
		theirTag:       open(v, reflect.Uint32, "theirInstanceTag"),
		retransmitting: open(v, reflect.Bool, "resend", "retransmitting"),
		ourKeyID:       open(v, reflect.Uint32, "keys", "ourKeyID"),
		theirKeyID:     open(v, reflect.Uint32, "keys", "theirKeyID"),
		counters:       open(v, reflect.Slice, "keys", "counterHistory", "counters"),
		usedKeys:       open(v, reflect.Slice, "keys", "macKeyHistory", "items"),
	}
	counter := reflect.New(in.counters.Type().Elem().Elem()).Elem()
	used := reflect.New(in.usedKeys.Type().Elem()).Elem()
	for _, name := range []string{"ourKeyID", "theirKeyID"} {
		open(counter, reflect.Uint32, name)
		open(used, reflect.Uint32, name)
	}
	open(counter, reflect.Uint64, "theirCounter")
	return in, nil
}

// open is the field of that name, to read and to set.
func open(v reflect.Value, want reflect.Kind, names ...string) reflect.Value {
	for _, name := range names {
		v = v.FieldByName(name)
	}
	if v.Kind() != want {
		panic(fmt.Sprintf("%v is %v, want %v", names, v.Kind(), want))
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// keepNothingSent has otr3 keep no copy of what is sent. It would keep all of
// it, and send it again to whoever completes the next AKE.
func (in inner) keepNothingSent() { in.retransmitting.SetBool(true) }

// knows says whether these are numbers of keys that are in use.
func (in inner) knows(theirs, ours uint32) bool {
	return inUse(theirs, uint32(in.theirKeyID.Uint())) && inUse(ours, uint32(in.ourKeyID.Uint()))
}

func inUse(id, newest uint32) bool { return id != 0 && (id == newest || id+1 == newest) }

// countersNow gives a function that sets their counters back. otr3 takes a
// counter before it has checked the message: a forged one with a huge counter
// would make the next genuine messages unreadable.
func (in inner) countersNow() (restore func()) {
	list := reflect.ValueOf(in.counters.Interface())
	n := list.Len()
	was := make([]uint64, n)
	for i := range was {
		was[i] = open(list.Index(i).Elem(), reflect.Uint64, "theirCounter").Uint()
	}
	return func() {
		for i := range was {
			open(list.Index(i).Elem(), reflect.Uint64, "theirCounter").SetUint(was[i])
		}
		if in.counters.Len() > n {
			in.counters.SetLen(n)
		}
	}
}

// prune forgets what has no use any more: counters of keys that are gone, and
// MAC keys noted more than once (otr3 notes one with each message, and reveals
// all of them). Both lists would grow as long as a session lasts.
func (in inner) prune() {
	keep(in.counters, func(v reflect.Value) bool { return in.knows(ids(v.Elem())) })
	seen := map[[8]byte]bool{}
	keep(in.usedKeys, func(v reflect.Value) bool {
		var key [8]byte
		theirs, ours := ids(v)
		binary.BigEndian.PutUint32(key[:], theirs)
		binary.BigEndian.PutUint32(key[4:], ours)
		again := seen[key]
		seen[key] = true
		return !again
	})
}

func ids(v reflect.Value) (theirs, ours uint32) {
	return uint32(v.FieldByName("theirKeyID").Uint()), uint32(v.FieldByName("ourKeyID").Uint())
}

// keep shortens a slice to those of its elements that are wanted.
func keep(list reflect.Value, wanted func(reflect.Value) bool) {
	n := 0
	for i := range list.Len() {
		if wanted(list.Index(i)) {
			list.Index(n).Set(list.Index(i))
			n++
		}
	}
	for i := n; i < list.Len(); i++ {
		list.Index(i).SetZero()
	}
	list.SetLen(n)
}
