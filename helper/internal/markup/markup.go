// SPDX-License-Identifier: GPL-3.0-or-later

// Package markup turns libpurple's message HTML into the text that goes to a
// buddy, and a buddy's decrypted text into HTML that may be shown. It keeps
// nothing that would make a program fetch something, and decides nothing.
package markup

import (
	stdhtml "html"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Text gives what a person typed, without tags and escapes: line breaks and
// images' and links' texts are kept as they read.
func Text(source string) string {
	var b strings.Builder
	each(source, func(t html.Token) {
		switch t.Type {
		case html.TextToken:
			b.WriteString(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			if t.Data == "br" {
				b.WriteByte('\n')
			}
		case html.EndTagToken:
			if t.Data == "p" || t.Data == "div" {
				b.WriteByte('\n')
			}
		case html.ErrorToken, html.CommentToken, html.DoctypeToken:
		}
	})
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

// A text is taken for HTML where it has a tag that programs put into
// messages, or an escape. OTR does not say which it is.
var tagOrEscape = regexp.MustCompile(`(?i)</?(a|b|i|u|s|br|em|strong|p|div|span|font|body|html)(\s[^<>]*)?/?>|&(amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#x[0-9a-f]{1,6});`)

var (
	shown   = []string{"b", "i", "u", "s", "em", "strong", "br", "p"}
	hidden  = []string{"script", "style", "title", "head"}
	schemes = regexp.MustCompile(`(?i)^(https?|xmpp|mailto):`)
)

// FromPeer gives HTML for a decrypted text: what looks like HTML keeps its
// simple tags and its links, everything else is shown as it is written.
func FromPeer(text string) string {
	if !tagOrEscape.MatchString(text) {
		return strings.ReplaceAll(stdhtml.EscapeString(text), "\n", "<br>")
	}
	var b strings.Builder
	var open []string
	skipped := 0
	each(text, func(t html.Token) {
		switch t.Type {
		case html.TextToken:
			if skipped == 0 {
				b.WriteString(strings.ReplaceAll(stdhtml.EscapeString(t.Data), "\n", "<br>"))
			}
		case html.StartTagToken:
			switch {
			case slices.Contains(hidden, t.Data):
				skipped++
			case t.Data == "br":
				b.WriteString("<br>")
			case slices.Contains(shown, t.Data):
				b.WriteString("<" + t.Data + ">")
				open = append(open, t.Data)
			case t.Data == "a" && link(t) != "":
				b.WriteString(`<a href="` + stdhtml.EscapeString(link(t)) + `">`)
				open = append(open, "a")
			}
		case html.SelfClosingTagToken:
			if t.Data == "br" {
				b.WriteString("<br>")
			}
		case html.EndTagToken:
			if slices.Contains(hidden, t.Data) {
				skipped = max(0, skipped-1)
			} else if n := len(open); n > 0 && open[n-1] == t.Data {
				b.WriteString("</" + t.Data + ">")
				open = open[:n-1]
			}
		case html.ErrorToken, html.CommentToken, html.DoctypeToken:
		}
	})
	for i := len(open) - 1; i >= 0; i-- {
		b.WriteString("</" + open[i] + ">")
	}
	return b.String()
}

func link(t html.Token) string {
	for _, a := range t.Attr {
		if a.Key == "href" && schemes.MatchString(a.Val) {
			return a.Val
		}
	}
	return ""
}

func each(source string, do func(t html.Token)) {
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		t := z.Token()
		do(t)
		if kind == html.StartTagToken && !slices.Contains(hidden, t.Data) {
			z.NextIsNotRawText() // <xmp>, <textarea> and others do not swallow what follows
		}
	}
}
