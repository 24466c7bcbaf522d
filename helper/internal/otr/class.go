// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import "strings"

// Class is what one line is, by its strict structure alone. Whose it is, and
// whether it can be decrypted, no line tells.
type Class uint8

// The classes. A line that only looks like OTR is malformed.
const (
	ClassText      Class = iota // nothing of OTR in it, but perhaps a whitespace tag
	ClassQuery                  // exactly "?OTRv2?", "?OTRv3?" or "?OTRv23?"
	ClassMessage                // one whole data or AKE message and nothing else
	ClassFragment               // one piece of such a message and nothing else
	ClassError                  // "?OTR Error: " and its text
	ClassMalformed              // has "?OTR" in it, and is none of these
)

// Classify says what line is. What it calls ClassMessage has every field that
// OTRv3 ("Messages") names, with lengths that are right, numbers in the group and
// nothing left over, so that it encodes to the same bytes again.
func Classify(line string) Class {
	switch {
	case !strings.Contains(line, marker):
		return ClassText
	case line == "?OTRv2?", line == "?OTRv3?", line == "?OTRv23?":
		return ClassQuery
	case strings.HasPrefix(line, errorPrefix+" "):
		return ClassError
	case strings.HasPrefix(line, messagePrefix):
		if m, err := parseMessage(line); err == nil && m.line() == line {
			return ClassMessage
		}
	case strings.HasPrefix(line, fragment3Prefix), strings.HasPrefix(line, fragment2Prefix):
		if f, err := parseFragment(line); err == nil && f.line() == line && f.plausible() {
			return ClassFragment
		}
	}
	return ClassMalformed
}

// CanonicalQuery is the query that line starts with, without the prose that
// programs put behind it: "?OTRv3?", "?OTRv2?" or "?OTRv23?". False where
// line is no query, or offers neither version.
func CanonicalQuery(line string) (string, bool) {
	rest, ok := afterMarkup(line)
	if !ok {
		return "", false
	}
	offer, ok := parseQuery(rest)
	if !ok || !offer.v2 && !offer.v3 {
		return "", false
	}
	return offer.String(), true
}
