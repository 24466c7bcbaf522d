// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import "strings"

// How lines of OTR begin (OTRv3, "High level overview" and "Fragmentation").
const (
	marker          = "?OTR"
	messagePrefix   = "?OTR:"
	errorPrefix     = "?OTR Error:"
	fragment2Prefix = "?OTR,"
	fragment3Prefix = "?OTR|"
)

// The whitespace tag (OTRv3, "Tagged plaintext messages").
const (
	tagBase = " \t  \t\t\t\t \t \t \t  "
	tagV2   = "  \t\t  \t "
	tagV3   = "  \t\t  \t\t"
)

// offer is which versions someone can speak; all is as they said it.
type offer struct {
	v2, v3 bool
	all    string
}

func (o offer) String() string {
	switch {
	case o.v2 && o.v3:
		return "?OTRv23?"
	case o.v3:
		return "?OTRv3?"
	default:
		return "?OTRv2?"
	}
}

// afterMarkup is line from "?OTR" on, where nothing but markup and white
// space stands before that: some programs wrap what they send in <FONT>. Text
// that speaks of ?OTR is text.
func afterMarkup(line string) (string, bool) {
	for {
		line = strings.TrimLeft(line, " \t\r\n")
		if strings.HasPrefix(line, marker) {
			return line, true
		}
		end := strings.IndexByte(line, '>')
		if !strings.HasPrefix(line, "<") || end < 0 {
			return "", false
		}
		line = line[end+1:]
	}
}

// parseQuery reads "?OTRv23?..." and "?OTR?v3?..." (OTRv3, "OTR Query Messages").
func parseQuery(line string) (offer, bool) {
	rest, ok := strings.CutPrefix(line, marker)
	if !ok {
		return offer{}, false
	}
	rest, v1 := strings.CutPrefix(rest, "?")
	list, versions := strings.CutPrefix(rest, "v")
	list, _, ok = strings.Cut(list, "?")
	if !versions || !ok || strings.ContainsAny(list, " <") {
		return offer{all: "1"}, v1
	}
	return offer{v2: strings.Contains(list, "2"), v3: strings.Contains(list, "3"), all: list}, true
}

// cutTag takes the whitespace tag out of text, wherever it stands.
func cutTag(text string) (string, offer) {
	before, rest, ok := strings.Cut(text, tagBase)
	if !ok {
		return text, offer{}
	}
	var o offer
	for len(rest) >= 8 && strings.Trim(rest[:8], " \t") == "" {
		o.v2 = o.v2 || rest[:8] == tagV2
		o.v3 = o.v3 || rest[:8] == tagV3
		rest = rest[8:]
	}
	if o.v2 && !o.v3 {
		o.all = "2"
	}
	return before + rest, o
}
