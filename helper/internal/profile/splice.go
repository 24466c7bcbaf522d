// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"errors"
	"sort"
	"strings"
)

// A splice replaces the bytes Old at offset At by New. In a record At counts
// in the edited bytes, so that the splice can be taken back.
type splice struct {
	At  int    `json:"at"`
	Old []byte `json:"old"`
	New []byte `json:"new"`
}

var errOverlap = errors.New("two edits overlap")

// apply makes splices whose At counts in data. It gives the new bytes, and the
// splices in order with At counting in these.
func apply(data []byte, edits []splice) ([]byte, []splice, error) {
	edits = append([]splice(nil), edits...)
	sort.SliceStable(edits, func(i, j int) bool {
		if edits[i].At != edits[j].At {
			return edits[i].At < edits[j].At
		}
		return len(edits[i].Old) == 0 && len(edits[j].Old) > 0
	})
	var out []byte
	done := 0
	for i, e := range edits {
		if e.At < done || e.At+len(e.Old) > len(data) || !bytes.Equal(data[e.At:e.At+len(e.Old)], e.Old) {
			return nil, nil, errOverlap
		}
		out = append(out, data[done:e.At]...)
		done = e.At + len(e.Old)
		edits[i].At = len(out)
		out = append(out, e.New...)
	}
	return append(out, data[done:]...), edits, nil
}

// revert takes back splices as apply gave them; false where the bytes are no
// longer what they were made to be.
func revert(data []byte, edits []splice) ([]byte, bool) {
	var out []byte
	done := 0
	for _, e := range edits {
		if e.At < done || e.At > len(data)-len(e.New) || !bytes.Equal(data[e.At:e.At+len(e.New)], e.New) {
			return nil, false
		}
		out = append(out, data[done:e.At]...)
		out = append(out, e.Old...)
		done = e.At + len(e.New)
	}
	return append(out, data[done:]...), true
}

// An editor collects splices for one parsed document.
type editor struct {
	data  []byte
	edits []splice
}

func (e *editor) replace(from, to int, text string) {
	if string(e.data[from:to]) == text {
		return
	}
	e.edits = append(e.edits, splice{from, append([]byte{}, e.data[from:to]...), []byte(text)})
}

// insert puts elements behind the last child of n, each on a line of its own
// where the document is written that way.
func (e *editor) insert(n *node, elements ...string) {
	if len(elements) == 0 {
		return
	}
	sep, last := e.indent(n)
	text := sep + strings.Join(elements, sep)
	switch {
	case n.selfClosing:
		e.replace(n.end-2, n.end, ">"+text+last+"</"+n.name+">")
	case len(n.children) > 0:
		at := n.children[len(n.children)-1].end
		e.replace(at, at, text)
	default:
		// What stands there may be a comment or text: go behind it, but before
		// the white space of the end tag.
		at := n.innerStart + len(bytes.TrimRight(e.data[n.innerStart:n.innerE], " \t\r\n"))
		if at == n.innerStart && n.innerStart == n.innerE {
			text += last
		}
		e.replace(at, at, text)
	}
}

// indent is what stands before a child of n, and before n's end tag.
func (e *editor) indent(n *node) (child, end string) {
	end = e.before(n.start)
	if end == "" {
		return "", ""
	}
	if len(n.children) > 0 {
		return e.before(n.children[len(n.children)-1].start), end
	}
	return end + "\t", end
}

// before is the line break and white space in front of an offset; empty where
// something else stands there on the line.
func (e *editor) before(at int) string {
	start := len(bytes.TrimRight(e.data[:at], " \t"))
	for _, br := range []string{"\r\n", "\n"} {
		if bytes.HasSuffix(e.data[:start], []byte(br)) {
			return br + string(e.data[start:at])
		}
	}
	return ""
}

// remove takes an element out, with its line where it has one of its own.
func (e *editor) remove(n *node) { e.replace(n.start-len(e.before(n.start)), n.end, "") }

// setText gives an element a text in place of all that stands in it.
func (e *editor) setText(n *node, text string) {
	if n.selfClosing {
		e.replace(n.end-2, n.end, ">"+escape(text)+"</"+n.name+">")
		return
	}
	e.replace(n.innerStart, n.innerE, escape(text))
}

// setValue changes the value attribute; false where there is none.
func (e *editor) setValue(n *node, text string) bool {
	for _, a := range n.attrs {
		if a.name == "value" {
			e.replace(a.from, a.to, escape(text))
			return true
		}
	}
	return false
}

// setChild gives the child that libpurple reads a text; without one it is
// inserted later by the caller, from what setChild gives back.
func (e *editor) setChild(n *node, name, text string) []string {
	c := n.child(name)
	if c == nil {
		return []string{"<" + name + ">" + escape(text) + "</" + name + ">"}
	}
	if old, ok := n.childText(name); !ok || old != text {
		e.setText(c, text)
	}
	return nil
}

func (e *editor) removeChildren(n *node, name string) {
	for _, c := range n.children {
		if c.name == name {
			e.remove(c)
		}
	}
}

// escape writes text so that it is read back as it is, also in an attribute.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", "\"", "&quot;",
		"\r", "&#13;", "\n", "&#10;", "\t", "&#9;").Replace(text)
}
