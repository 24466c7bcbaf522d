// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"strings"
)

// wide is how many columns a terminal may need at most: two for all that may
// be East Asian or an emoji, one for the rest, marks that take none included.
func wide(text string) int {
	n := 0
	for _, r := range text {
		n += runeWide(r)
	}
	return n
}

func runeWide(r rune) int {
	if r >= 0x1100 {
		return 2
	}
	return 1
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-wide(text)))
}

// fit cuts the middle out of what is too wide.
func fit(text string, width int) string {
	if wide(text) <= width {
		return text
	}
	const cut = "..."
	runes := []rune(text)
	head, tail, used := 0, len(runes), len(cut)
	for used < width {
		next := runes[head]
		fromTail := wide(string(runes[:head])) > wide(string(runes[tail:]))
		if fromTail {
			next = runes[tail-1]
		}
		if used += runeWide(next); used > width {
			break
		}
		if fromTail {
			tail--
		} else {
			head++
		}
	}
	return string(runes[:head]) + cut + string(runes[tail:])
}

// paragraph wraps text behind a label.
func (w *writer) paragraph(label, text string) {
	for _, line := range Wrap(text, columns-len(label)) {
		fmt.Fprintln(w, label+line)
		label = strings.Repeat(" ", len(label))
	}
}

// Wrap breaks text into lines of at most width columns, at spaces.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		word = fit(word, width)
		if line != "" && wide(line)+1+wide(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// command wraps a line to type so that it can still be typed, or copied: with
// backslashes at the ends of lines. What stands behind "#" is a paragraph.
func (w *writer) command(label, text string) {
	if plain := !strings.ContainsAny(text, "'"); plain && wide(label+text) <= columns {
		fmt.Fprintln(w, label+text)
		return
	}
	text, comment, hasComment := cutComment(text)
	indent := strings.Repeat(" ", len(label))
	line := ""
	for _, word := range shellWords(text) {
		if line != "" && wide(line)+1+wide(word) > columns-len(label)-2 {
			fmt.Fprintln(w, label+line+` \`)
			label, line = indent, ""
		}
		if line != "" {
			line += " "
		}
		if wide(word) > columns-len(label)-2 {
			pieces := breakWord(word, columns-len(label)-2)
			for _, piece := range pieces[:len(pieces)-1] {
				fmt.Fprintln(w, label+line+piece+`\`)
				label, line = "", "" // a word goes on where the line begins
			}
			word = pieces[len(pieces)-1]
		}
		line += word
	}
	fmt.Fprintln(w, label+line)
	if hasComment {
		for _, l := range Wrap(comment, columns-len(indent)-2) {
			fmt.Fprintln(w, indent+"# "+l)
		}
	}
}

// cutComment takes off a comment, which no quoted word can look like: in one
// "  # " stands between quotes.
func cutComment(text string) (command, comment string, found bool) {
	i := strings.LastIndex(text, "  # ")
	if i < 0 || strings.Contains(text[i:], "'") {
		return text, "", false
	}
	return text[:i], text[i+len("  # "):], true
}

// shellWords splits at spaces outside of quotes.
func shellWords(text string) []string {
	var words []string
	var word strings.Builder
	quoted := rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case quoted != 0 && r == quoted:
			quoted = 0
		case quoted == 0 && (r == '\'' || r == '"'):
			quoted = r
		case quoted != '\'' && r == '\\':
			escaped = true
		case quoted == 0 && r == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			continue
		}
		word.WriteRune(r)
	}
	return append(words, word.String())
}

// breakWord cuts a word of quote's into pieces that a shell joins again when a
// backslash and a newline stand between them.
func breakWord(word string, width int) []string {
	open, end := "", ""
	switch {
	case strings.HasPrefix(word, "$'"):
		open, end = "$'", "'"
	case strings.HasPrefix(word, "'"):
		open, end = "'", "'"
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(word, open), end)
	var pieces []string
	piece := ""
	for inner != "" {
		unit := firstUnit(inner, open)
		if piece != "" && wide(open+piece+unit+end)+1 > width {
			pieces = append(pieces, open+piece+end)
			piece = ""
		}
		piece += unit
		inner = inner[len(unit):]
	}
	return append(pieces, open+piece+end)
}

// firstUnit is what must not be cut: a rune, an escape, or an inner quote.
func firstUnit(inner, open string) string {
	switch {
	case open == "$'" && strings.HasPrefix(inner, `\x`) && len(inner) >= 4:
		return inner[:4]
	case open == "'" && strings.HasPrefix(inner, `'\''`):
		return inner[:4]
	}
	for i := range inner {
		if i > 0 {
			return inner[:i]
		}
	}
	return inner
}
