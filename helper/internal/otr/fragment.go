// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// fragment is one piece of an encoded message (OTRv3, "Fragmentation").
type fragment struct {
	version  int
	from, to uint32 // instance tags; 0 in version 2
	k, n     int    // the k-th of n
	piece    string
}

const (
	maxPieces = 1<<16 - 1
	// maxPartial is how many messages a conversation puts together at a time,
	// and partialAge how long it waits for the rest of one.
	maxPartial = 8
	partialAge = 10 * time.Minute
)

var errFragment = errors.New("malformed OTR fragment")

// parseFragment reads "?OTR|from|to,k,n,piece," and "?OTR,k,n,piece,". An
// empty piece is taken: otr3 by itself sends one where a length falls so.
func parseFragment(line string) (fragment, error) {
	f := fragment{version: 2}
	rest, ok := strings.CutPrefix(line, fragment2Prefix)
	if !ok {
		var tags string
		f.version = 3
		rest, _ = strings.CutPrefix(line, fragment3Prefix)
		tags, rest, ok = strings.Cut(rest, ",")
		from, to, both := strings.Cut(tags, "|")
		if !ok || !both || !hexTag(from, &f.from) || !hexTag(to, &f.to) || f.from < minTag || f.to != 0 && f.to < minTag {
			return fragment{}, errFragment
		}
	}
	parts := strings.SplitN(rest, ",", 4)
	if len(parts) != 4 || !count(parts[0], &f.k) || !count(parts[1], &f.n) || f.k > f.n {
		return fragment{}, errFragment
	}
	f.piece = parts[2]
	return f, nil
}

func hexTag(text string, tag *uint32) bool {
	n, err := strconv.ParseUint(text, 16, 32)
	*tag = uint32(n)
	return err == nil && len(text) <= 8
}

func count(text string, n *int) bool {
	v, err := strconv.ParseUint(text, 10, 16)
	*n = int(v)
	return err == nil && v > 0
}

func (f fragment) line() string {
	return fmt.Sprintf("%s%05d,%05d,%s,", fragmentHead(f.version, f.from, f.to), f.k, f.n, f.piece)
}

func fragmentHead(version int, from, to uint32) string {
	if version == 3 {
		return fmt.Sprintf("%s%08x|%08x,", fragment3Prefix, from, to)
	}
	return fragment2Prefix
}

// plausible says whether the piece can be one of an encoded message: the first
// begins as a message does, the last ends as one, and the rest is base64.
func (f fragment) plausible() bool {
	body, end := f.piece, false
	if f.k == 1 {
		whole := messagePrefix + "AA"
		if len(body) < len(whole) || !strings.HasPrefix(body, whole) {
			return false
		}
		body = body[len(messagePrefix):]
	}
	if f.k == f.n {
		body, end = strings.CutSuffix(body, ".")
	}
	const code = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
	return strings.Trim(body, code) == "" && end == (f.k == f.n) && f.piece != ""
}

// split cuts an encoded message into lines of at most size bytes (0: no
// limit), none of them with an empty piece: libotr refuses such a fragment.
func split(m message, size int) ([]string, error) {
	line := m.line()
	if size == 0 || len(line) <= size {
		return []string{line}, nil
	}
	room := size - len(fragment{version: m.version, from: m.from, to: m.to}.line())
	if room <= 0 {
		return nil, fmt.Errorf("cannot fragment: no room in lines of %d bytes", size)
	}
	n := (len(line) + room - 1) / room
	if n > maxPieces {
		return nil, fmt.Errorf("cannot fragment: %d pieces, at most %d", n, maxPieces)
	}
	lines := make([]string, 0, n)
	for k := 1; k <= n; k++ {
		piece := line[(k-1)*room : min(k*room, len(line))]
		lines = append(lines, fragment{m.version, m.from, m.to, k, n, piece}.line())
	}
	return lines, nil
}

// sender is where fragments come from: instance tags in version 3, and one
// for all in version 2.
type sender struct {
	version  int
	from, to uint32
}

// partial is a message of which the first k of n pieces are there.
type partial struct {
	k, n int
	text strings.Builder
	at   time.Time
}

// joiner puts fragments together, each sender's by itself. All it holds
// together is at most maxLine bytes.
type joiner struct{ partials map[sender]*partial }

// add takes a piece, and gives the whole line where it was the last.
func (j *joiner) add(f fragment, now time.Time) (string, bool) {
	key := sender{f.version, f.from, f.to}
	p := j.partials[key]
	if f.k == 1 {
		delete(j.partials, key)
		p = j.room(key, now)
	}
	if p == nil || f.k != p.k+1 || p.n != 0 && f.n != p.n {
		delete(j.partials, key) // OTRv3: forget what there is
		return "", false
	}
	p.k, p.n, p.at = f.k, f.n, now
	p.text.WriteString(f.piece)
	if f.k == f.n {
		delete(j.partials, key)
		return p.text.String(), true
	}
	for j.held() > maxLine {
		j.dropOldest(key)
	}
	return "", false
}

// room starts a message, and forgets others that are old or too many.
func (j *joiner) room(key sender, now time.Time) *partial {
	if j.partials == nil {
		j.partials = map[sender]*partial{}
	}
	for other, p := range j.partials {
		if now.Sub(p.at) > partialAge {
			delete(j.partials, other)
		}
	}
	for len(j.partials) >= maxPartial {
		j.dropOldest(key)
	}
	p := &partial{at: now}
	j.partials[key] = p
	return p
}

func (j *joiner) held() int {
	n := 0
	for _, p := range j.partials {
		n += p.text.Len()
	}
	return n
}

// dropOldest forgets the message that has waited longest, and last keeps'.
func (j *joiner) dropOldest(keep sender) {
	oldest := keep
	for key, p := range j.partials {
		if key != keep && (oldest == keep || p.at.Before(j.partials[oldest].at)) {
			oldest = key
		}
	}
	delete(j.partials, oldest)
}
