// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/xml"
	"fmt"
	"regexp"
)

var simpleID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// A query is the part of an iq that is looked at: its name, and how many
// elements it has, never what is in them.
type query struct {
	XMLName xml.Name
	Fields  []struct{} `xml:",any"`
}

// iq notes registration (XEP-0077) and legacy authentication (XEP-0078): they
// too carry a password. A question for the fields is answered, so that a
// client that would send them does; all else is refused.
func (s *session) iq(d *xml.Decoder, e xml.StartElement) error {
	var body struct {
		Query query     `xml:"query"`
		Bind  *struct{} `xml:"urn:ietf:params:xml:ns:xmpp-bind bind"`
	}
	if err := d.DecodeElement(&body, &e); err != nil {
		return err
	}
	space, set := body.Query.XMLName.Space, attribute(e, "type") == "set"
	if body.Bind != nil {
		space = nsBind
	}
	name := "stanza"
	switch {
	case set && space == nsRegister:
		name = "register"
	case set && space == nsAuth:
		name = "legacy-auth"
	}
	s.log(name, func(x *event) { x.Name = "iq " + space })
	if kind := attribute(e, "type"); kind != "get" && !set {
		return nil // an answer
	}
	return s.answer(attribute(e, "id"), space, set)
}

func (s *session) answer(id, space string, set bool) error {
	if !simpleID.MatchString(id) {
		return errDone
	}
	reply := "<iq type='error' id='%s'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	if own := s.serveHostile(id, space); s.user != "" && own != "" {
		_, err := fmt.Fprint(s.conn, own)
		return err
	}
	if !set && (space == nsRegister || space == nsAuth) {
		reply = "<iq type='result' id='%s'><query xmlns='" + space + "'><username/><password/></query></iq>"
	}
	_, err := fmt.Fprintf(s.conn, reply, id)
	return err
}
