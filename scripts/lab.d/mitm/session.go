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
	plainName = regexp.MustCompile(`^[a-z0-9-]+\.test$`)
	errDone   = errors.New("done")
)

// A session is one connection. seen holds what every event of it says.
type session struct {
	conn    net.Conn
	certs   string
	journal *journal
	seen    event

	user     string // let in at hostileDomain; empty: nobody yet
	attacker *attacker
}

func (s *session) log(name string, more func(*event)) {
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
	defer func() { s.conn.Close() }()
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
	d := xml.NewDecoder(io.LimitReader(s.conn, maxBytes))
	root, err := nextStart(d)
	if err != nil {
		return err
	}
	if root.Name.Space != nsStream || root.Name.Local != "stream" {
		return fmt.Errorf("not a stream: %q", root.Name.Local)
	}
	s.seen.To = attribute(root, "to")
	s.log("stream", nil)
	if err := s.sendFeatures(); err != nil {
		return err
	}
	if s.seen.To == redirectDomain {
		_, _ = fmt.Fprint(s.conn, seeOtherHost)
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
	from := ""
	if plainName.MatchString(s.seen.To) {
		from = " from='" + s.seen.To + "'"
	}
	_, err := fmt.Fprintf(s.conn, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s'"+
		" id='lab%d' version='1.0'%s><stream:features>%s</stream:features>", nsStream, s.seen.Conn, from, offer)
	return err
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
		if err := d.Skip(); err != nil {
			return false, err
		}
		_, err := fmt.Fprintf(s.conn, "<failure xmlns='%s'><not-authorized/></failure>", nsSASL)
		return false, err
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
	base := filepath.Join(s.certs, s.seen.To)
	cert, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return fmt.Errorf("no certificate for %q", s.seen.To)
	}
	if _, err := fmt.Fprintf(s.conn, "<proceed xmlns='%s'/>", nsTLS); err != nil {
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
