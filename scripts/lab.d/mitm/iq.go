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
		Query   query     `xml:"query"`
		Bind    *struct{} `xml:"urn:ietf:params:xml:ns:xmpp-bind bind"`
		Session *struct{} `xml:"urn:ietf:params:xml:ns:xmpp-session session"`
		VCard   *struct{} `xml:"vcard-temp vCard"`
	}
	if err := d.DecodeElement(&body, &e); err != nil {
		return err
	}
	space, set := body.Query.XMLName.Space, attribute(e, "type") == "set"
	if body.Bind != nil {
		space = nsBind
	}
	if body.Session != nil {
		space = nsSession
	}
	if body.VCard != nil {
		space = nsVCard
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
	from := ""
	if to := attribute(e, "to"); plainName.MatchString(to) || to == hostileBuddy {
		from = " from='" + to + "'" // else libpurple takes it for somebody else's
	}
	return s.answer(attribute(e, "id"), from, space, set)
}

func (s *session) answer(id, from, space string, set bool) error {
	if !simpleID.MatchString(id) {
		return errDone
	}
	reply := "<iq type='error' id='%s'%s><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	if own := s.serveHostile(id, space); s.user != "" && own != "" {
		return s.say(own)
	}
	if !set && (space == nsRegister || space == nsAuth) {
		reply = "<iq type='result' id='%s'%s><query xmlns='" + space + "'><username/><password/></query></iq>"
	}
	return s.say(fmt.Sprintf(reply, id, from))
}
