// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import "strings"

const (
	bindNS = "urn:ietf:params:xml:ns:xmpp-bind" // RFC 6120 section 7
	authNS = "jabber:iq:auth"                   // XEP-0078
)

// WithResource gives an element on its way to an XMPP server in which the
// account asks for another resource than the one in its name: people put their
// computer's name there. Empty leaves the choice to the server, except in the
// login of before XMPP 1.0, which needs one.
func WithResource(text, resource string) string {
	if !strings.Contains(text, bindNS) && !strings.Contains(text, authNS) {
		return text
	}
	e, err := parseElement(text)
	if err != nil || e.name != "iq" {
		return text
	}
	changed := false
	children, _ := e.elements()
	for _, c := range children {
		switch {
		case c.ns == bindNS && c.name == "bind":
			changed = c.setResource(resource) || changed
		case c.ns == authNS && c.name == "query":
			if resource == "" {
				resource = "x"
			}
			changed = c.setResource(resource) || changed
		}
	}
	if !changed {
		return text
	}
	return e.String()
}

// setResource changes e's resource, where it has one; with "" it has none.
func (e *element) setResource(resource string) bool {
	var kept []any
	found := false
	for _, c := range e.children {
		if child, ok := c.(*element); ok && child.name == "resource" {
			if found = true; resource == "" {
				continue
			}
			child.children = []any{resource}
		}
		kept = append(kept, c)
	}
	if !found && resource != "" && e.ns == bindNS {
		kept, found = append(kept, &element{name: "resource", ns: bindNS, children: []any{resource}}), true
	}
	e.children = kept
	return found
}
