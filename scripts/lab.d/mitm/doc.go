// SPDX-License-Identifier: GPL-3.0-or-later

// Command mitm is the lab's man in the middle: an XMPP server as an attacker
// at an exit would run it. It answers on port 5222 for several domains, told
// apart by the stream's "to", presents each domain's faulty certificate after
// STARTTLS, invites the client to log in, and writes down what arrives:
//
//	good.test        a valid certificate: the control arm, <auth must arrive
//	wrong.test       valid, but for other.test
//	selfsigned.test  signed by its own key
//	expired.test     over since yesterday
//	unknownca.test   signed by a CA that nobody trusts
//	strip.test       no STARTTLS is offered, PLAIN is: a stripping attacker
//	redirect.test    the stream is sent to another host
//	*.early.test     valid; attacked before anybody is let in (early.go)
//	hostile.test     valid; anybody may log in, and is then attacked as the file
//	                 of their name in the folder -orders says: floods, what is no
//	                 XML, forged and nested stanzas (hostile.go, attacks.go)
//
// On port 6697 it is an IRC server, as hostile.test, whose files are called
// irc-NICK (irc.go); on port 5299 it notes who followed a redirection.
//
// Every log line is a JSON object: time (Unix seconds), conn (a number for
// each connection), peer (address:port), to, event, secure, and with some
// events mechanism, mechanisms, name, error. Events: connect, stream (a
// header arrived), features (sent), starttls, tls (handshake done),
// tls-failed, auth (an <auth of SASL arrived), register (a registration with
// data), legacy-auth (XEP-0078 with data), attack (name says which), readable
// (a message in clear text, at hostile.test), elsewhere (a redirection was
// followed), stanza (anything else, of whom nobody let in), close. What a
// client says inside an element, so any password, is never read into the log.
//
// It is a test tool of the lab; nothing of purple-onion may import it.
package main
