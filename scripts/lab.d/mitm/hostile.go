// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// hostileDomain is where anybody may log in; what is done to them then is
// ordered by a file: see follow.
const hostileDomain = "hostile.test"

// Whoever opens a stream to redirectDomain is sent to another host (RFC 6120
// section 4.9.3.19), where we listen, too.
const (
	redirectDomain = "redirect.test"
	redirectPort   = "5299"
)

const (
	nsBind    = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSession = "urn:ietf:params:xml:ns:xmpp-session"
	nsRoster  = "jabber:iq:roster"
	nsVCard   = "vcard-temp"

	hostileBuddy = "bob@" + hostileDomain
	bigRoster    = "roster" // names that begin so have a roster of many
	rosterSize   = 10000

	hostileLifetime = 15 * time.Minute
	hostileBytes    = 1 << 30
)

// An attacker writes to one client.
type attacker struct {
	mu   *sync.Mutex // held for each write: an answer may be under way
	out  io.Writer
	from string // the buddy, without a resource
	to   string
	n    int
}

func (w *attacker) write(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := io.WriteString(w.out, text)
	return err == nil
}

// order is "ATTACK TAG": it is done, and where the stream is whole after it
// the buddy says so, with the tag.
func (w *attacker) order(text string) (whole bool) {
	name, tag, _ := strings.Cut(strings.TrimSpace(text), " ")
	do, known := attacks[name]
	if !known {
		fmt.Fprintf(os.Stderr, "mitm: no such attack: %q\n", name)
		return false
	}
	return do(w) && w.message("the end of "+name+" "+tag)
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
	if err := s.conn.SetDeadline(time.Now().Add(hostileLifetime)); err != nil {
		return err
	}
	return s.say(fmt.Sprintf("<success xmlns='%s'/>", nsSASL))
}

// serveHostile answers an iq of whoever is let in; all else is refused.
func (s *session) serveHostile(id, space string) string {
	switch space {
	case nsBind:
		return fmt.Sprintf("<iq type='result' id='%s'><bind xmlns='%s'><jid>%s</jid></bind></iq>", id, nsBind, s.jid())
	case nsSession:
		return fmt.Sprintf("<iq type='result' id='%s'/>", id)
	case nsRoster:
		items := fmt.Sprintf("<item jid='%s' subscription='both'/>", hostileBuddy)
		if strings.HasPrefix(s.user, bigRoster) {
			items += rosterItems()
		}
		return fmt.Sprintf("<iq type='result' id='%s'><query xmlns='%s'>%s</query></iq>", id, nsRoster, items)
	case nsVCard:
		return fmt.Sprintf("<iq type='result' from='%s' id='%s'>%s</iq>", hostileBuddy, id, bigVCard)
	}
	return ""
}

func (s *session) jid() string { return s.user + "@" + hostileDomain + "/lab" }

// stanza notes what a client that was let in says, not its words: "readable"
// is a message that is not OTR's. With a presence it is ready to be attacked.
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
	if e.Name.Local == "presence" && s.attacker == nil {
		s.attacker = &attacker{mu: &s.writing, out: s.conn, from: hostileBuddy, to: s.jid()}
		go s.obey()
	}
	return nil
}

// obey carries out orders until one ends the stream.
func (s *session) obey() {
	follow(s.orders, s.user, s.over, func(order string) bool {
		s.log("attack", func(e *event) { e.Name = order + " " + s.user })
		if s.attacker.order(order) {
			return true
		}
		s.closeSoon()
		return false
	})
}

// closeSoon ends the connection when the client has had time to read.
func (s *session) closeSoon() {
	select {
	case <-s.over:
	case <-time.After(time.Second):
	}
	_ = s.raw.Close()
}

// follow reads the file DIR/NAME whenever it is there, deletes it, and has it
// done, until over or until do says that it is the last.
func follow(dir, name string, over <-chan struct{}, do func(order string) bool) {
	path := filepath.Join(dir, name)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			_ = os.Remove(path)
			if !do(string(text)) {
				return
			}
		}
		select {
		case <-over:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// printAttack writes an attack for a client to send, at its rate.
func printAttack(order, to string) {
	w := &attacker{mu: &sync.Mutex{}, out: os.Stdout, to: to}
	w.order(order)
}
