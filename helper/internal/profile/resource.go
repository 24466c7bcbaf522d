// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// ownNames are the words out of names by which a computer or a person is
// known: its name without the domain, theirs. Short ones are in many words.
func ownNames(names []string) []string {
	var words []string
	for _, name := range names {
		word, _, _ := strings.Cut(strings.ToLower(name), ".")
		if len(word) >= 3 && word != "root" && word != "user" && word != "localhost" {
			words = append(words, word)
		}
	}
	return words
}

// ResourceWarning is what a person is told of an XMPP account that is about to
// be protected, where the resource in its name has one of these names in it:
// "" where there is nothing to say. A protected account does not send it.
func ResourceWarning(a policy.Account, names ...string) string {
	_, resource, _ := strings.Cut(a.Name, "/")
	if a.Protocol != "prpl-jabber" {
		return ""
	}
	for _, word := range ownNames(names) {
		if strings.Contains(strings.ToLower(resource), word) {
			return fmt.Sprintf("the resource %q names this computer or you, and was shown to its server and buddies; from now on the server chooses one, or config.toml (resource) does", resource)
		}
	}
	return ""
}
