// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The rules of the text form: accounts first, a line each, with the worst that
// was found for it; then findings by severity; then counts; the last line says
// what was not checked. No line is wider than 80 columns, no name reaches the
// terminal as it is, colour marks severities alone, and the words "safe" and
// "anonymous" do not occur.
const (
	columns  = 80
	maxShown = 10 // subjects of one finding
)

const notChecked = "Not checked: whether Tor runs, what is sent, what servers and buddies keep."

type writer struct {
	*bufio.Writer
	colour bool
}

// WriteText writes the report for a person; all holds the findings that least
// would hide, for the accounts' lines and the count of what is hidden.
func (r *Report) WriteText(out io.Writer, least Severity, colour bool) error {
	w := &writer{bufio.NewWriter(out), colour}
	for _, d := range r.UserDirs {
		w.userDir(r, d)
	}
	shown := r.Only(least)
	for _, f := range shown.Findings {
		w.finding(f, len(r.UserDirs) > 1)
	}
	for _, p := range r.Errors {
		w.problem(p)
	}
	if hidden := len(r.Findings) - len(shown.Findings); hidden > 0 {
		fmt.Fprintf(w, "%s below %s not shown.\n", count(hidden, "finding", "findings"), least)
	}
	s := r.Summary
	fmt.Fprintf(w, "%d fail, %d warn, %d info, %s.\n", s.Fail, s.Warn, s.Info, count(s.Errors, "error", "errors"))
	fmt.Fprintln(w, notChecked)
	return w.Flush()
}

func (w *writer) userDir(r *Report, d UserDir) {
	fmt.Fprintln(w, fit("User directory "+Printable(d.Path), columns))
	fmt.Fprintln(w)
	if len(d.Accounts) == 0 {
		fmt.Fprintln(w, "  no accounts")
	}
	worst := r.worst(d.Path)
	names, protocols, rest := 0, 0, 0
	for _, a := range d.Accounts {
		names = max(names, wide(Printable(a.Name)))
		protocols = max(protocols, wide(protocolName(a.Protocol)))
		rest = max(rest, wide(a.describe(r.broken(d.Path, a))))
	}
	rest = min(rest, 40)
	names = min(names, columns-8-2-protocols-2-rest)
	for _, a := range d.Accounts {
		fmt.Fprintf(w, "  %s  %s  %s  %s\n", w.severity(worst[a.Protocol+":"+a.Name]), pad(fit(Printable(a.Name), names), names),
			pad(protocolName(a.Protocol), protocols), fit(a.describe(r.broken(d.Path, a)), rest))
	}
	fmt.Fprintln(w)
}

// worst is the worst severity found for each subject of a user directory.
func (r *Report) worst(dir string) map[string]Severity {
	worst := map[string]Severity{}
	for _, f := range r.Findings {
		for _, s := range f.Subjects {
			if f.UserDir == dir && !worst[s].Reaches(f.Severity) {
				worst[s] = f.Severity
			}
		}
	}
	return worst
}

func (r *Report) broken(dir string, a Account) bool {
	for _, f := range r.Findings {
		if f.Check == "protection-broken" && f.UserDir == dir {
			for _, s := range f.Subjects {
				if s == a.Protocol+":"+a.Name {
					return true
				}
			}
		}
	}
	return false
}

func protocolName(id string) string {
	switch id {
	case "prpl-jabber":
		return "XMPP"
	case "prpl-irc":
		return "IRC"
	}
	return fit(Printable(strings.TrimPrefix(id, "prpl-")), 9)
}

// describe says where the account connects to.
func (a Account) describe(broken bool) string {
	text := a.where()
	switch {
	case broken:
		text = "protection broken"
	case a.Protection != "none":
		text = "protected, level " + a.Protection
	}
	if !a.Enabled {
		text += ", disabled"
	}
	return text
}

func (a Account) where() string {
	p := a.Proxy
	by := ""
	switch p.Source {
	case SourceGlobal:
		by = " (global)"
	case SourceEnvironment:
		by = " (environment)"
	case SourceDesktop:
		return "as the desktop says: not known"
	case SourceAccount, SourceNone:
	}
	at := Printable(p.Host) + ":" + strconv.Itoa(p.Port)
	switch p.Type {
	case TypeNone:
		return "direct" + by
	case TypeInvalid:
		return "proxy not valid" + by
	case TypeTor:
		return "Tor " + at + by
	case TypeHTTP, TypeSOCKS4, TypeSOCKS5:
	}
	return string(p.Type) + " " + at + by
}

func (w *writer) severity(s Severity) string {
	text := string(s)
	if s == "" {
		text = "-"
	}
	text = pad(text, 4)
	code := map[Severity]string{Fail: "1;31", Warn: "33", Info: "36"}[s]
	if !w.colour || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (w *writer) finding(f Finding, several bool) {
	for i, line := range Wrap(f.Check+": "+Printable(f.Message), columns-6) {
		if i == 0 {
			fmt.Fprintf(w, "%s  %s\n", w.severity(f.Severity), line)
		} else {
			fmt.Fprintf(w, "      %s\n", line)
		}
	}
	if several && f.UserDir != "" {
		fmt.Fprintf(w, "        %s\n", fit("in "+Printable(f.UserDir), columns-8))
	}
	for i, s := range f.Subjects {
		if i == maxShown {
			fmt.Fprintf(w, "        and %d more: --format json shows all\n", len(f.Subjects)-i)
			break
		}
		fmt.Fprintf(w, "        %s\n", fit(Printable(s), columns-8))
	}
	w.paragraph("      Why: ", f.Why)
	w.command("      Do:  ", f.Remedy)
	fmt.Fprintln(w)
}

func (w *writer) problem(p Problem) {
	at := Printable(p.Path)
	if p.Line > 0 {
		at += ":" + strconv.Itoa(p.Line)
	}
	fmt.Fprintf(w, "%s %s\n", pad("error", 5), fit("cannot read "+at, columns-6))
	w.paragraph("      ", Printable(p.Message))
	fmt.Fprintln(w)
}
