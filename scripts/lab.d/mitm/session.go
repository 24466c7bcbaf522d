// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	nsStream   = "http://etherx.jabber.org/streams"
	nsTLS      = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL     = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsRegister = "jabber:iq:register"
	nsAuth     = "jabber:iq:auth"

	lifetime = 2 * time.Minute // of a connection
	maxBytes = 1 << 20         // read from a connection
)

var (
	plainName = regexp.MustCompile(`^([a-z0-9-]+\.)?[a-z0-9-]+\.test$`)
	errDone   = errors.New("done")
)

// A session is one connection. seen holds what every event of it says.
type session struct {
	conn    net.Conn
	certs   string
	journal *journal
	seen    event

	raw     net.Conn   // conn without TLS
	writing sync.Mutex // held for each write

	user     string // let in at hostileDomain; empty: nobody yet
	orders   string // folder of what is to be done to them
	attacker *attacker
	over     chan struct{} // closed with the connection
}

// say writes at once: two may have something to say.
func (s *session) say(text string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := io.WriteString(s.conn, text)
	return err
}

// log notes an event; what is only a stanza, of a client that was let in, is
// not: a flood has thousands of answers.
func (s *session) log(name string, more func(*event)) {
	if name == "stanza" && s.user != "" {
		return
	}
	e := s.seen
	e.Event = name
	if more != nil {
		more(&e)
	}
	s.journal.write(e)
}

// run serves streams until the client or an error ends it: one in the clear,
// one more after each STARTTLS.
func (s *session) run() {
	s.raw, s.over = s.conn, make(chan struct{})
	defer func() { close(s.over); s.conn.Close() }()
	s.log("connect", nil)
	if err := s.conn.SetDeadline(time.Now().Add(lifetime)); err != nil {
		return
	}
	for err := error(nil); err == nil; {
		err = s.stream()
		if err != nil && !errors.Is(err, errDone) && !errors.Is(err, io.EOF) {
			s.log("close", func(e *event) { e.Error = err.Error() })
			return
		}
	}
	s.log("close", nil)
}

// stream answers one stream header (RFC 6120 4.2) and then each element. It
// returns nil where a new stream begins.
func (s *session) stream() error {
	d := xml.NewDecoder(io.LimitReader(s.conn, s.most()))
	root, err := nextStart(d)
	if err != nil {
		return err
	}
	if root.Name.Space != nsStream || root.Name.Local != "stream" {
		return fmt.Errorf("not a stream: %q", root.Name.Local)
	}
	s.seen.To = attribute(root, "to")
	s.log("stream", nil)
	if err := s.begin(); err != nil {
		return err
	}
	if s.seen.To == redirectDomain {
		host, _, _ := net.SplitHostPort(s.raw.LocalAddr().String())
		_ = s.say(seeOtherHost(host))
		return errDone
	}
	for {
		element, err := nextStart(d)
		if err != nil {
			return err
		}
		again, err := s.element(d, element)
		if err != nil || again {
			return err
		}
	}
}

// most is how many bytes are read of a stream.
func (s *session) most() int64 {
	if s.user != "" {
		return hostileBytes
	}
	return maxBytes
}

// nextStart skips to the next element. The stream's end is an io.EOF.
func nextStart(d *xml.Decoder) (xml.StartElement, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.EndElement:
			return xml.StartElement{}, io.EOF
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// strips says whether this domain's attacker takes STARTTLS away.
func (s *session) strips() bool { return s.seen.To == "strip.test" }

// begin answers the stream's header.
func (s *session) begin() error {
	attack, due := s.early(s.phase())
	due = due && s.user == ""
	from := ""
	if plainName.MatchString(s.seen.To) {
		from = " from='" + s.seen.To + "'"
	}
	if !s.legacy() {
		from += " version='1.0'"
	}
	if err := s.say(fmt.Sprintf("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' id='lab%d'%s>",
		nsStream, s.seen.Conn, from)); err != nil {
		return err
	}
	if due {
		return s.attackEarly(attack)
	}
	return s.sendFeatures()
}

// sendFeatures offers STARTTLS, or (behind TLS, or stripping) to log in.
func (s *session) sendFeatures() error {
	offer := "<starttls xmlns='" + nsTLS + "'><required/></starttls>"
	var mechanisms []string
	switch {
	case s.user != "":
		offer = "<bind xmlns='" + nsBind + "'/>"
	case s.seen.Secure || s.strips():
		mechanisms = []string{"SCRAM-SHA-1", "PLAIN"}
		if !s.seen.Secure || s.accepts() {
			mechanisms = []string{"PLAIN"} // as a stripping attacker would
		}
		offer = "<mechanisms xmlns='" + nsSASL + "'>"
		for _, m := range mechanisms {
			offer += "<mechanism>" + m + "</mechanism>"
		}
		offer += "</mechanisms><register xmlns='http://jabber.org/features/iq-register'/>"
	}
	s.log("features", func(e *event) { e.Mechanisms = mechanisms })
	return s.say("<stream:features>" + offer + "</stream:features>")
}

// element answers one element; it says whether a new stream begins.
func (s *session) element(d *xml.Decoder, e xml.StartElement) (again bool, err error) {
	switch e.Name {
	case xml.Name{Space: nsTLS, Local: "starttls"}:
		s.log("starttls", nil)
		return true, s.startTLS()
	case xml.Name{Space: nsSASL, Local: "auth"}:
		s.log("auth", func(x *event) { x.Mechanism = attribute(e, "mechanism") })
		if s.accepts() {
			return true, s.welcome(d, e)
		}
		if attack, due := s.early("auth"); due {
			return false, errors.Join(d.Skip(), s.attackEarly(attack))
		}
		if err := d.Skip(); err != nil {
			return false, err
		}
		return false, s.say(fmt.Sprintf("<failure xmlns='%s'><not-authorized/></failure>", nsSASL))
	case xml.Name{Space: "jabber:client", Local: "iq"}:
		return false, s.iq(d, e)
	}
	if s.user != "" {
		return false, s.stanza(d, e)
	}
	s.log("stanza", func(x *event) { x.Name = e.Name.Local })
	return false, d.Skip()
}

// startTLS presents the certificate of the domain that the stream asked for.
func (s *session) startTLS() error {
	if s.seen.Secure || !plainName.MatchString(s.seen.To) || s.strips() {
		return errDone
	}
	name := s.seen.To
	if strings.HasSuffix(name, earlyDomain) {
		name = earlyDomain[1:]
	}
	base := filepath.Join(s.certs, name)
	cert, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return fmt.Errorf("no certificate for %q", s.seen.To)
	}
	if err := s.say(fmt.Sprintf("<proceed xmlns='%s'/>", nsTLS)); err != nil {
		return err
	}
	c := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err := c.Handshake(); err != nil {
		s.log("tls-failed", func(e *event) { e.Error = err.Error() })
		return errDone
	}
	s.conn, s.seen.Secure = c, true
	s.log("tls", nil)
	return nil
}
