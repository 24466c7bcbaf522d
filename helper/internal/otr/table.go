// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"errors"
	"strings"
)

// otr.fingerprints and otr.instance_tags have a record on each line, its fields
// between tabs. libotr reads lines into 1000 bytes of C: a longer one falls
// apart there, and a NUL ends it. Such lines are kept, and not read.
const maxTableLine = 999 // with its end

// tableLine is data[start:end] without the end of the line; fields is nil for
// what is no record.
type tableLine struct {
	start, end int
	fields     []string
}

// table is such a file as it was read.
type table struct {
	data  []byte
	lines []tableLine
}

// parseTable splits every line at its first tabs, into as many fields at most;
// it understands any file. Unlike libotr it reads a last line that has no end.
func parseTable(data []byte, fields int) *table {
	t := &table{data: data}
	at := 0
	if bytes.HasPrefix(data, bom) {
		at = len(bom)
	}
	for at < len(data) {
		line := tableLine{start: at, end: len(data)}
		next := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			line.end, next = at+i, at+i+1
			if i > 0 && data[line.end-1] == '\r' {
				line.end--
			}
		}
		if text := data[at:line.end]; next-at <= maxTableLine && bytes.IndexByte(text, 0) < 0 {
			line.fields = strings.SplitN(string(text), "\t", fields)
		}
		t.lines = append(t.lines, line)
		at = next
	}
	return t
}

// field gives the bytes that a line's field stands in.
func (l tableLine) field(n int) (from, to int) {
	from = l.start
	for _, f := range l.fields[:n] {
		from += len(f) + 1
	}
	return from, from + len(l.fields[n])
}

// endOfLine cuts a last field where libotr does.
func endOfLine(field string) string {
	field, _, _ = strings.Cut(field, "\r")
	return field
}

func (t *table) eol() string {
	if bytes.Contains(t.data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// ErrName is of a name, or a trust, that libotr's files have no way to write.
var ErrName = errors.New("it cannot stand in libotr's file: a tab, an end of line or a NUL is in it, or it is too long")

// add writes a line at the end.
func (t *table) add(fields ...string) ([]byte, error) {
	line, err := t.line(fields)
	if err != nil {
		return nil, err
	}
	data := t.ended()
	return splice(data, len(data), len(data), line+t.eol()), nil
}

// ended is the file with an end to its last line: without one, libotr does not
// read it.
func (t *table) ended() []byte {
	n := len(t.data)
	if len(t.lines) == 0 || t.data[n-1] == '\n' {
		return t.data
	}
	return splice(t.data, n, n, t.eol())
}

// replace puts text in place of what stands in a line from one byte to another.
func (t *table) replace(i, from, to int, text string) ([]byte, error) {
	l := t.lines[i]
	if strings.ContainsAny(text, "\r\n\x00") || l.end-l.start-(to-from)+len(text)+len("\r\n") > maxTableLine {
		return nil, ErrName
	}
	return splice(t.data, from, to, text), nil
}

func (t *table) line(fields []string) (string, error) {
	line := strings.Join(fields, "\t")
	if strings.ContainsAny(line, "\r\n\x00") || strings.Count(line, "\t") != len(fields)-1 || len(line)+len("\r\n") > maxTableLine {
		return "", ErrName
	}
	return line, nil
}

// without is the file without some lines.
func (t *table) without(gone func(i int) bool) []byte {
	out, from := []byte{}, 0
	for i, l := range t.lines {
		if !gone(i) {
			continue
		}
		next := len(t.data)
		if i+1 < len(t.lines) {
			next = t.lines[i+1].start
		}
		out = append(out, t.data[from:l.start]...)
		from = next
	}
	return append(out, t.data[from:]...)
}
