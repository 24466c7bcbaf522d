// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

const (
	floodRate = 10000 // stanzas a second
	floodLong = 10000 // stanzas of the flood of messages
	floodSize = 4000  // ... of another one
	elsewhere = "http://10.77.0.7/avatar.png"
)

// floodMost bounds every flood: a server in between may be the slowest.
var floodMost = floodLong

// attacks write to a client that is online, and say whether the stream is
// whole after them. Some libpurple takes, and some end the stream.
var attacks = map[string]func(w *attacker) (whole bool){
	"quiet": func(*attacker) bool { return true },

	// floods
	"flood":     func(w *attacker) bool { return w.flood(floodLong, w.chat("flood %d")) },
	"errors":    func(w *attacker) bool { return w.flood(floodSize, w.mixed) },
	"presences": func(w *attacker) bool { return w.flood(floodSize, w.presence) },
	"questions": func(w *attacker) bool { return w.flood(floodSize, w.question) },
	"offers":    func(w *attacker) bool { return w.flood(floodSize, w.offer) },
	"invites":   func(w *attacker) bool { return w.flood(floodSize, w.invite) },
	"pushes":    func(w *attacker) bool { return w.flood(floodSize, w.push) },
	"avatars":   func(w *attacker) bool { return w.flood(floodSize, w.avatar) },
	"otrqueries": func(w *attacker) bool {
		return w.flood(floodSize, w.chat("?OTRv3? %d"))
	},
	"otrcommits":   func(w *attacker) bool { return w.flood(floodSize, w.commit) },
	"otrfragments": func(w *attacker) bool { return w.flood(floodSize, w.fragment) },

	// odd, and whole
	"big":      func(w *attacker) bool { return w.message(strings.Repeat("words and ", 100<<10)) },
	"bigs":     func(w *attacker) bool { return w.flood(20, w.chat(strings.Repeat("words and ", 20<<10)+"%d")) },
	"bigxhtml": func(w *attacker) bool { return w.xhtml(strings.Repeat("<span style='color:red'>y</span>", 20000)) },
	"images": func(w *attacker) bool {
		return w.xhtml(strings.Repeat("<img src='"+elsewhere+"' alt='x'/><img src='cid:a@b'/>", 500))
	},
	"deep":       func(w *attacker) bool { return w.nested(200) },
	"deeper":     func(w *attacker) bool { return w.nested(50000) },
	"attributes": func(w *attacker) bool { return w.attributes("a%d='%d'") },
	"namespaces": func(w *attacker) bool { return w.attributes("xmlns:a%d='urn:x:%d'") },
	"forged":     forged,
	"roster":     roster,
	"vcards":     vcards,
	"otr":        otrNonsense,
	"oddchars":   oddCharacters,
	"split":      split,

	// the end of the stream
	"utf8":      func(w *attacker) bool { w.message("\xff\xfe\xc3\x28 \xed\xa0\x80"); return false },
	"malformed": func(w *attacker) bool { w.write("<message><body>&undefined;</wrong>"); return false },
	"control":   func(w *attacker) bool { w.message("\x00\x01\x1b[2J"); return false },
	"cut":       func(w *attacker) bool { w.write("<message from='" + hostileBuddy + "'><body>half"); return false },
	"noise":     func(w *attacker) bool { w.write(strings.Repeat("<<<>>>&&&", 10000)); return false },
	"error":     func(w *attacker) bool { w.write("<stream:error><conflict xmlns='x'/></stream:error>"); return false },
	"elsewhere": func(w *attacker) bool { w.write(seeOtherHost("10.77.0.9")); return false },
	"abyss":     func(w *attacker) bool { w.nested(300000); return false },
	"unclosed":  func(w *attacker) bool { w.write("<message>" + strings.Repeat("<a>", 300000)); return false },
	"entities":  func(w *attacker) bool { w.write(laughs); return false },
	"restart":   func(w *attacker) bool { w.write(strings.Repeat(streamHeader, 50)); return false },
	"header":    func(w *attacker) bool { w.write("<?xml version='1.0'?>" + streamHeader); return false },
	"end":       func(w *attacker) bool { w.write("</stream:stream>" + w.chat("after %d")(0)); return false },
}

const streamHeader = "<stream:stream xmlns='jabber:client' xmlns:stream='" + nsStream + "' id='again' version='1.0'>"

// seeOtherHost is RFC 6120 section 4.9.3.19.
func seeOtherHost(host string) string {
	return "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + host + ":" + redirectPort + "</see-other-host></stream:error>"
}

// laughs are entities that name entities.
var laughs = func() string {
	text := "<!DOCTYPE x [<!ENTITY a0 'ha'>"
	for i := 1; i < 30; i++ {
		text += fmt.Sprintf("<!ENTITY a%d '&a%d;&a%d;'>", i, i-1, i-1)
	}
	return text + "]><message><body>&a29;</body></message>"
}()

// flood keeps the rate as well as the wire lets it.
func (w *attacker) flood(n int, stanza func(i int) string) bool {
	const ticks = 100 // a second
	n = min(n, floodMost)
	for i := 0; i < n; {
		next := time.Now().Add(time.Second / ticks)
		var b strings.Builder
		for end := min(n, i+floodRate/ticks); i < end; i++ {
			b.WriteString(stanza(i))
		}
		if !w.write(b.String()) {
			return false
		}
		time.Sleep(time.Until(next))
	}
	return true
}

// head begins a stanza of the buddy's.
func (w *attacker) head(name, kind string) string {
	from := ""
	if w.from != "" {
		from = fmt.Sprintf(" from='%s/x'", w.from)
	}
	return fmt.Sprintf("<%s%s to='%s' type='%s'", name, from, w.to, kind)
}

// message is a chat message with a body that is written as it is.
func (w *attacker) message(body string) bool {
	w.n++
	return w.write(fmt.Sprintf("%s id='m%d'><body>%s</body></message>", w.head("message", "chat"), w.n, body))
}

func (w *attacker) chat(format string) func(i int) string {
	head := w.head("message", "chat") + "><body>"
	return func(i int) string { return head + fmt.Sprintf(format, i) + "</body></message>" }
}

// mixed are messages of the other kinds, with what libpurple knows in them.
func (w *attacker) mixed(i int) string {
	switch i % 5 {
	case 0:
		return w.head("message", "error") + "><body>x</body><error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
	case 1:
		return w.head("message", "groupchat") + "><body>x</body><subject>y</subject></message>"
	case 2:
		return w.head("message", "headline") + "><body>x</body><attention xmlns='urn:xmpp:attention:0'/></message>"
	case 3:
		return w.head("message", "chat") + "><composing xmlns='http://jabber.org/protocol/chatstates'/><received xmlns='urn:xmpp:receipts' id='x'/></message>"
	}
	return w.head("message", "normal") + "><x xmlns='jabber:x:oob'><url>" + elsewhere + "</url></x><data xmlns='http://jabber.org/protocol/ibb' sid='s' seq='0'>AAAA</data></message>"
}

// presence has abilities that nobody heard of yet, which libpurple asks for.
func (w *attacker) presence(i int) string {
	if w.from == "" {
		return fmt.Sprintf("<presence to='%s'><status>%d</status></presence>", w.to, i)
	}
	return fmt.Sprintf("<presence from='%s/r%d' to='%s'><status>%d</status><c xmlns='http://jabber.org/protocol/caps' node='http://x/%d' ver='v%d' hash='sha-1'/></presence>",
		w.from, i%50, w.to, i, i, i)
}

func (w *attacker) question(i int) string {
	questions := []string{"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='jabber:iq:version'/>",
		"<time xmlns='urn:xmpp:time'/>", "<query xmlns='jabber:iq:last'/>", "<ping xmlns='urn:xmpp:ping'/>", "<vCard xmlns='vcard-temp'/>", "<unknown xmlns='x:y'/>"}
	return fmt.Sprintf("%s id='q%d'>%s</iq>", w.head("iq", "get"), i, questions[i%len(questions)])
}

// offer is a file's or a call's, in the ways that libpurple knows.
func (w *attacker) offer(i int) string {
	offers := []string{
		"<si xmlns='http://jabber.org/protocol/si' id='s%d' profile='http://jabber.org/protocol/si/profile/file-transfer'><file xmlns='http://jabber.org/protocol/si/profile/file-transfer' name='x' size='9'/>" +
			"<feature xmlns='http://jabber.org/protocol/feature-neg'><x xmlns='jabber:x:data' type='form'><field var='stream-method' type='list-single'><option><value>http://jabber.org/protocol/bytestreams</value></option></field></x></feature></si>",
		"<open xmlns='http://jabber.org/protocol/ibb' sid='s%d' block-size='4096'/>",
		"<query xmlns='http://jabber.org/protocol/bytestreams' sid='s%d'><streamhost jid='x@y' host='10.77.0.7' port='80'/></query>",
		"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='x' sid='s%d'><content creator='initiator' name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>" +
			"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content></jingle>",
		"<data xmlns='http://jabber.org/protocol/ibb' sid='s%d' seq='0'>AAAA</data>",
		"<query xmlns='jabber:iq:oob'><url>" + elsewhere + "?%d</url></query>",
	}
	return fmt.Sprintf("%s id='o%d'>%s</iq>", w.head("iq", "set"), i, fmt.Sprintf(offers[i%len(offers)], i))
}

func (w *attacker) invite(i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("%s><x xmlns='jabber:x:conference' jid='room%d@x.test' reason='r'/></message>", w.head("message", "normal"), i)
	}
	return fmt.Sprintf("%s><x xmlns='http://jabber.org/protocol/muc#user'><invite from='eve@x.test'><reason>r</reason></invite><password>p</password></x></message>", w.head("message", "normal"))
}

// push changes the roster in the buddy's name, and in that of a server.
func (w *attacker) push(i int) string {
	return fmt.Sprintf("%s id='p%d'><query xmlns='%s'><item jid='mallory%d@elsewhere.test' subscription='both' name='bank'/></query></iq>", w.head("iq", "set"), i, nsRoster, i)
}

// avatar names an address to fetch, in metadata and in a notice (XEP-0084).
func (w *attacker) avatar(i int) string {
	return fmt.Sprintf("%s><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'><item id='%040x'>"+
		"<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='9' id='%040x' type='image/png' url='%s'/></metadata></item></items></event></message>", w.head("message", "headline"), i, i, elsewhere)
}

// commit is a well-formed D-H Commit of OTR's version 3, from a new instance
// each time.
func (w *attacker) commit(i int) string {
	b := append([]byte{0, 3, 2}, binary.BigEndian.AppendUint32(nil, uint32(0x100+i))...)
	b = append(b, 0, 0, 0, 0)
	b = append(append(binary.BigEndian.AppendUint32(b, 196), make([]byte, 196)...), 0, 0, 0, 32)
	return w.chat("?OTR:" + base64.StdEncoding.EncodeToString(append(b, make([]byte, 32)...)) + ".%.0d")(0)
}

// fragment begins another message each time, or goes on with one.
func (w *attacker) fragment(i int) string {
	piece := strings.Repeat("B", 200)
	if i%2 == 0 {
		return w.chat("?OTR|00000100|00000000,%05d,65535," + piece + ",")(i/2 + 1)
	}
	return w.chat("?OTR|%08x|00000000,00001,00002," + piece + ",")(0x1000 + i)
}

func (w *attacker) xhtml(inner string) bool {
	return w.write(w.head("message", "chat") + "><body>x</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>" + inner + "</body></html></message>")
}

// nested has elements in a message, in a question, and in an event.
func (w *attacker) nested(levels int) bool {
	in := strings.Repeat("<a>", levels) + "x" + strings.Repeat("</a>", levels)
	return w.message(in) && w.write(w.head("iq", "get")+" id='deep'><query xmlns='jabber:iq:version'>"+in+"</query></iq>"+
		w.head("message", "headline")+"><event xmlns='http://jabber.org/protocol/pubsub#event'>"+in+"</event></message>")
}

// attributes has 5000 of a form, which takes a number twice.
func (w *attacker) attributes(form string) bool {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, " "+form, i, i)
	}
	return w.write(w.head("message", "chat") + b.String() + "><body>x</body><y" + b.String() + "/></message>" +
		w.head("iq", "get") + " id='a'" + b.String() + "><query xmlns='jabber:iq:version'" + b.String() + "/></iq>")
}

// forged has others speak: the account itself, its server, nobody, and what
// is no JID; with roster pushes and answers to what was not asked.
func forged(w *attacker) bool {
	bare, _, _ := strings.Cut(w.to, "/")
	ok := true
	for i, from := range []string{w.to, bare, hostileDomain, "eve@elsewhere.test/y", "", "@", "a@b@c//", strings.Repeat("x", 5000) + "@y", "bob@hostile.test/&lt;b&gt;"} {
		ok = ok && w.write(fmt.Sprintf("<message from='%s' to='%s' type='chat'><body>forged %d</body></message>"+
			"<iq from='%s' to='%s' type='set' id='f%d'><query xmlns='jabber:iq:roster'><item jid='mallory%d@elsewhere.test' subscription='both' name='bank'/></query></iq>"+
			"<iq from='%s' to='%s' type='result' id='purple%x'><query xmlns='jabber:iq:roster'/></iq>"+
			"<presence from='%s' to='%s' type='subscribe'><status>forged</status></presence>", from, w.to, i, from, w.to, i, i, from, w.to, i, from, w.to))
	}
	return ok
}

func rosterItems() string {
	var b strings.Builder
	for i := range rosterSize {
		fmt.Fprintf(&b, "<item jid='b%d@hostile.test' subscription='both' name='Buddy %d'><group>G%d</group></item>", i, i, i%20)
	}
	return b.String()
}

// roster pushes a whole one, from the server.
func roster(w *attacker) bool {
	return w.write(fmt.Sprintf("<iq to='%s' type='set' id='big'><query xmlns='%s'>%s</query></iq>", w.to, nsRoster, rosterItems()))
}

var bigVCard = "<vCard xmlns='vcard-temp'><FN>x</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>" + strings.Repeat("QUJD", 250000) + "</BINVAL></PHOTO></vCard>"

// vcards says that the buddy has another picture, which libpurple asks for
// (XEP-0153), and sends a card that was not asked for.
func vcards(w *attacker) bool {
	return w.write(w.head("iq", "result")+" id='card'>"+bigVCard+"</iq>") &&
		w.flood(20, func(i int) string {
			return fmt.Sprintf("<presence to='%s' from='%s/x'><x xmlns='vcard-temp:x:update'><photo>%040x</photo></x></presence>", w.to, hostileBuddy, i)
		})
}

// otrNonsense is what a buddy can do to OTR: queries, errors, messages and
// fragments without an end or a sense.
func otrNonsense(w *attacker) bool {
	lines := []string{"?OTRv3?", "?OTR?v2?", "?OTR Error: forged", "?OTR:AAMC.", "?OTR:AAMK" + strings.Repeat("A", 4000) + ".", "?OTR:!!!.", "?OTR:",
		"?OTR|1|2,1,2,?OTR:AAMC,", "?OTR,1,65535," + strings.Repeat("A", 2000) + ",", "?OTR|ffffffff|0,65535,65535,x,", "?OTRv4?", "?OTR:AAQD.",
		"words \t  \t\t\t\t \t \t \t    \t\t  \t\t"}
	for range 100 {
		for _, line := range lines {
			if !w.message(line) {
				return false
			}
		}
	}
	return true
}

func oddCharacters(w *attacker) bool {
	return w.message("\u202e\u2066\ufeff\u0085 e"+strings.Repeat("\u0301", 20000)) && w.message("&lt;script&gt;&lt;img src=\"http://10.77.0.7/x\"&gt;") &&
		w.message("&lt;a href=\"http://10.77.0.7/\"&gt;x&lt;/a&gt; http://10.77.0.7/ "+strings.Repeat("http://10.77.0.7/ ", 2000))
}

// split sends each byte by itself, between characters' bytes too.
func split(w *attacker) bool {
	text := w.chat("<![CDATA[x]]> &amp; é€😀 %d")(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range len(text) {
		if _, err := w.out.Write([]byte{text[i]}); err != nil {
			return false
		}
	}
	return true
}
