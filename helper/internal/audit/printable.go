// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable says whether a terminal shows the rune as itself: no control
// (C0, DEL, C1), format or bidirectional character, no odd space, none that
// Unicode does not assign. An account may have any name that its owner, or
// whoever wrote the file, liked.
func printable(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

// Printable gives text with all that does not print as itself written as an
// escape, so that no name can move the cursor, colour, or reorder a line.
func Printable(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && printable(r)
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case printable(r):
			b.WriteString(text[i : i+n])
		case n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}
