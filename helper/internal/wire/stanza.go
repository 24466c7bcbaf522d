// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"regexp"
	"slices"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Reading is what something that leaves says.
type Reading struct {
	Content policy.Content
	Line    string // the OTR line in it, where Content is ContentOTR or ContentQuery
	Text    string // the form in which it goes, should it be allowed
	Message bool   // a person's message: they want to know where it stays behind
	Cut     bool   // Text is without words that a person may have written
}

const client = "jabber:client"

// Stanza reads one element on its way to an XMPP server, as libpurple's
// xmlnode_to_str wrote it, for an account of that level. At level tor a
// message goes as it is.
func Stanza(text string, level policy.Level) Reading {
	e, err := parseElement(text)
	if err != nil {
		return Reading{Content: policy.ContentReadable, Text: text, Message: true}
	}
	if e.ns == "" {
		e.ns = client
	}
	inherit(e, client)
	r := Reading{Content: policy.ContentReadable}
	switch {
	case e.ns == client && e.name == "message":
		if r = readMessage(e); level == policy.LevelTor {
			r.Text = text
		}
	case e.ns == client && e.name == "presence":
		r = readPresence(e, level)
	case e.ns == client && e.name == "iq":
		r = readIQ(e, level)
	case slices.Contains(streamLevel, e.ns):
		r.Content = policy.ContentOther
	}
	if r.Text == "" {
		r.Text = text
	}
	return r
}

// streamLevel are the namespaces of what is no stanza: RFC 6120 sections 5
// and 6, and XEP-0198.
var streamLevel = []string{"urn:ietf:params:xml:ns:xmpp-tls", "urn:ietf:params:xml:ns:xmpp-sasl", "urn:xmpp:sm:3"}

// inherit gives the stream's namespace to what names none.
func inherit(e *element, ns string) {
	for _, c := range e.children {
		if child, ok := c.(*element); ok {
			if child.ns == "" && !strings.Contains(child.name, ":") {
				child.ns = ns
			}
			inherit(child, child.ns)
		}
	}
}

const (
	chatStates = "http://jabber.org/protocol/chatstates" // XEP-0085
	hints      = "urn:xmpp:hints"                        // XEP-0334
	eme        = "urn:xmpp:eme:0"                        // XEP-0380
	axolotl    = "eu.siacs.conversations.axolotl"        // XEP-0384 0.3
	mucUser    = "http://jabber.org/protocol/muc#user"   // XEP-0045
	muc        = "http://jabber.org/protocol/muc"        // XEP-0045
	conference = "jabber:x:conference"                   // XEP-0249
	pubsub     = "http://jabber.org/protocol/pubsub"     // XEP-0060
)

// parts of a message, sorted by what they are.
type parts struct {
	bodies, omemo, aside, states, chat, unknown []*element
	loose                                       bool
}

func split(e *element) parts {
	children, loose := e.elements()
	p := parts{loose: loose}
	for _, c := range children {
		switch {
		case c.ns == client && c.name == "body":
			p.bodies = append(p.bodies, c)
		case c.ns == chatStates && len(c.children) == 0 && slices.Contains(stateNames, c.name):
			p.states = append(p.states, c)
		case c.ns == client && c.name == "thread":
			p.states = append(p.states, c) // is left out like them
		case c.ns == axolotl && c.name == "encrypted":
			p.omemo = append(p.omemo, c)
		case isHint(c), isEME(c):
			p.aside = append(p.aside, c)
		case c.ns == mucUser, c.ns == conference:
			p.chat = append(p.chat, c)
		default:
			p.unknown = append(p.unknown, c)
		}
	}
	return p
}

var (
	stateNames = []string{"active", "composing", "paused", "inactive", "gone"}
	hintNames  = []string{"store", "no-store", "no-copy", "no-permanent-store"}
)

func isHint(e *element) bool {
	return e.ns == hints && slices.Contains(hintNames, e.name) && len(e.children) == 0 && e.onlyAttrs("xmlns")
}

func isEME(e *element) bool {
	ns, _ := e.attr("namespace")
	name, _ := e.attr("name")
	return e.ns == eme && e.name == "encryption" && len(e.children) == 0 && ns == axolotl &&
		(name == "" || name == "OMEMO") && e.onlyAttrs("xmlns", "namespace", "name")
}

// readMessage takes a message for what it may be only where every part of it
// is understood; the rest is readable.
func readMessage(e *element) Reading {
	r := Reading{Content: policy.ContentReadable, Message: true}
	p := split(e)
	kind, _ := e.attr("type")
	switch {
	case len(p.chat) > 0 || kind == "groupchat":
		r.Content = policy.ContentChat
	case len(p.omemo) > 0:
		if p.omemoOnly() && head(e, "chat", "normal") {
			r.Content, r.Text = policy.ContentOMEMO, rebuild(e, p.omemo, p.bodies, p.aside)
		}
	case p.loose || len(p.unknown) > 0 || len(p.bodies) > 1:
	case len(p.bodies) == 0:
		if len(p.states) > 0 {
			r.Content, r.Message = policy.ContentState, false
		}
	case head(e, "chat", "normal", "headline"):
		readBody(e, p.bodies[0], &r)
	}
	return r
}

// readBody looks at the one body of a message whose other parts say nothing.
func readBody(e, body *element, r *Reading) {
	text, ok := body.text()
	if !ok || !body.onlyAttrs("xmlns") {
		return
	}
	if otr.Classify(text) == otr.ClassFragment {
		return // XMPP needs none, and a piece alone can be words without spaces
	}
	r.Content, r.Line = Line(text)
	if r.Line != "" {
		body.children = []any{r.Line}
		r.Text = rebuild(e, []*element{body})
	}
}

// head says whether a message's own attributes are of the usual form, so that
// nothing is said in them.
func head(e *element, types ...string) bool {
	kind, found := e.attr("type")
	id, _ := e.attr("id")
	return e.onlyAttrs("to", "type", "id", "xmlns") && (!found || slices.Contains(types, kind)) && plainID.MatchString(id)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._:-]{0,64}$`)

// rebuild writes e anew with these children alone.
func rebuild(e *element, groups ...[]*element) string {
	out := &element{name: e.name}
	for _, a := range e.attrs {
		if a.Name.Local != "xmlns" || a.Value != client {
			out.attrs = append(out.attrs, a)
		}
	}
	for _, g := range groups {
		for _, c := range g {
			out.children = append(out.children, c)
		}
	}
	return out.String()
}

const (
	caps     = "http://jabber.org/protocol/caps" // XEP-0115
	lastIdle = "jabber:iq:last"                  // XEP-0256
)

// readPresence leaves out what tells about the person: at level tor the
// program and the idle time, at level secret all but what a presence needs.
func readPresence(e *element, level policy.Level) Reading {
	children, _ := e.elements()
	kind, _ := e.attr("type")
	cut := false
	var kept []*element
	for _, c := range children {
		text, isText := c.text()
		switch {
		case c.ns == caps, c.ns == lastIdle:
		case level == policy.LevelTor:
			kept = append(kept, c)
		case c.ns == muc && c.name == "x" && kind == "":
			return Reading{Content: policy.ContentChat, Message: true}
		case c.ns == client && c.name == "show" && isText && c.onlyAttrs("xmlns") && slices.Contains([]string{"chat", "away", "dnd", "xa"}, text):
			kept = append(kept, c)
		case c.name == "status":
			cut = cut || !isText || text != ""
		}
	}
	if level != policy.LevelTor && !e.onlyAttrs("to", "type", "id", "xmlns") {
		return Reading{Content: policy.ContentReadable}
	}
	return Reading{Content: policy.ContentOther, Text: rebuild(e, kept), Cut: cut}
}

// personal are the namespaces of questions about the person or the program:
// version, idle time, time zone, features (XEP-0092, 0012, 0090, 0202, 0030).
var personal = []string{"jabber:iq:version", lastIdle, "jabber:iq:time", "urn:xmpp:time",
	"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"}

// peers are the namespaces of files and calls (XEP-0095, 0065, 0047, 0166,
// 0066 and Google's), by their beginnings.
var peers = []string{"http://jabber.org/protocol/si", "http://jabber.org/protocol/bytestreams", "http://jabber.org/protocol/ibb",
	"urn:xmpp:jingle", "jabber:iq:oob", "http://www.google.com/session", "http://www.google.com/transport", "google:"}

func isPeers(ns string) bool {
	return slices.ContainsFunc(peers, func(p string) bool { return strings.HasPrefix(ns, p) })
}

// settable are the namespaces in which a secret account may set something at
// its server or at a buddy: what signing on, the roster, blocking and OMEMO need.
var settable = []string{
	"urn:ietf:params:xml:ns:xmpp-bind", "urn:ietf:params:xml:ns:xmpp-session", "jabber:iq:auth",
	"jabber:iq:register", rosterNS, "jabber:iq:privacy", "urn:xmpp:blocking", "urn:xmpp:carbons:2",
}

const rosterNS = "jabber:iq:roster"

// readIQ knows answers about the person, and files and calls. At level secret
// of what sets something the known alone passes: a mood or a vCard is set too.
func readIQ(e *element, level policy.Level) Reading {
	kind, _ := e.attr("type")
	id, _ := e.attr("id")
	children, loose := e.elements()
	r := Reading{Content: policy.ContentReadable}
	for _, c := range children {
		switch {
		case isPeers(c.ns):
			return Reading{Content: policy.ContentPeer}
		case kind == "result" && slices.Contains(personal, c.ns):
			return Reading{Content: policy.ContentPersonal}
		case level != policy.LevelTor && kind == "set" && strings.HasPrefix(c.ns, muc+"#"):
			return Reading{Content: policy.ContentChat, Message: true} // a kick, with its reason
		}
	}
	switch {
	case level == policy.LevelTor:
		r.Content = policy.ContentOther
	case loose || !e.onlyAttrs("to", "from", "type", "id", "xmlns"):
	case kind == "get" || kind == "result" || kind == "error":
		r.Content = policy.ContentOther
	case kind == "set" && len(children) == 1 && plainID.MatchString(id) && (slices.Contains(settable, children[0].ns) || omemoPublish(children[0])):
		r.Content = policy.ContentOther
		if children[0].ns == rosterNS {
			r.Text = bareRoster(e, children[0])
		}
	}
	return r
}

// bareRoster leaves out what a person calls a buddy, and the groups: they
// stay in this program.
func bareRoster(e, query *element) string {
	for _, c := range query.children {
		if item, ok := c.(*element); ok {
			item.drop("name")
			item.children = nil
		}
	}
	return rebuild(e, []*element{query})
}
