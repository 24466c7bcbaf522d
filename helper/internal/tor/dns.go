// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	maxTargets  = 16  // of one answer; a server that lists more is not waited for
	paddedTo    = 128 // bytes: RFC 8467's block for queries
	optPadding  = 12  // RFC 7830
	udpSizeHint = 1232
)

// dnsQuery is one SRV question and what its answer must repeat.
type dnsQuery struct {
	id   uint16
	name dnsmessage.Name
	wire []byte
}

func newQuery(name string) (dnsQuery, error) {
	n, err := dnsmessage.NewName(strings.ToLower(name))
	if err != nil {
		return dnsQuery{}, fmt.Errorf("cannot ask for %q: %w", name, err)
	}
	var b [2]byte
	_, _ = rand.Read(b[:])
	q := dnsQuery{id: uint16(b[0])<<8 | uint16(b[1]), name: n}
	if q.wire, err = q.pack(0); err != nil {
		return q, fmt.Errorf("cannot ask for %q: %w", name, err)
	}
	if more := len(q.wire) % paddedTo; more != 0 {
		q.wire, err = q.pack(paddedTo - more)
	}
	return q, err
}

func (q dnsQuery) pack(padding int) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: q.id, RecursionDesired: true})
	var h dnsmessage.ResourceHeader
	err := errors.Join(b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: q.name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET}),
		b.StartAdditionals(), h.SetEDNS0(udpSizeHint, dnsmessage.RCodeSuccess, false),
		b.OPTResource(h, dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optPadding, Data: make([]byte, padding)}}}))
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

// read takes the SRV records that belong to the question out of an answer.
func (q dnsQuery) read(wire []byte) ([]SRV, error) {
	var p dnsmessage.Parser
	h, err := p.Start(wire)
	if err != nil {
		return nil, errors.New("cannot read the resolver's answer")
	}
	question, err := p.Question()
	if err != nil || h.ID != q.id || !h.Response || h.Truncated || question.Type != dnsmessage.TypeSRV || !sameName(question.Name, q.name) {
		return nil, errors.New("cannot use the resolver's answer: it is not to our question")
	}
	if h.RCode == dnsmessage.RCodeNameError {
		return nil, ErrNoRecords
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return nil, fmt.Errorf("cannot use the resolver's answer: %s", h.RCode)
	}
	if err = p.SkipAllQuestions(); err != nil {
		return nil, errors.New("cannot read the resolver's answer")
	}
	return readRecords(&p, q.name)
}

// readRecords follows CNAMEs in the order in which a resolver gives them.
func readRecords(p *dnsmessage.Parser, owner dnsmessage.Name) ([]SRV, error) {
	var list []SRV
	refused := false
	for range 64 {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, errors.New("cannot read the resolver's answer")
		}
		switch {
		case h.Type == dnsmessage.TypeCNAME && sameName(h.Name, owner):
			var r dnsmessage.CNAMEResource
			if r, err = p.CNAMEResource(); err == nil {
				owner = r.CNAME
			}
		case h.Type == dnsmessage.TypeSRV && h.Class == dnsmessage.ClassINET && sameName(h.Name, owner):
			var r dnsmessage.SRVResource
			if r, err = p.SRVResource(); err == nil && r.Target.String() == "." {
				refused = true
			} else if t := strings.TrimSuffix(r.Target.String(), "."); err == nil && len(list) < maxTargets && plainHost(t) && r.Port != 0 {
				list = append(list, SRV{t, r.Port, r.Priority, r.Weight})
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, errors.New("cannot read the resolver's answer")
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case refused:
		return nil, ErrNoService
	}
	return nil, ErrNoRecords
}

func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }

// plainHost lets through what can be a host's name; anything else in a target
// is somebody playing.
func plainHost(name string) bool {
	return name != "" && len(name) <= 253 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
	}) < 0
}

// order is RFC 2782's: by priority, and among equals at random by weight.
func order(list []SRV) []SRV {
	slices.SortStableFunc(list, func(a, b SRV) int {
		if a.Priority != b.Priority {
			return int(a.Priority) - int(b.Priority)
		}
		return min(int(a.Weight), 1) - min(int(b.Weight), 1) // weight 0 first
	})
	for start := 0; start < len(list); start++ {
		end := start
		for end < len(list) && list[end].Priority == list[start].Priority {
			end++
		}
		pick := start + weighted(list[start:end])
		chosen := list[pick]
		copy(list[start+1:pick+1], list[start:pick])
		list[start] = chosen
	}
	return list
}

// weighted chooses one: the first whose running sum reaches a random number.
func weighted(list []SRV) int {
	sum := 0
	for _, s := range list {
		sum += int(s.Weight)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(sum)+1))
	if err != nil {
		return 0
	}
	running := 0
	for i, s := range list {
		if running += int(s.Weight); int64(running) >= n.Int64() {
			return i
		}
	}
	return 0
}
