// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"net/url"
	"strings"
)

const maxLink = 4096 // bytes of a link that a program is started with

// Link says what becomes of a link while a protected account is enabled: the
// command that opens it in Tor Browser, or nil where it is shown to copy, and
// what the person is told then.
func (e *Engine) Link(link string) (program []string, told string) {
	const copyIt = "While a protected account is enabled, links are not opened in this computer's browser. You can copy it into Tor Browser."
	switch {
	case !e.parts.ConfigRead || !e.parts.Config.TorBrowser:
		return nil, copyIt
	case !webLink(link):
		return nil, "It is not the address of a web page. " + copyIt
	}
	browser := e.parts.TorBrowser()
	if browser == "" {
		return nil, "Tor Browser was not found. " + copyIt
	}
	return []string{browser, link}, copyIt
}

// webLink says whether a text is an http or https address and cannot be taken
// for an option or for more than one word.
func webLink(link string) bool {
	u, err := url.Parse(link)
	return err == nil && len(link) <= maxLink && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		!strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\'' || r == '`' || r == '\\' })
}
