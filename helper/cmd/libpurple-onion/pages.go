// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"html"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// statusPage is "Tor status": libpurple's HTML, which every toolkit shows. It
// says what `purple-onion status` says.
func statusPage(tor engine.TorStatus, l engine.Live) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<b>Tor</b>: %s", html.EscapeString(l.Tor.State))
	if tor.Progress >= 0 && tor.Progress < 100 {
		fmt.Fprintf(&b, ", %d%%", tor.Progress)
	}
	row(&b, "version", l.Tor.Version)
	row(&b, "SOCKS port", l.Tor.Socks)
	row(&b, "control port", l.Tor.Control)
	if tor.Isolation != policy.IsolationNotAsked {
		row(&b, "stream isolation", tor.Isolation.String())
	}
	row(&b, "", tor.Detail)
	if inCell() {
		row(&b, "", "In a cell: of any network this program reaches Tor's SOCKS port alone")
	}
	b.WriteString("<br><br><b>Protected accounts</b>")
	if len(l.Accounts) == 0 {
		b.WriteString("<br>none")
	}
	for _, a := range l.Accounts {
		b.WriteString("<br>" + html.EscapeString(accountLine(a)))
	}
	if len(l.Isolation) > 0 {
		b.WriteString("<br><br><b>Circuits of their own</b>")
	}
	for _, p := range l.Isolation {
		b.WriteString("<br>" + html.EscapeString(fmt.Sprintf("%s and %s: %s (%s)", p.A, p.B, p.Verdict, p.Evidence)))
	}
	if len(l.Findings) > 0 {
		b.WriteString("<br><br><b>Findings</b>")
	}
	for _, f := range l.Findings {
		row(&b, f.Check, f.Message)
	}
	b.WriteString("<br><br>This shows how the accounts reach the network now. It does not show what their messages say about you.")
	return b.String()
}

func accountLine(a engine.LiveAccount) string {
	parts := []string{a.Protocol + ":" + a.Name, a.Protection, a.State}
	for _, part := range [][2]string{{"", a.Reason}, {"since ", a.Since}, {"circuit ", a.Circuit}, {"its own: ", a.OwnCircuit}, {"exit ", a.Exit}, {"onion ", a.Onion}} {
		if part[1] != "" {
			parts = append(parts, part[0]+part[1])
		}
	}
	if m := a.Messages; m != (engine.LiveMessages{}) {
		parts = append(parts, fmt.Sprintf("conversations: %d encrypted, %d plaintext, %d finished", m.Encrypted, m.Plaintext, m.Finished))
	}
	return strings.Join(parts, ", ")
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
