// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import "strings"

// liveRemedies are lines to type, for a Tor with its configuration where
// distributions have it.
var liveRemedies = map[string]string{
	"tor-isolation-off":    "sudoedit /etc/tor/torrc  # no NoIsolateSOCKSAuth, no PreferSOCKSNoAuth; then: sudo systemctl reload tor",
	"track-host-exits":     "sudoedit /etc/tor/torrc  # no TrackHostExits; then: sudo systemctl reload tor",
	"isolation-not-proven": "sudoedit /etc/tor/torrc  # ControlPort 9051, CookieAuthentication 1; then: sudo systemctl reload tor",
}

// AddLive adds what was found about the Tor that runs. A name that is no live
// check's is left out: it may come from another version.
func (r *Report) AddLive(check, message string) {
	c, ok := Find(check)
	if !ok || !c.Live() {
		return
	}
	r.Findings = append(r.Findings, Finding{
		Check: c.Name, Severity: c.Severity, Subjects: []string{"tor"},
		Message: Printable(strings.TrimSpace(message)), Why: c.Why, Remedy: liveRemedies[check], Evidence: "live",
	})
	sortFindings(r.Findings)
	r.summarize()
}
