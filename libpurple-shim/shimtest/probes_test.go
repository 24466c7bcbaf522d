// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// network runs a program where there is a router that never answers, and no
// resolver, which is said at once.
func network(t *testing.T) []string {
	t.Helper()
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"unshare", "-rnm", "sh", "-ec", "mount --bind " + resolv + " /etc/resolv.conf; ip link set lo up; " +
		"ip link add d0 type veth peer name d1; ip link set d1 up; ip address add 10.9.9.2/24 dev d0; ip link set d0 up; " +
		"ip route add default via 10.9.9.1; exec \"$@\"", "sh"}
}

const routerPrefs = "<pref version='1' name='/'><pref name='purple'><pref name='network'><pref name='auto_ip' type='bool' value='1'/>" +
	"<pref name='map_ports' type='bool' value='1'/><pref name='stun_server' type='string' value='10.9.9.7'/></pref></pref></pref>\n"

// begun starts a program on a profile, where the network is its own, and gives
// where it went until its main loop turned and it was asked for its address.
func begun(t *testing.T, dir, plugin string, env ...string) []string {
	t.Helper()
	h := startBy(t, network(t), dir, plugin, env...)
	h.do("my-ip")
	h.expect(`^my-ip `)
	h.sync("asked")
	return h.quit()
}

// probesOf are UPnP, NAT-PMP, STUN, and DNS that is asked for STUN's server.
func probesOf(went []string) (found []string) {
	for _, place := range []string{"239.255.255.250:1900", "10.9.9.1:5351", "10.9.9.7:3478", "127.0.0.1:53"} {
		if slices.Contains(went, place) {
			found = append(found, place)
		}
	}
	return found
}

// An old profile, protected by the command line and then started: nothing is
// asked, not before the plugin is loaded either. Released, it is as before.
func TestProbesAtStart(t *testing.T) {
	t.Parallel()
	dir, state := userDir(t, direct("alice@server.test/")), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "prefs.xml"), []byte(routerPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(state, "purple-onion", "config.toml")
	if err := os.MkdirAll(filepath.Dir(conf), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("[tor]\nmode = \"system\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(root, "build/purple-onion"), append(words, "--user-dir", dir, "--all")...)
		cmd.Env = []string{"HOME=" + state, "XDG_STATE_HOME=" + state}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", words, err, out)
		}
	}
	if got := probesOf(begun(t, dir, "")); !slices.Contains(got, "239.255.255.250:1900") || !slices.Contains(got, "127.0.0.1:53") {
		t.Errorf("the control does not ask: %q", got)
	}
	run("protect")
	for _, plugin := range []string{install(t, real), ""} {
		if got := begun(t, dir, plugin, "XDG_STATE_HOME="+state, "XDG_CONFIG_HOME="+state); len(probesOf(got)) > 0 {
			t.Errorf("plugin %q: the network is asked: %q", plugin, got)
		}
	}
	run("release", "--yes")
	text, err := os.ReadFile(filepath.Join(dir, "prefs.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pref := range []string{"'auto_ip' type='bool' value='1'", "'map_ports' type='bool' value='1'", "value='10.9.9.7'"} {
		if !strings.Contains(string(text), pref) {
			t.Errorf("%s is not given back:\n%s", pref, text)
		}
	}
}
