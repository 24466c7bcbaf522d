// SPDX-License-Identifier: GPL-3.0-or-later

//go:build hostile

package e2e

import (
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a buddy can do through a server that is not hostile.
var buddyAttacks = []string{"flood", "errors", "presences", "questions", "offers", "invites", "pushes", "avatars", "otrqueries", "otrcommits", "otrfragments",
	"bigs", "images", "deep", "forged", "otr", "oddchars", "split", "quiet"}

// A hostile buddy sends what the lab's Prosody lets through (stanzas of up
// to 256 KiB): no crash, nothing
// readable, nothing but to Tor.
func TestHostileBuddy(t *testing.T) {
	for _, level := range []string{"tor", "secret"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			a, eve := jabber(mark("victim")+"@a.test/", shared), mark("eve")+"@a.test"
			user(t, bare(a.name))
			user(t, eve)
			v := newVictim(t, "buddy-"+level, sanitised, level, a)
			v.h.Do("forms", "1")
			v.begin(a)
			v.h.Do("buddy", a.id(), eve)
			v.h.Sync("buddy")
			to := regexp.MustCompile(`\tbind\t(` + regexp.QuoteMeta(bare(a.name)) + `/[^\t]*)\t`).FindStringSubmatch(lab(t, "sessions"))[1]
			for _, attack := range buddyAttacks {
				v.h.Do("type", a.id(), eve, "readable words of the person")
				attackAs(t, eve, to, attack)
				v.h.Expect(`^message .*the end of ` + attack)
			}
			v.h.Quit()
			if got := received(t, bare(a.name)); strings.Contains(got, "readable") != (level == "tor") {
				t.Errorf("the server got %.2000s", got)
			}
			v.clean()
		})
	}
}

// attackAs has somebody send an attack to a full JID, and stay until the end of
// the test: a connection that closes may lose what was sent.
func attackAs(t testing.TB, from, to, attack string) {
	t.Helper()
	bin := filepath.Join(environment(t, "env")["LAB_DIR"], "bin")
	cmd := exec.Command(filepath.Join(root, "scripts/lab"), "exec", "world", "--", "bash", "-c",
		`{ "$0/mitm" -print "$1" -most 500 -to "$2"; cat; } | "$0/labtool" xmpp -talk a.test:5222 "$3" pw-e2e`, bin, attack, to, from)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
}
