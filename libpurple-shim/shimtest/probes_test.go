// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"path/filepath"
	"testing"
)

// oldPrefs is of a profile where the network is asked. The servers are
// addresses, and no router is searched, so that no test leaves this computer.
const oldPrefs = "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='purple'><pref name='network'>" +
	"<pref name='auto_ip' type='bool' value='0'/>" +
	"<pref name='stun_server' type='string' value='127.0.0.1'/><pref name='turn_server' type='string' value='127.0.0.2'/></pref></pref></pref>\n"

const (
	probing = `^probes 0 0 127\.0\.0\.1 127\.0\.0\.2$`
	quiet   = `^probes 0 0 - -$`
	told    = `^notify purple-onion \| The network is not asked for your address`
)

// probing begins a program on such a profile, its account not protected yet.
func probed(t *testing.T) session {
	t.Helper()
	s := prepared(t, "none", []account{direct("alice@server.test/")}, certificate(t), 5222, (&xmppServer{}).handle, "")
	s.quit()
	if err := os.WriteFile(filepath.Join(s.dir, "prefs.xml"), []byte(oldPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	s.again(t)
	return s
}

// again begins a program anew, with the record of before.
func (s *session) again(t *testing.T) {
	t.Helper()
	s.host = run(t, s.dir, s.plugin, "XDG_CONFIG_HOME="+s.config, "XDG_STATE_HOME="+s.config)
	s.do("forms", "1")
}

// level has a person choose a level in the Tools menu.
func (s session) level(number string) {
	s.t.Helper()
	s.do("answer", s.id, number)
	s.do("action", "Protect")
	s.expect(`^pressed`)
}

func TestProbes(t *testing.T) {
	t.Parallel()
	s := probed(t)
	s.do("probes")
	s.expect(probing) // nothing is protected: nothing is touched
	s.level("1")
	s.do("probes")
	s.expect(quiet)
	for path, value := range map[string]string{"auto_ip": "1", "map_ports": "1"} {
		s.do("boolpref", "/purple/network/"+path, value)
	}
	s.do("pref", "/purple/network/stun_server", "127.0.0.3")
	s.do("probes")
	s.expect(quiet)
	if s.Find(told) == "" {
		t.Error("the person was not told")
	}
	s.quit()
	s.again(t)
	s.do("probes")
	s.expect(quiet)
	s.level("0")
	s.do("probes")
	s.expect(`^probes 1 1 127\.0\.0\.3 127\.0\.0\.2$`)
	for _, path := range []string{"auto_ip", "map_ports"} {
		s.do("boolpref", "/purple/network/"+path, "0") // a person's own, from now on
	}
	s.quit()
	s.again(t)
	s.do("probes")
	s.expect(`^probes 0 0 127\.0\.0\.3 127\.0\.0\.2$`)
	s.quit()
}

// What was turned on while the plugin was away is off for the next start.
func TestProbesAtLoad(t *testing.T) {
	t.Parallel()
	s := probed(t)
	s.level("1")
	s.quit()
	if err := os.WriteFile(filepath.Join(s.dir, "prefs.xml"), []byte(oldPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	s.again(t)
	s.do("probes")
	s.expect(quiet)
	s.quit()
	s.plugin = ""
	s.host = run(t, s.dir, "", "XDG_STATE_HOME="+s.config)
	s.do("probes")
	s.expect(quiet)
	s.quit()
}

// Without a helper nobody keeps what a preference was: what stands stays, and
// a change is taken back.
func TestProbesWithoutHelper(t *testing.T) {
	t.Parallel()
	for _, marked := range []bool{true, false} {
		a := direct("alice@server.test/")
		if marked {
			a = protected("alice@server.test/")
		}
		dir := userDir(t, a)
		if err := os.WriteFile(filepath.Join(dir, "prefs.xml"), []byte(oldPrefs), 0o600); err != nil {
			t.Fatal(err)
		}
		h := start(t, dir, install(t, ""))
		h.do("probes")
		h.expect(probing)
		h.do("pref", "/purple/network/stun_server", "127.0.0.3")
		h.do("probes")
		if marked {
			h.expect(`^probes 0 0 - 127\.0\.0\.2$`)
		} else {
			h.expect(`^probes 0 0 127\.0\.0\.3 127\.0\.0\.2$`)
		}
		h.quit()
	}
}
