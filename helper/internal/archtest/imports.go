// SPDX-License-Identifier: GPL-3.0-or-later

package archtest

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
)

//go:embed imports.allow
var allowText string

// edge is one import of ours: "gate" imports "policy".
type edge struct{ from, to string }

// parseAllow reads imports.allow: "importer imported reason" a line.
func parseAllow(text string) (map[edge]string, error) {
	allowed := map[edge]string{}
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("imports.allow:%d: want importer, imported, reason", i+1)
		}
		e := edge{fields[0], fields[1]}
		if allowed[e] != "" {
			return nil, fmt.Errorf("imports.allow:%d: %s to %s stands there twice", i+1, e.from, e.to)
		}
		allowed[e] = strings.Join(fields[2:], " ")
	}
	return allowed, nil
}

// importErrors lists imports that are not allowed and permissions not used.
func importErrors(files []file, allowed map[edge]string) []string {
	used := map[edge]bool{}
	var out []string
	for _, f := range files {
		if f.forTests {
			continue
		}
		for _, p := range f.imports() {
			to, ours := strings.CutPrefix(p, module)
			if !ours {
				continue
			}
			e := edge{f.pkg, short(to)}
			used[e] = true
			if allowed[e] == "" {
				out = append(out, fmt.Sprintf("%s: %s may not import %s (imports.allow)", f.name, e.from, e.to))
			}
		}
	}
	for e := range allowed {
		if !used[e] {
			out = append(out, fmt.Sprintf("imports.allow: %s does not import %s: remove the permission", e.from, e.to))
		}
	}
	sort.Strings(out)
	return out
}
