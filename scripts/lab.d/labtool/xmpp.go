// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// A login is one run of the lab's own small XMPP client, which proves that the
// servers do their part (RFC 6120): STARTTLS with the certificate checked,
// registration (XEP-0077), PLAIN, a resource, one message there or back.
type login struct {
	user, domain, password string
	conn                   net.Conn
	in                     *xml.Decoder
	startTLS               bool // the last features offered it
}

// xmpp logs in as USER@DOMAIN at HOST:PORT. It prints a line for each step
// done: starttls, tls, registered, authenticated, bound, sent, received. With
// -talk it then sends each line of standard input as it is, and prints each
// element that comes, on a line of its own, until either ends.
func xmpp(args []string) (int, error) {
	flags := flag.NewFlagSet("xmpp", flag.ContinueOnError)
	socks := flags.String("socks", "", "go through this SOCKS port")
	register := flags.Bool("register", false, "register the account first")
	insecure := flags.Bool("insecure", false, "take any certificate, or none")
	to := flags.String("send", "", "send \"hello\" to this JID")
	receive := flags.Bool("receive", false, "wait for a message")
	talks := flags.Bool("talk", false, "send what is read, print what comes")
	timeout := flags.Duration("timeout", 60*time.Second, "for all of it")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	if flags.NArg() != 3 {
		return 2, errors.New("wants HOST:PORT JID PASSWORD")
	}
	user, domain, _ := strings.Cut(flags.Arg(1), "@")
	l := &login{user: user, domain: domain, password: flags.Arg(2)}
	var err error
	if l.conn, err = dialXMPP(*socks, flags.Arg(0)); err != nil {
		return 1, err
	}
	defer l.conn.Close()
	if err := l.conn.SetDeadline(time.Now().Add(*timeout)); err != nil {
		return 1, err
	}
	err = l.run(*insecure, *register, *to, *receive)
	if err == nil && *talks {
		err = l.talk()
	}
	return status(err)
}

func dialXMPP(socks, target string) (net.Conn, error) {
	if socks == "" {
		return net.DialTimeout("tcp", target, 10*time.Second)
	}
	return socksDialAgain(socks, target)
}

func (l *login) run(insecure, register bool, to string, receive bool) error {
	if err := l.secure(insecure); err != nil {
		return err
	}
	if register {
		if err := l.step("registered", "iq", "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>%s</username><password>%s</password></query></iq>",
			l.user, l.password); err != nil {
			return err
		}
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + l.user + "\x00" + l.password))
	if err := l.step("authenticated", "success", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", plain); err != nil {
		return err
	}
	if err := l.open(); err != nil {
		return err
	}
	if err := l.step("bound", "iq", "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"); err != nil {
		return err
	}
	if receive {
		return l.step("received", "message", "<presence/>")
	}
	if to != "" {
		return l.step("sent", "iq", "<message to='%s' type='chat'><body>hello</body></message><iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>", to)
	}
	return nil
}

// secure opens a stream and changes to TLS. Without a STARTTLS it goes on in
// the clear only if told to be insecure.
func (l *login) secure(insecure bool) error {
	if err := l.open(); err != nil {
		return err
	}
	if !l.startTLS && insecure {
		return nil
	}
	if !l.startTLS {
		return errors.New("no STARTTLS offered")
	}
	if err := l.step("starttls", "proceed", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	c := tls.Client(l.conn, &tls.Config{ServerName: l.domain, InsecureSkipVerify: insecure})
	if err := c.Handshake(); err != nil {
		return err
	}
	l.conn = c
	fmt.Println("tls")
	return l.open()
}

// open sends a stream header and reads as far as the features.
func (l *login) open() error {
	l.in = xml.NewDecoder(l.conn)
	_, err := fmt.Fprintf(l.conn, "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", l.domain)
	if err != nil {
		return err
	}
	return l.until("features")
}

// step sends something, waits for the element that answers it, and says so.
func (l *login) step(done, answer, format string, args ...any) error {
	if _, err := fmt.Fprintf(l.conn, format, args...); err != nil {
		return err
	}
	if err := l.until(answer); err != nil {
		return fmt.Errorf("not %s: %w", done, err)
	}
	fmt.Println(done)
	return nil
}

// until reads to the next element of that name. A failure, a stream error, or
// an answer of type "error" is an error.
func (l *login) until(name string) error {
	for {
		t, err := l.in.Token()
		if err != nil {
			return err
		}
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local == "stream" {
			continue
		}
		if e.Name.Local == "failure" || e.Name.Local == "error" {
			return fmt.Errorf("the server says %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			if a.Name.Local == "type" && a.Value == "error" {
				return fmt.Errorf("the server refuses by %s", e.Name.Local)
			}
		}
		var body struct {
			StartTLS *struct{} `xml:"urn:ietf:params:xml:ns:xmpp-tls starttls"`
		}
		if err := l.in.DecodeElement(&body, &e); err != nil {
			return err
		}
		if e.Name.Local == name {
			l.startTLS = body.StartTLS != nil
			return nil
		}
	}
}

// talk sends what is read and prints what comes, raw. It has no time limit.
func (l *login) talk() error {
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if _, err := io.WriteString(l.conn, "<presence/>"); err != nil {
		return err
	}
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(l.conn, os.Stdin)
		done <- err
	}()
	go func() { done <- l.print() }()
	return <-done
}

// print gives each element a line, as it came but for its line ends.
func (l *login) print() error {
	for {
		t, err := l.in.Token()
		if err != nil {
			return err
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		var body struct {
			Inner string `xml:",innerxml"`
		}
		if err := l.in.DecodeElement(&body, &e); err != nil {
			return err
		}
		var head strings.Builder
		for _, a := range e.Attr {
			fmt.Fprintf(&head, " %s='%s'", a.Name.Local, strings.ReplaceAll(a.Value, "'", "&apos;"))
		}
		fmt.Println(strings.NewReplacer("\n", " ", "\r", " ").Replace("<" + e.Name.Local + head.String() + ">" + body.Inner))
	}
}
