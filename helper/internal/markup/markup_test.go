// SPDX-License-Identifier: GPL-3.0-or-later

package markup

import (
	"regexp"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ html, text string }{
		{"hello", "hello"},
		{"a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"},
		{"<b>bold</b> and <i>it</i>", "bold and it"},
		{`<FONT COLOR="#ff0000">red</FONT>`, "red"},
		{"one<br>two<BR/>three", "one\ntwo\nthree"},
		{`<a href="http://a.test/?x=1&amp;y=2">http://a.test/?x=1&amp;y=2</a>`, "http://a.test/?x=1&y=2"},
		{"&quot;&apos;&#39;&nbsp;", "\"'' "},
		{"1 < 2", "1 < 2"},
		{"<script>x</script>y", "xy"},
		{"ünï &uuml;", "ünï ü"},
		{"", ""},
	} {
		if got := Text(c.html); got != c.text {
			t.Errorf("%q: %q, want %q", c.html, got, c.text)
		}
	}
}

func TestFromPeer(t *testing.T) {
	for _, c := range []struct{ text, html string }{
		{"hello", "hello"},
		{"a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"},
		{"one\ntwo", "one<br>two"},
		{"<b>bold", "<b>bold</b>"},
		{"a &lt; b", "a &lt; b"},
		{`<FONT COLOR="#ff0000">red</FONT> &amp;`, "red &amp;"},
		{`<b>x</b><img src="http://evil.test/1.png">`, "<b>x</b>"},
		{`<a href="https://a.test/">t</a>`, `<a href="https://a.test/">t</a>`},
		{`<a href="javascript:x()">t</a><b></b>`, `t<b></b>`},
		{`<a href="file:///etc/passwd">t</a>`, `t`},
		{`<b></i></b></b>`, `<b></b>`},
		{`<b>x</b><script>alert(1)</script>y`, "<b>x</b>y"},
		{`<b onclick="x">y</b>`, "<b>y</b>"},
	} {
		if got := FromPeer(c.text); got != c.html {
			t.Errorf("%q: %q, want %q", c.text, got, c.html)
		}
	}
}

var safeTags = regexp.MustCompile(`^(</?(b|i|u|s|em|strong|br|p|a)>|<a href="(?i:https?|xmpp|mailto):[^"<>]*">|&[a-z#0-9]+;|[^<>&"])*$`)

// Whatever comes, only the few tags are shown, and plain text goes there and
// back.
func FuzzFromPeer(f *testing.F) {
	for _, s := range []string{"<b>x", "a<b", "<a href='http://x' href=y>", "<textarea><b>", "&lt;b&gt;", "<plaintext><img>", "<b><title>x</b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := FromPeer(text)
		if !safeTags.MatchString(got) {
			t.Errorf("%q shows as %q", text, got)
		}
		if !strings.ContainsAny(text, "<>&\r\x00\u00a0") && Text(got) != text && strings.ToValidUTF8(text, "") == text {
			t.Errorf("%q reads as %q", text, Text(got))
		}
	})
}
