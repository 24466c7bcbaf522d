// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/big"
	"strings"
)

// kind is a message's type byte.
type kind byte

const (
	kindCommit kind = 0x02
	kindData   kind = 0x03
	kindKey    kind = 0x0a
	kindReveal kind = 0x11
	kindSig    kind = 0x12
)

const (
	// minTag is the smallest instance tag (OTRv3, "Instance Tags").
	minTag = 0x100
	// maxLine bounds a line, and a message put together from fragments; bytes.
	maxLine = 1 << 20
	// groupSize is the size of a DH value (OTRv3: 1536 bits); bytes.
	groupSize = 192
	// maxSignature bounds an encrypted signature: a DSA-1024 key, its number
	// and a signature take 466 bytes, and a giant key minutes to verify.
	maxSignature = 1024
)

// field is how one field of a message is written: size bytes, or, where that
// is 0, a length of four bytes and as many bytes as that.
type field struct {
	size     int
	min, max int  // of the length
	group    bool // a number from 2 to p-2, without leading zeros
	nonzero  bool
	multiple int // the length is a multiple of this
}

// The messages, field by field (OTRv3, "D-H Commit Message" and so on).
var shapes = map[kind][]field{
	kindCommit: {{min: 5, max: 4 + groupSize}, {min: 32, max: 32}},
	kindKey:    {{group: true, max: groupSize}},
	kindReveal: {{min: 16, max: 16}, {min: 1, max: maxSignature}, {size: 20}},
	kindSig:    {{min: 1, max: maxSignature}, {size: 20}},
	kindData: {{size: 1}, {size: 4, nonzero: true}, {size: 4, nonzero: true}, {group: true, max: groupSize},
		{size: 8, nonzero: true}, {min: 1, max: maxLine}, {size: 20}, {max: maxLine, multiple: 20}},
}

// message is an encoded message, read as far as it can be without keys.
type message struct {
	version  int
	kind     kind
	from, to uint32 // instance tags; 0 in version 2
	fields   [][]byte
}

var errMalformed = errors.New("malformed OTR message")

// parseMessage reads "?OTR:....", up to the full stop. otr3 is given nothing
// that this does not take, and that as line writes it: its own parsers trust
// lengths.
func parseMessage(line string) (message, error) {
	code, ok := strings.CutPrefix(line, messagePrefix)
	code, _, end := strings.Cut(code, ".")
	if !ok || !end || len(line) > maxLine {
		return message{}, errMalformed
	}
	raw, err := base64.StdEncoding.DecodeString(code)
	if err != nil {
		return message{}, errMalformed
	}
	r := reader{rest: raw}
	m := message{version: int(r.number(2)), kind: kind(r.number(1))}
	if m.version == 3 {
		m.from, m.to = uint32(r.number(4)), uint32(r.number(4))
	}
	shape, ok := shapes[m.kind]
	if !ok || !m.addressed() {
		return message{}, errMalformed
	}
	for _, f := range shape {
		m.fields = append(m.fields, r.field(f))
	}
	if r.failed || len(r.rest) > 0 {
		return message{}, errMalformed
	}
	return m, nil
}

// addressed checks version and tags. Only a commit may go to any instance.
func (m message) addressed() bool {
	switch m.version {
	case 2:
		return true
	case 3:
		return m.from >= minTag && (m.to >= minTag || m.to == 0 && m.kind == kindCommit)
	default:
		return false
	}
}

// line encodes m again.
func (m message) line() string {
	raw := []byte{0, byte(m.version), byte(m.kind)}
	if m.version == 3 {
		raw = binary.BigEndian.AppendUint32(raw, m.from)
		raw = binary.BigEndian.AppendUint32(raw, m.to)
	}
	for i, f := range shapes[m.kind] {
		if f.size == 0 {
			raw = binary.BigEndian.AppendUint32(raw, uint32(len(m.fields[i])))
		}
		raw = append(raw, m.fields[i]...)
	}
	return messagePrefix + base64.StdEncoding.EncodeToString(raw) + "."
}

// hash is the commitment of a D-H Commit Message.
func (m message) hash() []byte { return m.fields[1] }

// mayFail says whether the sender does not mind that a data message cannot be
// read (OTRv3, IGNORE_UNREADABLE).
func (m message) mayFail() bool { return m.fields[0][0]&1 != 0 }

// reader takes values off the front; once one is missing it has failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) bytes(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) number(size uint64) uint64 {
	var n uint64
	for _, b := range r.bytes(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *reader) field(f field) []byte {
	size := uint64(f.size)
	if size == 0 {
		size = r.number(4)
		if size < uint64(f.min) || size > uint64(f.max) || f.multiple > 0 && size%uint64(f.multiple) != 0 {
			r.failed = true
		}
	}
	b := r.bytes(size)
	if f.nonzero && isZero(b) || f.group && !inGroup(b) {
		r.failed = true
	}
	return b
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// maxElement is the group's prime less 2 (RFC 3526, group 5).
var maxElement, _ = new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"+
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"+
	"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFD", 16)

// inGroup says whether b is a number from 2 to p-2, as short as it can be.
func inGroup(b []byte) bool {
	if len(b) == 0 || b[0] == 0 {
		return false
	}
	n := new(big.Int).SetBytes(b)
	return n.Cmp(big.NewInt(2)) >= 0 && n.Cmp(maxElement) <= 0
}
