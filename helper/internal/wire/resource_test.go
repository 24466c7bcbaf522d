// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"strings"
	"testing"
)

func TestWithResource(t *testing.T) {
	const (
		bind = "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>%</bind></iq>"
		auth = "<iq type='set' id='1'><query xmlns='jabber:iq:auth'><username>alice</username>%<digest>00</digest></query></iq>"
		host = "<resource>my-laptop</resource>"
	)
	for _, c := range []struct{ element, had, resource, has string }{
		{bind, host, "", ""}, {bind, host, "a&b", "<resource>a&amp;b</resource>"}, {bind, host + host, "", ""},
		{bind, "", "here", "<resource>here</resource>"}, {auth, host, "", "<resource>x</resource>"}, {auth, host, "here", "<resource>here</resource>"},
		{auth, "", "here", ""},
		{"<message id='1'><body>urn:ietf:params:xml:ns:xmpp-bind%</body></message>", host, "", host},
		{"<iq type='set' id='1'><bind xmlns='urn:x'>%</bind><y xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", host, "", host},
		{"<iq id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>%", host, "", host}, // not XML
	} {
		with := func(inner string) string { return strings.Replace(c.element, "%", inner, 1) }
		want := with(c.has)
		if c.has == "" && c.had != "" {
			want = strings.Replace(want, "></bind>", "/>", 1)
		}
		if got := WithResource(with(c.had), c.resource); got != want {
			t.Errorf("%s with %q: %s", with(c.had), c.resource, got)
		}
	}
}
