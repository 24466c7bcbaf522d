// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// xmppServer is as much of an XMPP server as libpurple needs to be online. It
// records what it receives behind TLS.
type xmppServer struct {
	record
	tls  *tls.Config // nil: none offered
	sm   bool        // XEP-0198 is offered; nothing is ever acknowledged
	room string      // every presence to it is a join

	features string // what bob's program can do, beside nudges
	picture  string // bob's, in base64
	register string // the answer to who wants to register; empty: not offered

	mu  sync.Mutex
	out io.Writer // to the newest client
}

type stanza struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Inner   string     `xml:",innerxml"`
}

func (s stanza) attr(name string) string {
	for _, a := range s.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

const streamHeader = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' from='server.test' version='1.0'><stream:features>%s</stream:features>"

// stream reads a stream header and answers with features.
func (x *xmppServer) stream(c io.ReadWriter, features string) (*xml.Decoder, error) {
	d := xml.NewDecoder(io.TeeReader(c, x))
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		if _, ok := token.(xml.StartElement); ok {
			break
		}
	}
	_, err := fmt.Fprintf(c, streamHeader, features)
	return d, err
}

func next(d *xml.Decoder) (s stanza, err error) {
	for {
		token, err := d.Token()
		if err != nil {
			return s, err
		}
		if start, ok := token.(xml.StartElement); ok {
			return s, d.DecodeElement(&s, &start)
		}
		if _, ok := token.(xml.EndElement); ok {
			return s, io.EOF
		}
	}
}

func (x *xmppServer) handle(c net.Conn) {
	var rw io.ReadWriter = c
	if x.tls != nil {
		d, err := x.stream(rw, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>")
		if err != nil {
			return
		}
		if _, err := next(d); err != nil {
			return
		}
		fmt.Fprint(c, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		rw = tls.Server(c, x.tls)
	}
	d, err := x.stream(rw, "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>")
	if err != nil {
		return
	}
	for {
		s, err := next(d)
		if err != nil {
			return
		}
		if s.XMLName.Local != "iq" {
			break
		}
		fmt.Fprint(rw, x.answer(s)) // who registers asks before logging in
	}
	fmt.Fprint(rw, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	features := "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
	if x.sm {
		features += "<sm xmlns='urn:xmpp:sm:3'/>"
	}
	if d, err = x.stream(rw, features); err != nil {
		return
	}
	x.mu.Lock()
	x.out = rw
	x.mu.Unlock()
	for {
		s, err := next(d)
		if err != nil {
			return
		}
		x.send(x.answer(s))
	}
}

// send writes to the newest client.
func (x *xmppServer) send(text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if text != "" {
		_, _ = io.WriteString(x.out, text)
	}
}

func (x *xmppServer) answer(s stanza) string {
	id, to := s.attr("id"), s.attr("to")
	if to == "" {
		to = "alice@server.test"
	}
	switch {
	case s.XMLName.Local == "enable":
		return "<enabled xmlns='urn:xmpp:sm:3'/>"
	case s.XMLName.Local == "iq" && strings.Contains(s.Inner, "xmpp-bind"):
		return "<iq type='result' id='" + id + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@server.test/here</jid></bind></iq>"
	case s.XMLName.Local == "iq" && x.register != "" && strings.Contains(s.Inner, "jabber:iq:register"):
		return "<iq type='result' id='" + id + "' from='server.test'>" + x.register + "</iq>"
	case s.XMLName.Local == "iq" && strings.Contains(s.Inner, "jabber:iq:roster") && s.attr("type") == "get":
		return "<iq type='result' id='" + id + "'><query xmlns='jabber:iq:roster'/></iq>"
	case s.XMLName.Local == "iq" && strings.Contains(s.Inner, "vcard-temp") && s.attr("type") == "get":
		return "<iq type='result' id='" + id + "' from='" + to + "'><vCard xmlns='vcard-temp'>" + x.photo(to) + "</vCard></iq>"
	case s.XMLName.Local == "iq" && strings.Contains(s.Inner, "xmpp-session"):
		return "<iq type='result' id='" + id + "'/>"
	case s.XMLName.Local == "iq" && strings.Contains(s.Inner, "disco#info") && strings.Contains(s.Inner, "n#v"):
		return "<iq type='result' id='" + id + "' from='" + to + "'><query xmlns='http://jabber.org/protocol/disco#info' node='n#v'><feature var='urn:xmpp:attention:0'/>" + x.features + "</query></iq>"
	case s.XMLName.Local == "iq" && (s.attr("type") == "get" || s.attr("type") == "set"):
		return "<iq type='error' id='" + id + "' from='" + to + "'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
	case s.XMLName.Local == "presence" && x.room != "" && strings.HasPrefix(to, x.room+"/") && s.attr("type") == "":
		return "<presence from='" + to + "'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/><status code='110'/></x></presence>"
	}
	return ""
}

func (x *xmppServer) photo(of string) string {
	if x.picture == "" || !strings.HasPrefix(of, "bob@") {
		return ""
	}
	return "<PHOTO><TYPE>image/png</TYPE><BINVAL>" + x.picture + "</BINVAL></PHOTO>"
}

// message lets the client receive a message.
func (x *xmppServer) message(from, body string) {
	x.send("<message type='chat' from='" + from + "' to='alice@server.test/here'><body>" + body + "</body></message>")
}

// certificate is a certificate of its own making for server.test.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server.test"}, DNSNames: []string{"server.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
