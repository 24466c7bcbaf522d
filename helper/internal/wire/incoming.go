// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"slices"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Arrival is what something that came says, before libpurple sees it.
type Arrival struct {
	Content policy.Content
	Text    string   // the form in which libpurple may have it
	Refusal string   // what is answered where it may not; "": nothing
	Devices *Devices // an answer about OMEMO devices; nil: it is none
}

// ArrivedStanza reads an element that came from an XMPP server. Of what cannot
// be read nothing is known, and libpurple, which reads more, is not to have it.
func ArrivedStanza(text string) Arrival {
	if plainMessage(text) {
		return Arrival{Content: policy.ContentOther, Text: text}
	}
	e, err := parseElement(text)
	if err != nil {
		return Arrival{}
	}
	a := Arrival{Content: policy.ContentOther, Text: text}
	if e.ns == "" {
		e.ns = client
	}
	inherit(e, client)
	switch {
	case e.name == "iq":
		a.Content = arrivedIQ(e)
		a.Refusal = refusal(e)
		a.Devices = devicesAnswer(e)
	case e.name == "message" && stripAvatarURL(e):
		a.Text = e.String()
	}
	return a
}

// plainMessage knows a message in which stripAvatarURL could find nothing: it
// need not be read, which for a large one takes longer than libpurple itself
// does. libpurple writes names as they are.
func plainMessage(text string) bool {
	rest, is := strings.CutPrefix(text, "<message")
	return is && rest != "" && strings.ContainsAny(rest[:1], " >/") && !strings.Contains(rest, "<info") && !strings.Contains(rest, ":info")
}

// arrivedIQ knows questions about the person, and offers of files and calls.
func arrivedIQ(e *element) policy.Content {
	kind, _ := e.attr("type")
	if kind != "get" && kind != "set" {
		return policy.ContentOther
	}
	children, _ := e.elements()
	for _, c := range children {
		switch {
		case isPeers(c.ns):
			return policy.ContentPeer
		case slices.Contains(personal, c.ns):
			return policy.ContentPersonal
		}
	}
	return policy.ContentOther
}

// refusal is what a program answers that does not know the question (RFC 6120
// section 8.3.3.19).
func refusal(e *element) string {
	out := &element{name: "iq"}
	from, _ := e.attr("from")
	id, _ := e.attr("id")
	out.set("type", "error")
	if from != "" {
		out.set("to", from)
	}
	out.set("id", id)
	fault := &element{name: "error"}
	fault.set("type", "cancel")
	condition := &element{name: "service-unavailable"}
	condition.set("xmlns", "urn:ietf:params:xml:ns:xmpp-stanzas")
	fault.children = []any{condition}
	out.children = []any{fault}
	return out.String()
}

// stripAvatarURL takes the addresses out of an avatar's metadata (XEP-0084):
// libpurple fetches them, past the account's libpurple proxy (useravatar.c). It
// finds element and attribute by name, in whatever namespace they are.
func stripAvatarURL(e *element) bool {
	found := false
	e.walk(func(c *element) {
		if local(c.name) == "info" && c.dropLocal("url") {
			found = true
		}
	})
	return found
}

// ArrivedIRC reads a line that came from an IRC server. Text is as long as
// the line: libpurple goes on with the same memory (irc.c, read_input). CTCP
// asks for the version and offers files; an action is a message.
func ArrivedIRC(line string) Arrival {
	a := Arrival{Content: policy.ContentOther, Text: line}
	var r Reading
	if !ctcp(line, &r) {
		return a
	}
	a.Content = r.Content
	a.Text = strings.ReplaceAll(line, "\x01", " ")
	return a
}
