// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"testing"
)

// An IRC account that spoke in clear rides Tor with TLS once it is protected,
// with the user and real name that everybody has.
func TestIRC(t *testing.T) {
	t.Parallel()
	c := newClient(t, "irc")
	a := account{"prpl-irc", "heron@irc.test", "<setting name='realname' type='string'>Vera Mustermann</setting>", direct}
	dir := c.userDir(a)
	c.protect(dir, "tor", a.id())
	h := c.host(dir, true)
	settle(h)
	online(h, a.id())
	stream(t, h, a.id())
	h.Do("get", a.id(), "realname")
	h.Expect(`realname user$`)
	if leaked := h.Find(`(Sent|>>).*Vera`); leaked != "" {
		t.Errorf("the real name left: %s", leaked)
	}
	h.Quit()
	c.clean()
}
