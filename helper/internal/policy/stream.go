// SPDX-License-Identifier: GPL-3.0-or-later

package policy

// StreamFacts is what must be known before the gate dials for a connection.
type StreamFacts struct {
	Credentials   Answer // are they those of a sign-on that is still going on?
	Server        Answer // is the target the account's own server?
	Tor           TorState
	Isolation     Isolation
	RequireProven Answer
}

// Stream decides whether the gate may dial.
func Stream(f StreamFacts) Decision {
	switch {
	case f.Credentials == NotAsked || f.Server == NotAsked || !f.RequireProven.known():
		return block(ReasonFactMissing)
	case f.Credentials != Yes:
		return block(ReasonBadCredentials)
	case f.Server != Yes:
		return block(ReasonNotThisServer)
	}
	return overTor(f.Tor, f.Isolation, f.RequireProven)
}
