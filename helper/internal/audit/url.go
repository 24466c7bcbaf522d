// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"strings"

	"purpleonion.org/purple-onion/helper/internal/profile"
)

// The sscanf sets of purple_url_parse (util.c).
const (
	addrSet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
	portSet = "0123456789"
	userSet = addrSet + "~_/*!&%?=+^"
)

// purpleURL is what purple_url_parse makes of a proxy's URL.
type purpleURL struct {
	host, user, password string
	port                 int
}

// parseURL is purple_url_parse (util.c), which is looser than any standard: it
// takes what follows the first "http://" or "https://" anywhere, and a host
// ends where a character is not one of its own. False: it found no host.
func parseURL(text string) (purpleURL, bool) {
	u := purpleURL{port: 80}
	lower := asciiLower(text)
	if i := strings.Index(lower, "http://"); i >= 0 {
		text = text[i+len("http://"):]
	} else if i := strings.Index(lower, "https://"); i >= 0 {
		u.port, text = 443, text[i+len("https://"):]
	}
	at, slash := strings.IndexByte(text, '@'), strings.IndexByte(text, '/')
	if at >= 0 && (slash < 0 || at < slash) {
		u.user, u.password = userinfo(text)
		text = text[at+1:]
	}
	u.host = span(text, addrSet, 255)
	rest := text[len(u.host):]
	if strings.HasPrefix(rest, ":") {
		if port := span(rest[1:], portSet, 5); port != "" {
			u.port = atoi(port)
		}
	}
	return u, u.host != ""
}

// userinfo is "%255[user]:%255[password]"; without a password the user alone.
func userinfo(text string) (user, password string) {
	user = span(text, userSet, 255)
	if user != "" && strings.HasPrefix(text[len(user):], ":") {
		password = span(text[len(user)+1:], userSet, 255)
	}
	return user, password
}

// span is sscanf's %N[set].
func span(text, set string, limit int) string {
	n := 0
	for n < len(text) && n < limit && strings.IndexByte(set, text[n]) >= 0 {
		n++
	}
	return text[:n]
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// atoi is C's, as package profile has it.
func atoi(s string) int { return profile.Setting{Value: s}.Int() }
