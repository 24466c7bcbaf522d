// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// PurpleConvImSend over D-Bus, which any program of the session may call, in
// the real Pidgin: readable at level tor, a query for OTR alone at secret;
// beside pidgin-otr, which is asked to encrypt, nothing readable either.
func TestPidginDBus(t *testing.T) {
	tests := []struct {
		name, level, prefs, arrives string
		readable                    bool
	}{
		{"tor", "tor", quiet, "readabledbus", true},
		{"secret", "secret", quiet, "<body>?OTRv3?</body>", false},
		{"beside", "secret", withPidginOTR, "<body>?OTRv", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := jabber("dbus"+tt.name+run+"@a.test/", direct)
			user(t, bare(a.name))
			c := newClient(t, "dbus-"+tt.name)
			dir := c.realDir(inPidgin, a)
			write(t, filepath.Join(dir, "prefs.xml"), tt.prefs)
			c.protect(dir, tt.level, "--all")
			p := &peer{a: a, dir: dir, desk: c.pidgin(dir)}
			p.expect(`core-purple-onion: \S+: online`, 60*time.Second)
			p.says("nobody"+run+"@a.test", "readabledbus")
			in := func() string { return received(t, bare(a.name)) }
			arrives(t, in, tt.arrives)
			if got := in(); strings.Contains(got, "readable") != tt.readable {
				t.Errorf("the server got %s", got)
			}
			c.clean()
		})
	}
}
