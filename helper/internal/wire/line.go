// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Line reads one message's text. Where it is OTR's it gives the line that
// may go: for a query the canonical one, without the words around it, and for an
// error, whose words can be anything, the one that is always the same.
func Line(text string) (policy.Content, string) {
	switch otr.Classify(text) {
	case otr.ClassMessage, otr.ClassFragment:
		return policy.ContentOTR, text
	case otr.ClassError:
		return policy.ContentOTRError, otr.ErrorReply
	case otr.ClassQuery, otr.ClassText, otr.ClassMalformed:
	}
	if query, ok := otr.CanonicalQuery(text); ok {
		return policy.ContentQuery, query
	}
	return policy.ContentReadable, ""
}
