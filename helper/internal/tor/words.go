// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import "strings"

// Lines of Tor's control port (control-spec 2 and 4.1): words with a space
// between, and arguments KEY=value or KEY="quoted" whose quoted text holds
// spaces and C's escapes.

// words splits a line, leaving quotes as they are. Quotes that are not closed
// reach to the line's end.
func words(line string) []string {
	var list []string
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch {
		case quoted && line[i] == '\\':
			i++
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ' ' && !quoted:
			if i > start {
				list = append(list, line[start:i])
			}
			start = i + 1
		}
	}
	if start < len(line) {
		list = append(list, line[start:])
	}
	return list
}

// arguments are the KEY=value words of a line; the first of a name counts.
func arguments(list []string) map[string]string {
	args := make(map[string]string)
	for _, w := range list {
		key, value, ok := strings.Cut(w, "=")
		if _, twice := args[key]; ok && key != "" && !twice && !strings.HasPrefix(key, `"`) {
			args[key] = unquote(value)
		}
	}
	return args
}

// unquote undoes C's escapes between quotes; other text stays as it is.
func unquote(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	text = text[1 : len(text)-1]
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		if c, n := octal(text[i:]); n == 3 {
			out.WriteByte(c)
			i += n - 1
			continue
		}
		switch text[i] {
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// octal reads up to three octal digits.
func octal(text string) (c byte, n int) {
	for n < 3 && n < len(text) && text[n] >= '0' && text[n] <= '7' {
		c = c<<3 | (text[n] - '0')
		n++
	}
	return c, n
}
