// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"strings"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Relay is one hop of a circuit.
type Relay struct{ Fingerprint, Nickname string }

// Circuit is one circuit as GETINFO circuit-status tells it (control-spec
// 4.1.1). Two circuits with one ConfluxID are two legs of the same.
type Circuit struct {
	ID, ConfluxID, Status, Purpose string
	Path                           []Relay
	Onion                          string        // the onion service it leads to, without ".onion"; empty: none
	User                           redact.Secret // SOCKS user name of the first stream on it; not every leg tells
}

// Exit is the last relay, for a circuit that leaves by an exit.
func (c Circuit) Exit() (Relay, bool) {
	if c.Onion != "" || strings.HasPrefix(c.Purpose, "HS_") || c.Status != "BUILT" || len(c.Path) == 0 {
		return Relay{}, false
	}
	return c.Path[len(c.Path)-1], true
}

// parseCircuits reads GETINFO circuit-status; a line that cannot be read is left
// out. Who keeps a circuit does not keep all of the reply.
func parseCircuits(text string) []Circuit {
	var list []Circuit
	for line := range strings.Lines(text) {
		w := words(strings.Clone(strings.TrimRight(line, "\r\n")))
		if len(w) < 2 {
			continue
		}
		args := arguments(w[2:])
		c := Circuit{ID: w[0], Status: w[1], ConfluxID: args["CONFLUX_ID"], Purpose: args["PURPOSE"],
			Onion: args["REND_QUERY"], User: redact.New(args["SOCKS_USERNAME"])}
		if len(w) > 2 && strings.HasPrefix(w[2], "$") {
			c.Path = parsePath(w[2])
		}
		list = append(list, c)
	}
	return list
}

// Logical is what tells circuits apart: the CONFLUX id where there is one,
// else the circuit id.
func (c Circuit) Logical() string {
	if c.ConfluxID != "" {
		return c.ConfluxID
	}
	return c.ID
}

// parseStreams reads GETINFO stream-status (control-spec 4.1.2): the circuit
// of each stream that is on one.
func parseStreams(text string) map[string]string {
	list := make(map[string]string)
	for line := range strings.Lines(text) {
		w := words(strings.TrimRight(line, "\r\n"))
		if len(w) >= 4 && w[2] != "0" {
			list[w[0]] = w[2]
		}
	}
	return list
}

// parsePath reads "$FINGERPRINT~nickname,...".
func parsePath(text string) []Relay {
	var path []Relay
	for hop := range strings.SplitSeq(text, ",") {
		fingerprint, nickname, _ := strings.Cut(strings.TrimPrefix(hop, "$"), "~")
		path = append(path, Relay{fingerprint, nickname})
	}
	return path
}
