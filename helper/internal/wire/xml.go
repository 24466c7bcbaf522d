// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of one element; libpurple itself reads and writes no deeper ones.
const (
	maxDepth    = 64
	maxElements = 10_000
)

// element is an XML element as libpurple writes it. Names keep their prefix.
type element struct {
	name     string
	ns       string // its namespace; inherited where it names none
	attrs    []xml.Attr
	children []any // *element or string
}

var errXML = errors.New("it is not one XML element")

// parseElement reads exactly one element. Comments, processing instructions
// and document types are refused: libpurple writes none.
func parseElement(text string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	var root *element
	var open []*element
	for count := 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errXML, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements || len(open) >= maxDepth || root != nil && len(open) == 0 {
				return nil, errXML
			}
			e := newElement(token, open)
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			} else {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1].name != rawName(token.Name) {
				return nil, errXML
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, string(token))
			} else if strings.TrimSpace(string(token)) != "" {
				return nil, errXML
			}
		default:
			return nil, errXML
		}
	}
	if root == nil || len(open) > 0 {
		return nil, errXML
	}
	return root, nil
}

func newElement(start xml.StartElement, open []*element) *element {
	e := &element{name: rawName(start.Name)}
	for _, a := range start.Attr {
		e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: rawName(a.Name)}, Value: a.Value})
	}
	if ns, ok := e.attr("xmlns"); ok {
		e.ns = ns
	} else if len(open) > 0 {
		e.ns = open[len(open)-1].ns
	}
	if strings.Contains(e.name, ":") {
		e.ns = "" // a prefix that we do not resolve belongs to no namespace we know
	}
	return e
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func (e *element) attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// set adds an attribute.
func (e *element) set(name, value string) {
	e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}

// drop takes an attribute away, and says whether it was there.
func (e *element) drop(name string) bool {
	before := len(e.attrs)
	e.attrs = slices.DeleteFunc(e.attrs, func(a xml.Attr) bool { return a.Name.Local == name })
	return len(e.attrs) < before
}

// dropLocal takes attributes away that have a name, whatever their prefix.
func (e *element) dropLocal(name string) bool {
	before := len(e.attrs)
	e.attrs = slices.DeleteFunc(e.attrs, func(a xml.Attr) bool { return local(a.Name.Local) == name })
	return len(e.attrs) < before
}

// local is a name without its prefix.
func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// walk visits e and all below it.
func (e *element) walk(visit func(*element)) {
	visit(e)
	for _, c := range e.children {
		if child, ok := c.(*element); ok {
			child.walk(visit)
		}
	}
}

// onlyAttrs says whether e has no attribute but those named, each once.
func (e *element) onlyAttrs(names ...string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = false
	}
	for _, a := range e.attrs {
		if before, known := seen[a.Name.Local]; !known || before {
			return false
		}
		seen[a.Name.Local] = true
	}
	return true
}

// elements gives e's child elements; loose is true where text that is not
// white space stands between them.
func (e *element) elements() (children []*element, loose bool) {
	for _, c := range e.children {
		switch c := c.(type) {
		case *element:
			children = append(children, c)
		case string:
			loose = loose || strings.TrimSpace(c) != ""
		}
	}
	return children, loose
}

// text gives e's text; ok is false where it holds elements.
func (e *element) text() (text string, ok bool) {
	var b strings.Builder
	for _, c := range e.children {
		s, isText := c.(string)
		if !isText {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

// String writes e as libpurple's xmlnode_to_str does: attributes in single
// quotes, an empty element closed at once.
func (e *element) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *element) write(b *strings.Builder) {
	b.WriteString("<" + e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a.Name.Local + "='" + escapes.Replace(a.Value) + "'")
	}
	if len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	for _, c := range e.children {
		switch c := c.(type) {
		case *element:
			c.write(b)
		case string:
			b.WriteString(escapes.Replace(c))
		}
	}
	b.WriteString("</" + e.name + ">")
}
