// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// hostileDomain is where anybody may log in; what is done to them then is
// named by their name, up to a "-": see attacks.
const hostileDomain = "hostile.test"

// redirectDomain sends whoever opens a stream to another host (RFC 6120
// 4.9.3.19).
const (
	redirectDomain = "redirect.test"
	redirectTo     = "10.77.0.7:5222"
)

const (
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	nsRoster = "jabber:iq:roster"

	hostileBuddy = "bob@" + hostileDomain
	floodRate    = 10000 // messages a second
	floodSeconds = 3
)

// An attack writes to a client that is online, and says whether the stream is
// whole after it.
var attacks = map[string]func(w *attacker) (whole bool){
	"quiet":     func(*attacker) bool { return true },
	"flood":     flood,
	"big":       func(w *attacker) bool { return w.message(strings.Repeat("words and ", 100<<10)) },
	"bigxhtml":  bigXHTML,
	"deep":      deep,
	"forged":    forged,
	"otr":       otrNonsense,
	"oddchars":  oddCharacters,
	"utf8":      func(w *attacker) bool { w.message("\xff\xfe\xc3\x28 \xed\xa0\x80"); return false },
	"malformed": func(w *attacker) bool { w.write("<message><body>&undefined;</wrong>"); return false },
	"control":   func(w *attacker) bool { w.message("\x00\x01\x1b[2J"); return false },
	"cut":       func(w *attacker) bool { w.write("<message from='" + hostileBuddy + "'><body>half"); return false },
	"noise":     func(w *attacker) bool { w.write(strings.Repeat("<<<>>>&&&", 10000)); return false },
	"error":     func(w *attacker) bool { w.write("<stream:error><conflict xmlns='x'/></stream:error>"); return false },
	"elsewhere": func(w *attacker) bool { w.write(seeOtherHost); return false },
}

const seeOtherHost = "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + redirectTo + "</see-other-host></stream:error>"

// An attacker writes to one client.
type attacker struct {
	out io.Writer // a *tls.Conn: no write gets in between another
	to  string
	n   int
}

func (w *attacker) write(text string) bool {
	_, err := io.WriteString(w.out, text)
	return err == nil
}

// message is one of the buddy's, with a body that is written as it is.
func (w *attacker) message(body string) bool {
	w.n++
	return w.write(fmt.Sprintf("<message from='%s/x' to='%s' type='chat' id='m%d'><body>%s</body></message>", hostileBuddy, w.to, w.n, body))
}

// flood keeps its rate as well as the wire lets it.
func flood(w *attacker) bool {
	for end := range floodSeconds * 100 {
		next := time.Now().Add(10 * time.Millisecond)
		var b strings.Builder
		for i := range floodRate / 100 {
			fmt.Fprintf(&b, "<message from='%s/x' to='%s' type='chat'><body>flood %d.%d</body></message>", hostileBuddy, w.to, end, i)
		}
		if !w.write(b.String()) {
			return false
		}
		time.Sleep(time.Until(next))
	}
	return true
}

func bigXHTML(w *attacker) bool {
	return w.write(fmt.Sprintf("<message from='%s/x' to='%s' type='chat'><body>x</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>%s</body></html></message>",
		hostileBuddy, w.to, strings.Repeat("<span style='color:red'>y</span>", 20000)))
}

// deep nests elements in a message, in a question, and in XHTML.
func deep(w *attacker) bool {
	const levels = 2000
	nested := strings.Repeat("<a>", levels) + "x" + strings.Repeat("</a>", levels)
	return w.message(nested) &&
		w.write(fmt.Sprintf("<iq from='%s/x' to='%s' type='get' id='deep'><query xmlns='jabber:iq:version'>%s</query></iq>", hostileBuddy, w.to, nested)) &&
		w.write(fmt.Sprintf("<message from='%s/x' to='%s' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>%s</event></message>", hostileBuddy, w.to, nested))
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
	for k := 1; k <= 2000; k++ { // one message in fragments, without its end
		if !w.message(fmt.Sprintf("?OTR|00000100|00000200,%05d,%05d,%s,", k, 65535, strings.Repeat("B", 200))) {
			return false
		}
	}
	return true
}

func oddCharacters(w *attacker) bool {
	return w.message("\u202e\u2066\ufeff\u0085 e"+strings.Repeat("\u0301", 20000)) && w.message("&lt;script&gt;&lt;img src=\"http://10.77.0.7/x\"&gt;") &&
		w.message("&lt;a href=\"http://10.77.0.7/\"&gt;x&lt;/a&gt; http://10.77.0.7/ "+strings.Repeat("http://10.77.0.7/ ", 2000))
}

// accepts says whether anybody may log in at this domain.
func (s *session) accepts() bool { return s.seen.To == hostileDomain }

// welcome takes the name out of SASL PLAIN (RFC 4616), and lets it in.
func (s *session) welcome(d *xml.Decoder, e xml.StartElement) error {
	var text string
	if err := d.DecodeElement(&text, &e); err != nil {
		return err
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return err
	}
	parts := strings.Split(string(plain), "\x00")
	if len(parts) != 3 || !simpleID.MatchString(parts[1]) {
		return errDone
	}
	s.user = parts[1]
	_, err = fmt.Fprintf(s.conn, "<success xmlns='%s'/>", nsSASL)
	return err
}

// serveHostile answers an iq of whoever is let in; all else is refused.
func (s *session) serveHostile(id, space string) string {
	switch space {
	case nsBind:
		return fmt.Sprintf("<iq type='result' id='%s'><bind xmlns='%s'><jid>%s</jid></bind></iq>", id, nsBind, s.jid())
	case nsRoster:
		return fmt.Sprintf("<iq type='result' id='%s'><query xmlns='%s'><item jid='%s' subscription='both'/></query></iq>", id, nsRoster, hostileBuddy)
	}
	return ""
}

func (s *session) jid() string { return s.user + "@" + hostileDomain + "/lab" }

// stanza notes what a client that was let in says, not its words: "readable"
// is a message that is not OTR's. A presence begins the attack.
func (s *session) stanza(d *xml.Decoder, e xml.StartElement) error {
	var content struct {
		Body string `xml:"body"`
	}
	if err := d.DecodeElement(&content, &e); err != nil {
		return err
	}
	name := "stanza"
	if content.Body != "" && !strings.HasPrefix(content.Body, "?OTR") {
		name = "readable"
	}
	s.log(name, func(x *event) { x.Name = e.Name.Local + " " + s.user })
	if e.Name.Local == "presence" {
		s.attack()
	}
	return nil
}

// attack begins with the client's first presence. Where the stream is whole
// after it, the buddy says so; else it ends.
func (s *session) attack() {
	if s.attacker != nil {
		return
	}
	s.attacker = &attacker{out: s.conn, to: s.jid()}
	name, _, _ := strings.Cut(s.user, "-")
	do, ok := attacks[name]
	if !ok {
		return
	}
	s.log("attack", func(e *event) { e.Name = name })
	go func() {
		if do(s.attacker) {
			s.attacker.message("the end of " + name)
			return
		}
		time.Sleep(2 * time.Second) // the client has it before the end
		_ = s.conn.Close()
	}()
}
