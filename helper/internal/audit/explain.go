// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"strings"
)

// Explain is what there is to know about a check, for a person: lines of 80
// columns. found is false where there is no such check.
func Explain(name string) (text string, found bool) {
	c, found := Find(name)
	if !found {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", c.Name, c.Severity)
	for _, part := range []struct{ title, text string }{
		{"In short", c.Why},
		{"The threat", c.Threat},
		{"What was looked at", c.Looks},
		{"What it does not show", c.Limits},
		{"Remedy", c.Remedy},
	} {
		fmt.Fprintf(&b, "\n%s\n", part.title)
		for _, line := range Wrap(part.text, columns-2) {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String(), true
}
