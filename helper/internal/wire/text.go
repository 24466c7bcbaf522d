// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"regexp"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// What libpurple writes on an XMPP stream beside stanzas (jabber.c): the
// stream's head and end, STARTTLS and a space to keep the connection open.
var streamTexts = []*regexp.Regexp{
	regexp.MustCompile(`^(<\?xml version='1\.0' ?\?>)?\s*<stream:stream( (to|xmlns|xmlns:stream|version|xml:lang)=['"][^'"<>&]*['"])*\s*>$`),
	regexp.MustCompile(`^<\?xml version='1\.0' ?\?>$`),
	regexp.MustCompile(`^</stream:stream>$`),
	regexp.MustCompile(`^<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>$`),
	regexp.MustCompile(`^[ \t\r\n]{1,8}$`),
}

// Text reads what goes on an XMPP stream and is not a stanza that was allowed
// just now. A stanza written past libpurple's own way (the XMPP console,
// another plugin's raw text) is readable content, whatever it says.
func Text(text string) Reading {
	for _, pattern := range streamTexts {
		if pattern.MatchString(text) {
			return Reading{Content: policy.ContentOther, Text: text}
		}
	}
	return Reading{Content: policy.ContentReadable, Text: text, Message: true}
}
