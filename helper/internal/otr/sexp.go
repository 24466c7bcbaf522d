// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// otr.private_key is one s-expression as libgcrypt writes it, in its advanced
// form. The reader keeps where each element stands, so that an edit can
// replace its bytes alone. It knows what libgcrypt's does, but for display
// hints and base64, which nobody writes here; and a deeper or larger expression
// than these is no file of keys.
const (
	maxSexpDepth    = 32
	maxSexpElements = 200_000
)

// sexp is a list or an atom, and the bytes data[start:end] that it stands in.
type sexp struct {
	start, end, line int
	isList           bool
	list             []*sexp
	atom             []byte
}

// lineError says in which line the fault is; line 1 is the first.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

var bom = []byte("\xef\xbb\xbf")

// sexpReader reads one s-expression without recursion.
type sexpReader struct {
	data  []byte
	at    int
	line  int
	count int
	open  []*sexp
}

// parseSexp reads the one s-expression that data has to be; nil where there is
// nothing but white space.
func parseSexp(data []byte) (*sexp, error) {
	r := &sexpReader{data: data, line: 1}
	if bytes.HasPrefix(data, bom) {
		r.at = len(bom)
	}
	root, err := r.read()
	if err != nil {
		return nil, &lineError{r.line, err}
	}
	return root, nil
}

func (r *sexpReader) read() (*sexp, error) {
	var root *sexp
	for r.skipSpace(); r.at < len(r.data); r.skipSpace() {
		if root != nil && len(r.open) == 0 {
			return nil, errors.New("something stands behind the end")
		}
		n, err := r.element()
		if err != nil {
			return nil, err
		}
		if root == nil {
			root = n
		}
	}
	if len(r.open) > 0 {
		return nil, fmt.Errorf("it ends within a list that begins in line %d", r.open[len(r.open)-1].line)
	}
	return root, nil
}

// element reads an atom, or one end of a list; nil for its closing one.
func (r *sexpReader) element() (*sexp, error) {
	if r.data[r.at] == ')' {
		if len(r.open) == 0 {
			return nil, errors.New(`a ")" without a "("`)
		}
		r.at++
		r.open[len(r.open)-1].end = r.at
		r.open = r.open[:len(r.open)-1]
		return nil, nil
	}
	n := &sexp{start: r.at, line: r.line, isList: r.data[r.at] == '('}
	if r.count++; r.count > maxSexpElements {
		return nil, fmt.Errorf("more than %d elements", maxSexpElements)
	}
	if n.isList {
		r.at++
		if len(r.open) == maxSexpDepth {
			return nil, fmt.Errorf("lists more than %d deep", maxSexpDepth)
		}
	} else if err := r.readAtom(n); err != nil {
		return nil, err
	}
	n.end = r.at
	switch depth := len(r.open); {
	case depth > 0:
		parent := r.open[depth-1]
		parent.list = append(parent.list, n)
	case !n.isList:
		return nil, errors.New("it is not a list")
	}
	if n.isList {
		r.open = append(r.open, n)
	}
	return n, nil
}

func isSexpSpace(c byte) bool { return strings.IndexByte(" \t\v\n\f\r", c) >= 0 }

func (r *sexpReader) skipSpace() {
	for r.at < len(r.data) && isSexpSpace(r.data[r.at]) {
		if r.data[r.at] == '\n' {
			r.line++
		}
		r.at++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isToken(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("-./_:*+=", c) >= 0
}

func (r *sexpReader) readAtom(n *sexp) (err error) {
	switch c := r.data[r.at]; {
	case c == '"':
		n.atom, err = r.quoted()
	case c == '#':
		n.atom, err = r.hexadecimal()
	case isDigit(c):
		n.atom, err = r.counted()
	case isToken(c):
		for r.at < len(r.data) && isToken(r.data[r.at]) {
			r.at++
		}
		n.atom = r.data[n.start:r.at]
	default:
		err = errors.New("a character that cannot stand here")
	}
	return err
}

// hexadecimal reads digits between two "#"; white space in it is nothing.
func (r *sexpReader) hexadecimal() ([]byte, error) {
	length := bytes.IndexByte(r.data[r.at+1:], '#')
	if length < 0 {
		return nil, errors.New("hexadecimal digits without an end")
	}
	inner := r.data[r.at+1 : r.at+1+length]
	digits := make([]byte, 0, length)
	for _, c := range inner {
		if !isSexpSpace(c) {
			digits = append(digits, c)
		}
	}
	value := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(value, digits); err != nil {
		return nil, errors.New("wrong hexadecimal digits") // the cause would name one of a key
	}
	r.line += bytes.Count(inner, []byte("\n"))
	r.at += length + 2
	return value, nil
}

// counted reads "5:hello".
func (r *sexpReader) counted() ([]byte, error) {
	from := r.at
	for r.at < len(r.data) && isDigit(r.data[r.at]) {
		r.at++
	}
	n, err := strconv.Atoi(string(r.data[from:r.at]))
	if err != nil || r.at == len(r.data) || r.data[r.at] != ':' || n > len(r.data)-r.at-1 || r.data[from] == '0' {
		return nil, errors.New("a number that is no length")
	}
	value := r.data[r.at+1 : r.at+1+n]
	r.line += bytes.Count(value, []byte("\n"))
	r.at += 1 + n
	return value, nil
}

var simpleEscapes = map[byte]byte{'b': '\b', 't': '\t', 'v': '\v', 'n': '\n', 'f': '\f', 'r': '\r', '"': '"', '\'': '\'', '\\': '\\'}

func (r *sexpReader) quoted() ([]byte, error) {
	value := []byte{}
	for r.at++; r.at < len(r.data); r.at++ {
		c := r.data[r.at]
		switch c {
		case '"':
			r.at++
			return value, nil
		case '\n':
			r.line++
		case '\\':
			var err error
			if value, err = r.escape(value); err != nil {
				return nil, err
			}
			continue
		}
		value = append(value, c)
	}
	return nil, errors.New("a quotation without an end")
}

// escape reads what a backslash begins, and leaves at on its last byte.
func (r *sexpReader) escape(value []byte) ([]byte, error) {
	rest := r.data[r.at+1:]
	if len(rest) == 0 {
		return nil, errors.New("a quotation without an end")
	}
	if plain, ok := simpleEscapes[rest[0]]; ok {
		r.at++
		return append(value, plain), nil
	}
	digits, base := 0, 8
	switch c := rest[0]; {
	case c == '\n' || c == '\r': // the line goes on; "\r\n" and "\n\r" are one end
		r.at++
		if len(rest) > 1 && (rest[1] == '\n' || rest[1] == '\r') && rest[1] != c {
			r.at++
		}
		r.line += bytes.Count(r.data[r.at-1:r.at+1], []byte("\n"))
		return value, nil
	case c == 'x':
		rest, base, digits = rest[1:], 16, 2
		r.at++
	case '0' <= c && c <= '7':
		digits = 3
	}
	if digits == 0 || len(rest) < digits {
		return nil, errors.New("an unknown escape in a quotation")
	}
	code, err := strconv.ParseUint(string(rest[:digits]), base, 8)
	if err != nil {
		return nil, errors.New("a wrong escape in a quotation")
	}
	r.at += digits
	return append(value, byte(code)), nil
}

// find gives the first list, n itself or within it, that begins with an atom,
// as gcry_sexp_find_token does; nil where there is none.
func (n *sexp) find(token string) *sexp {
	if !n.isList {
		return nil
	}
	if n.begins(token) {
		return n
	}
	for _, c := range n.list {
		if found := c.find(token); found != nil {
			return found
		}
	}
	return nil
}

func (n *sexp) begins(token string) bool {
	return n.isList && len(n.list) > 0 && !n.list[0].isList && string(n.list[0].atom) == token
}

// value is the atom behind the token of a list; nil where there is none.
func (n *sexp) value() *sexp {
	if n == nil || len(n.list) < 2 || n.list[1].isList {
		return nil
	}
	return n.list[1]
}

// writeAtom writes an atom in the form that libgcrypt gives it: as a token, a
// quotation, or in hexadecimal digits.
func writeAtom(text string) string {
	token, plain := text != "" && !isDigit(text[0]), true
	for i := 0; i < len(text); i++ {
		token = token && isToken(text[i])
		plain = plain && ' ' <= text[i] && text[i] <= '~'
	}
	switch {
	case token:
		return text
	case plain:
		return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(text) + `"`
	}
	return fmt.Sprintf("#%X#", text)
}
