// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coyim/otr3"
)

// fuzzMessages are genuine messages of each kind, of a conversation that is
// over, addressed to the one under test.
var fuzzMessages = sync.OnceValue(func() (list [][]byte) {
	p := newPair()
	p.carry(p.b, []string{"?OTRv3?"})
	lines, _ := p.b.Encrypt("text")
	p.carry(p.b, lines)
	for _, line := range p.carried {
		if m, err := parseMessage(line); err == nil {
			m.from, m.to = 0x2222, 0x1111
			b, _ := base64.StdEncoding.DecodeString(strings.Trim(m.line(), "?OTR:."))
			list = append(list, b)
		}
	}
	return list
})

// hostileLines makes lines of a fuzzer's bytes, a line of input each: as they
// are; as the body of a message to us; or as changes to a genuine one.
func hostileLines(data []byte) (lines []string) {
	header := []byte{0, 3, 0, 0, 0, 0x22, 0x22, 0, 0, 0x11, 0x11}
	for _, part := range bytes.Split(data, []byte("\n")) {
		switch {
		case len(part) > 2 && part[0] == 'm':
			b := append(slices.Clone(header), part[2:]...)
			b[2] = part[1]
			lines = append(lines, encode(b))
		case len(part) > 4 && part[0] == 'g':
			b := slices.Clone(fuzzMessages()[int(part[1])%len(fuzzMessages())])
			at := int(binary.BigEndian.Uint16(part[2:])) % len(b)
			for i, x := range part[4:] {
				b[(at+i)%len(b)] ^= x
			}
			lines = append(lines, encode(b))
		default:
			lines = append(lines, string(part))
		}
	}
	return lines[:min(len(lines), 20)]
}

// inState brings a's side of a fresh pair to a state: nothing said, an AKE
// begun by a or by b, encrypted, finished.
func inState(t *testing.T, state byte) *pair {
	p := newPair()
	switch state % 5 {
	case 1:
		p.a.receive("?OTRv3?")
	case 2:
		p.a.receive(p.b.receive("?OTRv3?")[0])
	case 3:
		p.start(t)
		p.say(t, p.a, fuzzSecret)
	case 4:
		p.start(t)
		p.say(t, p.a, fuzzSecret)
		p.carry(p.b, p.b.End())
	}
	return p
}

const fuzzSecret = "the text that nobody else may read"

// FuzzReceive is the wire sending whatever it likes. Whatever state we are in:
// nothing readable goes out, nothing at all to a stranger, and no more than a
// bounded part of what came in; no session begins, none ends, and none changes
// its key; and what the other side then says is read.
func FuzzReceive(f *testing.F) {
	for state := range byte(5) {
		f.Add(state, true, []byte("?OTRv23?\n?OTR Error: x\nhello"+tagBase+tagV3+"\n?OTR,1,2,?OTR:AA,\n?OTR|2222|1111,2,2,MD.,"))
		f.Add(state, false, []byte("m\x02\x00\x00\x00\x05abcde\nm\x03\x00\nm\x0a\x00\x00\x00\x01\x05\n<b>?OTRv3?\n?OTR Error: x"))
		for kind := range byte(5) {
			f.Add(state, true, []byte{'g', kind, 0, 30, 0, 0, '\n', 'g', kind, 0, 60, 0xff, 0xff})
		}
	}
	f.Fuzz(func(t *testing.T, state byte, answer bool, data []byte) {
		if len(data) > 1<<14 {
			t.Skip()
		}
		p := inState(t, state)
		before, peer := p.a.State(), [1]Fingerprint{}
		peer[0], _ = p.a.Peer()
		for _, line := range hostileLines(data) {
			r := p.a.Receive(line, answer)
			size := 0
			for _, out := range r.Send {
				size += len(out)
				if c := Classify(out); c == ClassText || c == ClassMalformed || strings.Contains(out, fuzzSecret) {
					t.Errorf("sends %q", out)
				}
			}
			if size > 4096 || !answer && size > 0 || len(r.Events) > 20 {
				t.Errorf("%d bytes to send, %d events, after %d bytes", size, len(r.Events), len(line))
			}
			if r.Kind == ReceivedPrivate {
				t.Errorf("%q read as private", r.Text)
			}
		}
		after, _ := p.a.Peer()
		if p.a.State() != before || after != peer[0] || len(p.a.instances) > maxInstances || p.a.joiner.held() > maxLine {
			t.Errorf("state %d, peer %v; before %d, %v", p.a.State(), after, before, peer[0])
		}
		if p.a.State() == Encrypted {
			p.clock.pass(time.Minute)
			p.say(t, p.b, "still here")
			if !slices.Contains(p.a.seen, "private: still here") {
				t.Errorf("seen %q, events %v", p.a.seen, p.a.events)
			}
		}
	})
}

// FuzzFragments cuts a message to lines of any size and puts it together
// again; and gives a joiner hostile fragments, which must not fill it.
func FuzzFragments(f *testing.F) {
	f.Add([]byte("text"), uint16(120), []byte("?OTR,00001,00003,x,\n?OTR,00002,00003,y,\n?OTR,00002,00003,y,"))
	f.Add(bytes.Repeat([]byte{0}, 500), uint16(37), []byte("?OTR|100|0,1,65535,aaaaaaa,\n?OTR|101|0,1,2,,\n?OTR|ffffffff|0,1,1,x,"))
	f.Add([]byte{}, uint16(0), []byte("?OTR|-1|0,1,2,x,\n?OTR,65536,65536,x,\n?OTR,2,1,x,\n?OTR,0,0,x,"))
	f.Fuzz(func(t *testing.T, body []byte, size uint16, hostile []byte) {
		if len(body) > 1<<15 || len(hostile) > 1<<15 {
			t.Skip()
		}
		m := message{version: 3, kind: kindSig, from: 0x2222, to: 0x1111, fields: [][]byte{body, make([]byte, 20)}}
		if size%2 == 0 {
			m.version, m.from, m.to = 2, 0, 0
		}
		var j joiner
		now := time.Unix(0, 0)
		if lines, err := split(m, int(size)); err == nil {
			got := ""
			for i, line := range lines {
				if size > 0 && len(line) > int(size) {
					t.Fatalf("a line of %d bytes, at most %d", len(line), size)
				}
				if len(lines) == 1 {
					got = line
					continue
				}
				if size > 60 && Classify(line) != ClassFragment { // shorter ones cut the start in two
					t.Fatalf("%q is %d", line, Classify(line))
				}
				part, err := parseFragment(line)
				if err != nil || part.piece == "" {
					t.Fatalf("%q: %v", line, err)
				}
				whole, done := j.add(part, now)
				if done != (i == len(lines)-1) {
					t.Fatalf("done %v after %d of %d", done, i+1, len(lines))
				}
				got = whole
			}
			if got != m.line() {
				t.Fatalf("%q became %q", m.line(), got)
			}
		}
		for _, line := range strings.Split(string(hostile), "\n") {
			if part, err := parseFragment(line); err == nil {
				if part.k < 1 || part.n < part.k || part.version == 3 && part.from < minTag {
					t.Errorf("%q was taken as %+v", line, part)
				}
				j.add(part, now)
				now = now.Add(time.Second)
			}
		}
		if len(j.partials) > maxPartial || j.held() > len(hostile) {
			t.Errorf("%d messages, %d bytes held", len(j.partials), j.held())
		}
	})
}

// FuzzClassify: what is called a message is one by otr3's readers too, and
// encodes to the same bytes again; and no class takes what is not its own.
func FuzzClassify(f *testing.F) {
	for _, b := range fuzzMessages() {
		f.Add(encode(b), []byte(nil))
		f.Add("", b)
	}
	f.Add("?OTRv23?", []byte{0, 2, 10, 0, 0, 0, 1, 5})
	f.Add("?OTR,00001,00002,?OTR:AAMD,", []byte{0, 3})
	f.Add("?OTR|00001111|00002222,00002,00002,abc.,", []byte{0, 1, 3})
	f.Add("?OTR Error: x", []byte{})
	f.Add("text ?OTR:AAMD.", []byte{})
	f.Fuzz(func(t *testing.T, line string, raw []byte) {
		for _, line := range []string{line, encode(raw), line + "\n", " " + line} {
			c := Classify(line)
			if c == ClassText == strings.Contains(line, "?OTR") {
				t.Errorf("%q is %d", line, c)
			}
			if c == ClassQuery && strings.Trim(line, "?OTRv23") != "" {
				t.Errorf("%q is a query", line)
			}
			if c == ClassFragment && (strings.ContainsAny(line, " \r\n<>") || strings.Count(line, ",") < 3 || line[len(line)-1] != ',') {
				t.Errorf("%q is a fragment", line)
			}
			if c == ClassMessage {
				if again, ok := rewritten(line); !ok || again != line {
					t.Errorf("%q is a message, and encodes to %q, %v", line, again, ok)
				}
			}
			if q, ok := CanonicalQuery(line); ok && Classify(q) != ClassQuery {
				t.Errorf("%q gives %q", line, q)
			}
		}
	})
}

// rewritten reads a message by otr3's functions, and writes it anew.
func rewritten(line string) (string, bool) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(line, messagePrefix), "."))
	if err != nil || len(b) < 3 {
		return "", false
	}
	header := 3
	if b[1] == 3 {
		header = 11
	}
	out, rest := slices.Clone(b[:header]), b[header:]
	good := true
	data := func() {
		var d []byte
		var ok bool
		rest, d, ok = otr3.ExtractData(rest)
		good = good && ok
		out = otr3.AppendData(out, d)
	}
	number := func() {
		r, n, ok := otr3.ExtractMPI(rest)
		if good = good && ok; good {
			rest, out = r, otr3.AppendMPI(out, n)
		}
	}
	fixed := func(n int) {
		r, d, ok := otr3.ExtractFixedData(rest, n)
		good, rest, out = good && ok, r, append(out, d...)
	}
	switch kind(b[2]) {
	case kindCommit:
		data()
		data()
	case kindKey:
		number()
	case kindReveal:
		data()
		data()
		fixed(20)
	case kindSig:
		data()
		fixed(20)
	case kindData:
		fixed(9)
		number()
		fixed(8)
		data()
		fixed(20)
		data()
	default:
		return "", false
	}
	return encode(out), good && len(rest) == 0
}

// FuzzPeer is a peer with a session, who puts what it likes behind its text.
// The text is read, nothing in otr3 panics, little goes out, and only a TLV
// of that kind ends the session.
func FuzzPeer(f *testing.F) {
	one := binary.BigEndian.AppendUint32(nil, 6)
	for range 6 {
		one = append(one, 0, 0, 0, 2, 0x55, 0x55)
	}
	for state := range byte(3) {
		f.Add(state, tlvBytes(1, nil))
		f.Add(state, append(tlvBytes(tlvQuestion, append([]byte("why?\x00"), one...)), tlvBytes(3, one)...))
		for kind := range uint16(10) {
			f.Add(state, append(tlvBytes(kind, one), tlvBytes(kind, []byte{0xff, 0xff, 0xff, 0xff})...))
			f.Add(state, append(tlvBytes(kind, nil), 0, byte(kind), 0xff, 0xff))
		}
	}
	f.Fuzz(func(t *testing.T, state byte, tlvs []byte) {
		if len(tlvs) > 1<<15 {
			t.Skip()
		}
		p := newPair()
		p.start(t)
		switch state % 3 {
		case 1:
			must(t)(p.a.Ask("where?", "there"))
		case 2:
			p.carry(p.b, must(t)(p.b.Ask("where?", "there")))
			must(t)(p.a.Answer("there"))
		}
		p.a.forget()
		out := p.a.receive(withTLVs(t, p, tlvs))
		if !slices.Equal(p.a.seen, []string{"private: text"}) && !p.a.has(EventUnreadable) {
			t.Errorf("seen %q, events %v", p.a.seen, p.a.events)
		}
		if n := len(strings.Join(out, "")); n > 8192 || len(p.a.events) > maxSMPEvents+2 || p.a.has(EventSMPSucceeded) {
			t.Errorf("%d bytes to send, events %v", n, p.a.events)
		}
		if p.a.State() != Encrypted && !bytes.Contains(tlvs, []byte{0, 1}) {
			t.Errorf("state %d", p.a.State())
		}
		if p.a.State() == Encrypted {
			p.say(t, p.b, "on")
		}
	})
}
