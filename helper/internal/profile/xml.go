// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits on what is read. libpurple's own files are far below all of them: an
// account takes about 1.5 KiB and 30 elements.
const (
	maxElements = 400_000
	maxDepth    = 64
	maxAttrs    = 64
)

// A node is one element with the byte span that it covers, so that an edit
// can replace its bytes and leave all others alone.
type node struct {
	name     string
	attrs    []attr
	text     strings.Builder // character data directly in it, decoded and joined
	children []*node
	parent   *node

	start, end         int // of the whole element
	innerStart, innerE int // of what is between its tags; equal when self-closing
	selfClosing        bool
	line               int
}

type attr struct {
	name, value string
	from, to    int // what stands between the quotes
}

func (n *node) attr(name string) (string, bool) {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// child is the first child of that name, which is the one libpurple takes.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// childText is the text of the first child of that name; false where the child
// is missing or has none, which libpurple does not tell apart.
func (n *node) childText(name string) (string, bool) {
	if c := n.child(name); c != nil && c.text.Len() > 0 {
		return c.text.String(), true
	}
	return "", false
}

// A syntaxError is where and why a document was refused; it never quotes it.
type syntaxError struct {
	line int
	msg  string
}

func (e *syntaxError) Error() string { return e.msg }

var utf8BOM = []byte("\xef\xbb\xbf")

// parser reads the part of XML that libpurple writes and hand edits leave:
// elements, attributes, text, comments, CDATA and processing instructions.
// Document types, namespaces and encodings other than UTF-8 are refused, so
// that no entity but the five predefined ones and character references exists.
type parser struct {
	data     []byte
	pos      int
	line     int // of linePos
	linePos  int
	elements int
	comments [][2]int // spans; at most maxElements are noted, more are refused
}

// parseXML reads a whole document and gives its root element.
func parseXML(data []byte) (*node, error) {
	return (&parser{data: data, line: 1}).parse()
}

func (p *parser) parse() (*node, error) {
	data := p.data
	if err := p.checkBytes(); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, utf8BOM) {
		p.pos = len(utf8BOM)
	}
	if err := p.declaration(); err != nil {
		return nil, err
	}
	return p.document()
}

func (p *parser) fail(format string, args ...any) error {
	return p.failAt(p.pos, format, args...)
}

func (p *parser) failAt(pos int, format string, args ...any) error {
	return &syntaxError{1 + bytes.Count(p.data[:min(pos, len(p.data))], []byte{'\n'}), fmt.Sprintf(format, args...)}
}

// lineAt counts lines; positions must not go back.
func (p *parser) lineAt(pos int) int {
	p.line += bytes.Count(p.data[p.linePos:pos], []byte{'\n'})
	p.linePos = pos
	return p.line
}

// checkBytes refuses what is not XML 1.0 characters in UTF-8.
func (p *parser) checkBytes() error {
	d := p.data
	if bytes.HasPrefix(d, []byte("\xff\xfe")) || bytes.HasPrefix(d, []byte("\xfe\xff")) {
		return p.failAt(0, "it is in UTF-16; libpurple writes UTF-8")
	}
	for i := 0; i < len(d); {
		if d[i] < utf8.RuneSelf {
			if d[i] < 0x20 && d[i] != '\t' && d[i] != '\n' && d[i] != '\r' {
				return p.failAt(i, "byte 0x%02x is not allowed in XML", d[i])
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(d[i:])
		if r == utf8.RuneError && n == 1 {
			return p.failAt(i, "it is not UTF-8 (byte 0x%02x)", d[i])
		}
		if r == 0xfffe || r == 0xffff {
			return p.failAt(i, "character U+%04X is not allowed in XML", r)
		}
		i += n
	}
	return nil
}

func (p *parser) has(prefix string) bool {
	return len(p.data)-p.pos >= len(prefix) && string(p.data[p.pos:p.pos+len(prefix)]) == prefix
}

func (p *parser) declaration() error {
	if !p.has("<?xml") || p.pos+5 >= len(p.data) || !isSpace(p.data[p.pos+5]) {
		return nil
	}
	end := bytes.Index(p.data[p.pos:], []byte("?>"))
	if end < 0 {
		return p.fail("the XML declaration does not end")
	}
	decl := p.data[p.pos+5 : p.pos+end]
	sub := &parser{data: append(append([]byte("<x"), decl...), "/>"...), line: 1}
	n, err := sub.document()
	if err != nil {
		return p.fail("the XML declaration is broken")
	}
	if v, _ := n.attr("version"); v != "1.0" {
		return p.fail("it is not XML 1.0")
	}
	if enc, ok := n.attr("encoding"); ok && !strings.EqualFold(enc, "UTF-8") && !strings.EqualFold(enc, "US-ASCII") {
		return p.fail("it declares an encoding other than UTF-8")
	}
	p.pos += end + 2
	return nil
}

// document reads prolog, root and epilog without recursion: depth is bounded,
// and so is the stack.
func (p *parser) document() (*node, error) {
	var root, cur *node
	for p.pos < len(p.data) {
		var err error
		switch {
		case p.has("<!--"):
			err = p.comment()
		case p.has("<![CDATA["):
			err = p.cdata(cur)
		case p.has("<!"):
			return nil, p.fail("it has a document type or entity declaration, which libpurple never writes")
		case p.has("<?"):
			err = p.instruction()
		case p.has("</"):
			if cur == nil {
				return nil, p.fail("an end tag without a start tag")
			}
			if err = p.endTag(cur); err == nil {
				cur = cur.parent
			}
		case p.data[p.pos] == '<':
			if cur == nil && root != nil {
				return nil, p.fail("a second root element")
			}
			var n *node
			if n, err = p.startTag(cur); err != nil {
				return nil, err
			}
			if root == nil {
				root = n
			}
			if !n.selfClosing {
				cur = n
			}
		default:
			err = p.characters(cur)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case cur != nil:
		return nil, p.fail("it ends inside <%s> of line %d", cur.name, cur.line)
	case root == nil:
		return nil, p.fail("it has no element")
	}
	return root, nil
}

func (p *parser) comment() error {
	body := p.data[p.pos+4:]
	end := bytes.Index(body, []byte("--"))
	if end < 0 {
		return p.fail("a comment does not end")
	}
	if end+2 >= len(body) || body[end+2] != '>' {
		return p.fail("a comment contains \"--\"")
	}
	if len(p.comments) >= maxElements {
		return p.fail("it has more than %d comments", maxElements)
	}
	p.comments = append(p.comments, [2]int{p.pos, p.pos + 4 + end + 3})
	p.pos += 4 + end + 3
	return nil
}

func (p *parser) cdata(cur *node) error {
	if cur == nil {
		return p.fail("text outside the root element")
	}
	body := p.data[p.pos+9:]
	end := bytes.Index(body, []byte("]]>"))
	if end < 0 {
		return p.fail("a CDATA section does not end")
	}
	if end > 0 {
		cur.text.WriteString(newlines(string(body[:end])))
	}
	p.pos += 9 + end + 3
	return nil
}

func (p *parser) instruction() error {
	p.pos += 2
	start := p.pos
	name, err := p.name()
	if err != nil {
		return err
	}
	if strings.EqualFold(name, "xml") {
		p.pos = start
		return p.fail("an XML declaration that is not at the start")
	}
	end := bytes.Index(p.data[p.pos:], []byte("?>"))
	if end < 0 {
		return p.fail("a processing instruction does not end")
	}
	if end > 0 && !isSpace(p.data[p.pos]) {
		return p.fail("a broken processing instruction")
	}
	p.pos += end + 2
	return nil
}

func (p *parser) startTag(cur *node) (*node, error) {
	n := &node{parent: cur, start: p.pos, line: p.lineAt(p.pos)}
	if p.elements++; p.elements > maxElements {
		return nil, p.fail("it has more than %d elements", maxElements)
	}
	depth := 0
	for up := cur; up != nil; up = up.parent {
		depth++
	}
	if depth >= maxDepth {
		return nil, p.fail("elements stand more than %d deep", maxDepth)
	}
	p.pos++
	var err error
	if n.name, err = p.name(); err != nil {
		return nil, err
	}
	if err = p.attributes(n); err != nil {
		return nil, err
	}
	if n.selfClosing {
		n.innerStart, n.innerE, n.end = p.pos, p.pos, p.pos
	} else {
		n.innerStart = p.pos
	}
	if cur != nil {
		cur.children = append(cur.children, n)
	}
	return n, nil
}

// attributes reads up to and with the end of the start tag.
func (p *parser) attributes(n *node) error {
	for {
		spaced := p.space()
		switch {
		case p.has("/>"):
			p.pos += 2
			n.selfClosing = true
			return nil
		case p.has(">"):
			p.pos++
			return nil
		case p.pos >= len(p.data):
			return p.fail("it ends inside a tag")
		case !spaced:
			return p.fail("a broken tag")
		}
		if err := p.attribute(n); err != nil {
			return err
		}
	}
}

func (p *parser) attribute(n *node) error {
	at := p.pos
	name, err := p.name()
	if err != nil {
		return err
	}
	if name == "xmlns" {
		return p.failAt(at, "it uses XML namespaces, which libpurple never writes here")
	}
	if _, twice := n.attr(name); twice {
		return p.failAt(at, "an attribute stands twice in one element")
	}
	if len(n.attrs) >= maxAttrs {
		return p.failAt(at, "an element has more than %d attributes", maxAttrs)
	}
	p.space()
	if !p.has("=") {
		return p.fail("an attribute without a value")
	}
	p.pos++
	p.space()
	from := p.pos + 1
	value, err := p.quoted()
	if err != nil {
		return err
	}
	n.attrs = append(n.attrs, attr{name, value, from, p.pos - 1})
	return nil
}

func (p *parser) quoted() (string, error) {
	if !p.has("'") && !p.has("\"") {
		return "", p.fail("an attribute value without quotes")
	}
	quote := p.data[p.pos]
	end := bytes.IndexByte(p.data[p.pos+1:], quote)
	if end < 0 {
		return "", p.fail("an attribute value does not end")
	}
	raw := string(p.data[p.pos+1 : p.pos+1+end])
	if strings.IndexByte(raw, '<') >= 0 {
		return "", p.fail("\"<\" in an attribute value")
	}
	// Attribute-value normalization, XML 1.0 section 3.3.3.
	raw = strings.NewReplacer("\n", " ", "\t", " ").Replace(newlines(raw))
	value, bad, err := decode(raw)
	if err != nil {
		return "", p.failAt(p.pos+1+bad, "%s", err)
	}
	p.pos += end + 2
	return value, nil
}

func (p *parser) endTag(cur *node) error {
	at := p.pos
	p.pos += 2
	name, err := p.name()
	if err != nil {
		return err
	}
	if name != cur.name {
		return p.failAt(at, "<%s> of line %d ends with another name", cur.name, cur.line)
	}
	p.space()
	if !p.has(">") {
		return p.fail("a broken end tag")
	}
	p.pos++
	cur.innerE, cur.end = at, p.pos
	return nil
}

func (p *parser) characters(cur *node) error {
	end := bytes.IndexByte(p.data[p.pos:], '<')
	if end < 0 {
		end = len(p.data) - p.pos
	}
	raw := string(p.data[p.pos : p.pos+end])
	if cur == nil {
		if text := strings.TrimLeft(raw, " \t\r\n"); text != "" {
			return p.failAt(p.pos+end-len(text), "text outside the root element")
		}
		p.pos += end
		return nil
	}
	if strings.Contains(raw, "]]>") {
		return p.fail("\"]]>\" in text")
	}
	if _, bad, err := decode(raw); err != nil { // here offsets still fit
		return p.failAt(p.pos+bad, "%s", err)
	}
	text, _, _ := decode(newlines(raw))
	cur.text.WriteString(text)
	p.pos += end
	return nil
}

// name reads an XML name. A colon would make it a namespace's.
func (p *parser) name() (string, error) {
	start := p.pos
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		if c == ':' {
			return "", p.fail("it uses XML namespaces, which libpurple never writes here")
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (p.pos == start || (c != '-' && c != '.' && (c < '0' || c > '9'))) {
			break
		}
		p.pos++
	}
	if p.pos == start {
		return "", p.fail("a tag or attribute without a name")
	}
	return string(p.data[start:p.pos]), nil
}

func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.data) && isSpace(p.data[p.pos]) {
		p.pos++
	}
	return p.pos > start
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// newlines is XML 1.0 section 2.11: CRLF and a lone CR are read as LF.
func newlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

var predefined = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"}

// decode replaces references; the result is never longer than the source. With
// an error it gives the offset of the reference that is to blame.
func decode(s string) (string, int, error) {
	if strings.IndexByte(s, '&') < 0 {
		return s, 0, nil
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.IndexByte(s[at:], '&')
		if i < 0 {
			b.WriteString(s[at:])
			return b.String(), 0, nil
		}
		b.WriteString(s[at : at+i])
		at += i
		end := strings.IndexByte(s[at:min(at+12, len(s))], ';')
		if end < 0 {
			return "", at, errors.New("\"&\" without a reference")
		}
		text, err := reference(s[at+1 : at+end])
		if err != nil {
			return "", at, err
		}
		b.WriteString(text)
		at += end + 1
	}
}

func reference(name string) (string, error) {
	if text, ok := predefined[name]; ok {
		return text, nil
	}
	if !strings.HasPrefix(name, "#") {
		return "", errors.New("an entity that is not predefined")
	}
	digits, base := name[1:], 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	r, ok := parseCode(digits, base)
	if !ok {
		return "", errors.New("a broken character reference")
	}
	return string(r), nil
}

// parseCode reads a character number that XML 1.0 allows (section 2.2).
func parseCode(digits string, base int) (rune, bool) {
	if digits == "" {
		return 0, false
	}
	var r rune
	for _, c := range []byte(digits) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if c < '0' || d < 0 || d >= base {
			return 0, false
		}
		if r = r*rune(base) + rune(d); r > utf8.MaxRune {
			return 0, false
		}
	}
	low := r == '\t' || r == '\n' || r == '\r'
	return r, low || r >= 0x20 && r != 0xfffe && r != 0xffff && utf8.ValidRune(r)
}
