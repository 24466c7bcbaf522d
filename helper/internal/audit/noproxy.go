// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import "strings"

// noProxyEntries is how many hosts libpurple (2.14.6 and later; proxy.c,
// parse_no_proxy_list) takes from the environment to dial past every proxy.
func noProxyEntries(lookup func(string) (string, bool)) int {
	text, ok := lookup("no_proxy")
	if !ok {
		text, _ = lookup("NO_PROXY")
	}
	n := 0
	for _, entry := range strings.Split(text, ",") {
		if strings.Trim(entry, " \t\n\v\f\r") != "" {
			n++
		}
	}
	return n
}
