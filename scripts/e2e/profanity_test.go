// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ours and profanity, which is not libpurple, both over Tor: what was held
// arrives, an answer comes back, she has our fingerprint, and the server reads
// nothing. profanity speaks OTR's version 2 alone, which has to be allowed.
func TestProfanity(t *testing.T) {
	t.Parallel()
	her := "prof" + run + "@a.test"
	user(t, her)
	c := newClient(t, "otr-prof")
	host, port, _ := strings.Cut(environment(t, "client", "env", c.name)["CLIENT_SOCKS"], ":")
	conf := filepath.Join(c.home, "torsocks.conf")
	write(t, conf, "TorAddress "+host+"\nTorPort "+port+"\nSOCKS5Username prof\nSOCKS5Password prof\nAllowInbound 0\n")
	write(t, filepath.Join(c.home, "config/profanity/profrc"),
		"[ui]\nsplash=false\n[logging]\nchlog=false\n[otr]\npolicy=manual\nlog=off\n[notifications]\nmessage=false\n")
	s := c.terminal("TORSOCKS_CONF_FILE='" + conf + "' torsocks profanity 2>'" + filepath.Join(c.home, "log") + "'")
	s.shows(`(?i)profanity`)
	s.press("/connect "+her+" server a.test port 5222 tls trust", "Enter") // named, or its SRV question goes past torsocks
	s.shows(`(?i)enter password`)
	s.press("pw-e2e", "Enter")
	s.shows(`logged in successfully`)
	s.press("/otr gen", "Enter")
	s.shows(`(?i)private key generation complete`)

	a := &talker{c: newClient(t, "otr-f"), a: jabber("otrf"+run+"@a.test/", direct)}
	user(t, a.jid())
	a.c.config("[tor]\nmode = \"system\"\n[accounts.\"" + a.id() + "\"]\notr_v2 = [\"" + her + "\"]\n")
	a.dir = a.c.userDir(a.a)
	a.c.protect(a.dir, "secret", a.id())
	a.Host = a.c.host(a.dir, true)
	settle(a.Host)
	online(a.Host, a.id())
	a.Do("buddy", a.id(), her)
	a.Do("type", a.id(), her, "readableone")
	until(t, "a private conversation with profanity", 90*time.Second, func() bool { return strings.Contains(a.status(her), "Unverified") })
	a.Do("slash", a.id(), her, "otr accept")
	s.press("/win 2", "Enter")
	s.shows(`readableone`)
	s.press("readabletwo", "Enter")
	a.Expect(`^wrote \S+ recv .*readabletwo`)

	s.press("/otr theirfp", "Enter")
	ours := a.fingerprint(t)
	until(t, "she has our fingerprint "+ours, 30*time.Second, func() bool {
		return strings.Contains(strings.Join(strings.Fields(s.screen()), ""), ours)
	})
	for _, jid := range []string{a.jid(), her} {
		if got := received(t, jid); strings.Contains(got, "readable") || !strings.Contains(got, "?OTR:AAID") {
			t.Errorf("the server got from %s: %.3000s", jid, got)
		}
	}
	a.Quit()
	a.c.clean()
	c.clean()
}
