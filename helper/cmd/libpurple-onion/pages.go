// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"html"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/engine"
)

// statusPage is "Tor status": libpurple's HTML, which every toolkit shows.
func statusPage(s engine.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<b>Tor</b>: %s", html.EscapeString(s.Tor.State.String()))
	if s.Tor.Progress >= 0 && s.Tor.Progress < 100 {
		fmt.Fprintf(&b, ", %d%%", s.Tor.Progress)
	}
	row(&b, "version", s.Tor.Version)
	row(&b, "SOCKS port", s.Tor.Socks)
	row(&b, "control port", s.Tor.Control)
	row(&b, "stream isolation", s.Tor.Isolation.String())
	row(&b, "", s.Tor.Detail)
	b.WriteString("<br><br><b>Protected accounts</b>")
	if len(s.Accounts) == 0 {
		b.WriteString("<br>none")
	}
	for _, a := range s.Accounts {
		fmt.Fprintf(&b, "<br>%s: %s", html.EscapeString(a.Account.String()), a.State)
		if a.State == engine.Online {
			fmt.Fprintf(&b, ", %s", html.EscapeString(a.Stream.String()))
		}
	}
	b.WriteString("<br><br>This shows how the accounts reach the network now. It does not show what their messages say about you.")
	return b.String()
}

func row(b *strings.Builder, name, value string) {
	switch {
	case value == "":
	case name == "":
		fmt.Fprintf(b, "<br>%s", html.EscapeString(value))
	default:
		fmt.Fprintf(b, "<br>%s: %s", name, html.EscapeString(value))
	}
}
