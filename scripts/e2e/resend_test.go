// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"strings"
	"testing"
)

// XEP-0198: libpurple keeps what a server did not acknowledge, and sends it
// again at the next sign-on. It does so at level tor, the control arm: a text
// typed while the server hung arrives although that server was killed. Typed at
// level tor, and sent again when the account is secret, it stays behind.
//
// No other test runs meanwhile: the server is theirs, too.
func TestResends(t *testing.T) {
	s := newTalker(t, "resend", "tor", jabber("resend"+run+"@b.test/", direct))
	s.Do("forms", "1")
	for _, text := range []string{"readableagain", "readablelater"} {
		lab(t, "fault", "prosody-b", "stop")
		s.Do("type", s.id(), "friend@b.test", text)
		s.Sync("typed")
		lab(t, "fault", "prosody-b", "kill") // it reads nothing more
		s.Expect(`^signed-off `)
		lab(t, "fault", "prosody-b", "start")
		if text == "readablelater" {
			s.Do("answer", s.id(), "2") // secret
			s.Do("action", "Protect")
			s.await(`^pressed`)
		}
		s.Do("connect", s.id())
		s.await(`XEP-0198: Resending \d+ stanzas`)
		if text == "readableagain" {
			s.Expect(`^signed-on `)
			arrives(t, s.in(t), text)
		}
	}
	s.await(`core-purple-onion: resend\S+: way 4: blocked \(not-encrypted\)`)
	s.await(`^wrote friend@b\.test error nolog \| Not sent: `)
	s.Quit()
	if got := s.in(t)(); strings.Contains(got, "readablelater") {
		t.Errorf("the server got %s", got)
	}
	s.c.clean()
}
