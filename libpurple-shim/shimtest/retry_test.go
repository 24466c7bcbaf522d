// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"testing"
)

// torReady has the fake helper tell that Tor is ready.
func (h *host) torReady() {
	h.t.Helper()
	h.do("action", "Tor status")
	h.expect(`^page Tor status`)
	h.sync("ready")
}

// signOns counts the attempts to sign on so far.
func (h *host) signOns() int {
	n := 0
	for _, line := range h.Seen {
		if line == "signing-on "+alice {
			n++
		}
	}
	return n
}

// The host never tries again by itself: what signs on here is the plugin's
// doing. An account that was refused because Tor was starting signs on when
// it is ready, once, whether the refusal is over or not.
func TestTorReadySignsOn(t *testing.T) {
	for _, mode := range []string{"starting", "ready"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			port, first := listener(t)
			h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER="+mode+":"+port)
			h.do("enable", alice, "1")
			h.expect(`^error ` + alice + ` passing .*tor-starting`)
			h.expect(`^signed-off ` + alice)
			if mode == "starting" {
				h.sync("refused")
				if n := h.signOns(); n != 1 {
					t.Errorf("%d attempts before Tor was ready", n)
				}
				h.torReady()
			}
			take(t, first)
			take(t, first)
			h.expect(`^signed-off ` + alice) // the listener refuses
			h.torReady()                     // and that is not Tor's doing
			if n := h.signOns(); n != 2 {
				t.Errorf("%d attempts", n)
			}
			h.quit()
		})
	}
}

// Tor's return wakes nobody who does not wait for it, or no longer wants to
// be online; and who came back meanwhile does not come twice.
func TestTorReadyLeavesOthersAlone(t *testing.T) {
	tests := []struct {
		name, mode string
		before     [][]string
		want       int // attempts in all
	}{
		{"disabled meanwhile", "starting", [][]string{{"enable", alice, "0"}}, 1},
		{"offline meanwhile", "starting", [][]string{{"status", alice, "offline"}}, 1},
		{"refused for another reason", "fatal", nil, 1},
		{"a registration", "starting", [][]string{{"register", alice}}, 2},
		{"connected meanwhile", "starting", [][]string{{"action", "Audit"}, {"connect", alice}}, 2},
		{"connected and gone", "starting", [][]string{{"action", "Audit"}, {"connect", alice}, {"disconnect", alice}}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER="+tt.mode+":"+silent(t))
			h.do("enable", alice, "1")
			h.expect(`^error ` + alice)
			h.expect(`^signed-off ` + alice)
			for _, command := range tt.before {
				h.do(command...)
			}
			h.sync("before")
			h.torReady()
			h.torReady()
			if n := h.signOns(); n != tt.want {
				t.Errorf("%d attempts, not %d", n, tt.want)
			}
			h.quit()
		})
	}
}
