// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

const carol = "prpl-jabber:carol@192.0.2.9/"

// settledWith is settled with more in front of config.toml.
func settledWith(t *testing.T, more string) (env []string) {
	t.Helper()
	env, _ = settled(t)
	conf := filepath.Join(strings.TrimPrefix(env[0], "XDG_CONFIG_HOME="), "purple-onion", "config.toml")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, append([]byte(more), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	return env
}

// newcomer has the host add carol, whose own settings lead straight to port.
func (h *host) newcomer(port, how string) {
	h.t.Helper()
	h.do("make", "prpl-jabber", strings.TrimPrefix(carol, "prpl-jabber:"), port, how)
}

// dialsItself waits until carol's own server was called, past Tor.
func dialsItself(t *testing.T, h *host, port string, first chan string) {
	t.Helper()
	if got := take(t, first); !strings.Contains(got, "<stream:stream") && !strings.HasPrefix(got, "<?xml") {
		t.Errorf("the server got %q", got)
	}
	if dialled := h.quit(); !slices.Contains(dialled, "127.0.0.1:"+port) {
		t.Errorf("dialled %q", dialled)
	}
}

// The control arm: with new_accounts = "none", and without the plugin, a new
// account dials its server as soon as it is saved.
func TestNewAccountControl(t *testing.T) {
	for _, helper := range []string{"", real} {
		for _, how := range []string{"enable", "register"} {
			t.Run(helper+how, func(t *testing.T) {
				t.Parallel()
				port, first := listener(t)
				plugin := ""
				if helper != "" {
					plugin = install(t, helper)
				}
				h := start(t, userDir(t), plugin, settledWith(t, "new_accounts = \"none\"\n")...)
				h.newcomer(port, how)
				dialsItself(t, h, port, first)
			})
		}
	}
}

// A new account gets its level before its first packet, also where it is made
// on the server: without Tor nothing of it leaves.
func TestNewAccountGetsItsLevel(t *testing.T) {
	for _, more := range []string{"new_accounts = \"tor\"\n", "new_accounts = \"secret\"\n", "floor = \"tor\"\n"} {
		for _, how := range []string{"enable", "register"} {
			t.Run(more+how, func(t *testing.T) {
				t.Parallel()
				port, connections := counted(t)
				h := start(t, userDir(t, direct(away)), install(t, real), settledWith(t, more)...)
				h.newcomer(port, how)
				h.expect(`^error ` + carol + ` passing purple-onion: .*\((no-tor|tor-starting)\)`)
				h.expect(`^signed-off ` + carol)
				h.do("show", carol)
				h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
				h.do("get", carol, "purple-onion/protection")
				h.expect(` (tor|secret)$`)
				h.do("get", carol, "connection_security")
				h.expect(`require_tls$`)
				// the one that was there stays as it is
				h.do("get", alice, "purple-onion/protection")
				h.expect(`\(absent\)$`)
				// what it had of its own is kept, and given back
				if !strings.Contains(more, "floor") {
					h.do("enable", carol, "0")
					h.do("forms", "1")
					h.do("answer", carol, "0")
					h.do("action", "Protect")
					h.expect(`^pressed`)
					h.do("show", carol)
					h.expect(`proxy 0 - 0 user no`)
				}
				if dialled := h.quit(); len(foreign(dialled)) != 0 || slices.Contains(dialled, "127.0.0.1:"+port) || connections() != 0 {
					t.Errorf("dialled %q", dialled)
				}
			})
		}
	}
}

// reachable is a configuration with which alice@server.test gets to a server
// of ours by an imitation of Tor.
func reachable(t *testing.T, more string) (env string) {
	t.Helper()
	x := &xmppServer{}
	x.tls = certificate(t)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: x.tls.Certificates[0].Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	tor := imitation(t, map[int]func(net.Conn){5222: x.handle})
	conf := filepath.Join(dir, "purple-onion", "config.toml")
	if err := os.Mkdir(filepath.Dir(conf), 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:%s\"\n[accounts.\"prpl-jabber:alice@server.test/\"]\nca_file = %s\n", more, tor, strconv.Quote(ca))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "XDG_CONFIG_HOME=" + dir
}

// It signs on through Tor alone.
func TestNewAccountOverTor(t *testing.T) {
	t.Parallel()
	h := start(t, userDir(t), install(t, real), reachable(t, "new_accounts = \"tor\"\n"))
	id := "prpl-jabber:alice@server.test/"
	h.do("make", "prpl-jabber", "alice@server.test/", "0", "enable")
	h.expect(`^signed-on ` + id)
	h.do("get", id, "purple-onion/protection")
	h.expect(` tor$`)
	if dialled := h.quit(); len(foreign(dialled)) != 0 || askedDNS(dialled) != 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// add adds an XMPP account in Pidgin's own dialog, as a person does. Its fields
// are in the order of Tab; XMPP is the last protocol but for Zephyr, if that
// Where nobody chose, the person is asked, and until then it waits.
func TestNewAccountAsks(t *testing.T) {
	for _, how := range []string{"enable", "register"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			port, connections := counted(t)
			h := start(t, userDir(t), install(t, real), settledWith(t, "")...)
			h.newcomer(port, how)
			h.expect(`^error ` + carol + ` fatal purple-onion: .*\(new-account\)`)
			h.expect(`^ask purple-onion \| Protect the new account\? \| carol@192\.0\.2\.9 is new\.`)
			h.expect(`^signed-off ` + carol)
			again := map[string]string{"enable": "connect", "register": "register"}[how]
			h.do(again, carol)
			h.expect(`^error ` + carol + ` fatal purple-onion: .*\(new-account\)`)
			h.expect(`^signed-off ` + carol)
			h.sync("waiting")
			if n := connections(); n != 0 {
				t.Errorf("%d connections before an answer", n)
			}
			// "Protect it"
			h.do("forms", "1")
			h.do(again, carol)
			h.expect(`^error ` + carol + ` passing purple-onion: .*\((no-tor|tor-starting)\)`)
			h.do("get", carol, "purple-onion/protection")
			h.expect(` tor$`)
			if dialled := h.quit(); slices.Contains(dialled, "127.0.0.1:"+port) || connections() != 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}

// "Leave it unprotected" is kept: it goes on as it was about to, and is not
// asked for again.
func TestNewAccountIsLeft(t *testing.T) {
	for _, how := range []string{"enable", "register"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			port, first := listener(t)
			env := settledWith(t, "")
			dir, plugin := userDir(t), install(t, real)
			h := start(t, dir, plugin, env...)
			h.do("forms", "2")
			h.newcomer(port, how)
			h.expect(`^ask purple-onion \| Protect the new account`)
			h.expect(`^pressed`)
			dialsItself(t, h, port, first)
			h = start(t, dir, plugin, env...)
			h.do("enable", carol, "1")
			h.do("connect", carol)
			dialsItself(t, h, port, first)
			if h.Find(`^ask `) != "" {
				t.Error("asked again")
			}
		})
	}
}

// What is chosen elsewhere while the question stands is not undone by it.
func TestNewAccountChosenElsewhere(t *testing.T) {
	t.Parallel()
	port, connections := counted(t)
	h := start(t, userDir(t), install(t, real), settledWith(t, "")...)
	h.do("forms", "3")
	h.newcomer(port, "enable")
	h.expect(`^ask purple-onion \| Protect the new account`)
	h.expect(`^signed-off ` + carol)
	h.do("forms", "1")
	h.do("answer", carol, "1")
	h.do("action", "Protect")
	h.expect(`^pressed`)
	h.do("press") // "Leave it unprotected"
	h.expect(`^pressed`)
	h.do("get", carol, "purple-onion/protection")
	h.expect(` tor$`)
	if dialled := h.quit(); len(foreign(dialled)) != 0 || connections() != 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// New is what was not there: it stays new until it is settled, also over a
// restart, and is again when it is removed and comes back.
func TestWhatIsNew(t *testing.T) {
	t.Parallel()
	port, _ := counted(t)
	env := settledWith(t, "new_accounts = \"none\"\n")
	dir, plugin := userDir(t, direct(away)), install(t, real)
	h := start(t, dir, plugin, env...)
	h.newcomer(port, "enable")
	h.expect(`^signing-on ` + carol)
	h.do("disconnect", carol)
	h.quit()

	// carol was met. One that came at rest is new; alice never was.
	conf := filepath.Join(strings.TrimPrefix(env[0], "XDG_CONFIG_HOME="), "purple-onion", "config.toml")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte(strings.Replace(string(text), `"none"`, `"tor"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "accounts.xml")
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	dave := "<account><protocol>prpl-jabber</protocol><name>dave@192.0.2.10/</name><password>pw</password></account>"
	at := strings.LastIndex(string(text), "</account>")
	if err := os.WriteFile(path, []byte(string(text[:at])+dave+"</account>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h = start(t, dir, plugin, env...)
	for id, want := range map[string]string{carol: `\(absent\)$`, alice: `\(absent\)$`, "prpl-jabber:dave@192.0.2.10/": ` tor$`} {
		h.do("enable", id, "1")
		h.do("connect", id)
		h.expect(`^signing-on ` + id)
		h.do("disconnect", id)
		h.sync(id)
		h.do("get", id, "purple-onion/protection")
		h.expect(want)
	}
	h.do("remove", carol)
	h.expect(`^removed`)
	h.newcomer(port, "enable")
	h.expect(`^error ` + carol + ` passing purple-onion: .*\((no-tor|tor-starting)\)`)
	h.do("get", carol, "purple-onion/protection")
	h.expect(` tor$`)
	h.quit()

	// also where it was removed behind the plugin's back
	if err := os.WriteFile(path, []byte("<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'>\n</account>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h = start(t, dir, plugin, env...)
	h.do("make", "prpl-jabber", away, port, "enable")
	h.expect(`^error ` + alice + ` passing purple-onion: .*\((no-tor|tor-starting)\)`)
	h.quit()
}

// A protocol that cannot be protected is refused, where a level is wanted.
func TestNewAccountOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	h := start(t, userDir(t), install(t, real), settledWith(t, "new_accounts = \"tor\"\n")...)
	h.do("make", "prpl-simple", "bob@192.0.2.7", "0", "enable")
	h.expect(`^error prpl-simple:bob@192\.0\.2\.7 fatal purple-onion: .*cannot be protected.*\(new-account\)`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

// Below the floor an account stays offline, and nothing is made lower.
func TestFloor(t *testing.T) {
	t.Parallel()
	port, connections := counted(t)
	a := direct(away)
	a.settings = "<setting name='port' type='int'>" + port + "</setting><setting name='connect_server' type='string'>127.0.0.1</setting>"
	h := start(t, userDir(t, a), install(t, real), settledWith(t, "floor = \"tor\"\n")...)
	h.do("enable", alice, "1")
	h.expect(`^error ` + alice + ` fatal purple-onion: .*\(below-floor\)`)
	h.protect("1")
	h.do("enable", alice, "1")
	h.expect(`^error ` + alice + ` passing purple-onion: .*\((no-tor|tor-starting)\)`)
	h.do("answer", alice, "0")
	h.do("action", "Protect")
	h.expect(`Nothing to change .*no account may have so low a level`)
	h.do("get", alice, "purple-onion/protection")
	h.expect(` tor$`)
	if dialled := h.quit(); slices.Contains(dialled, "127.0.0.1:"+port) || connections() != 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// Where the helper cannot say what a new account gets, or is not there, a new
// account is blocked; the ones that were there are not.
func TestNewAccountWithoutAnAnswer(t *testing.T) {
	for _, tt := range []struct{ name, helper, mode, told string }{
		{"no answer", fake, "new", `fatal purple-onion: a fake helper \(new-account\)`},
		{"no helper", "", "", `fatal purple-onion: .*\(helper-missing\)`},
		{"one that does not start", fake, "nostart", `fatal purple-onion: .*\(helper-missing\)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			port, connections := counted(t)
			h := start(t, userDir(t), install(t, tt.helper), "FAKE_HELPER="+tt.mode)
			for _, how := range []string{"enable", "register"} {
				h.newcomer(port, how)
				h.expect(`^error ` + carol + ` ` + tt.told)
				h.expect(`^signed-off ` + carol)
				h.do("remove", carol)
				h.expect(`^removed`)
			}
			if dialled := h.quit(); len(dialled) != 0 || connections() != 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}

// inEtc runs the host in a mount namespace of its own, where /etc is a copy
// with an administrator's policy.toml.
func inEtc(t *testing.T, policy, dir, plugin string, env ...string) *host {
	t.Helper()
	etc, home := filepath.Join(t.TempDir(), "etc"), t.TempDir()
	script := `set -e
mkdir "$1"
for name in hosts nsswitch.conf passwd host.conf gai.conf resolv.conf ld.so.cache ssl; do
	[ ! -e "/etc/$name" ] || cp -rL "/etc/$name" "$1"
done
mkdir "$1/purple-onion"
printf %s "$2" >"$1/purple-onion/policy.toml"
chmod 0755 "$1" "$1/purple-onion"
mount --bind "$1" /etc
shift 2
exec "$@"`
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", etc, policy,
		filepath.Join(root, "build/asan/test/host"), dir, plugin)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8",
		"ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0:log_path=" + filepath.Join(home, "asan"), "XDG_STATE_HOME=" + home}, env...)
	return &host{Host: drive.Start(t, cmd), t: t}
}

// The administrator's file counts whatever the user's says, blocks everything
// where it is broken, and where no helper can read it.
func TestAdministratorsPolicy(t *testing.T) {
	for _, tt := range []struct{ name, policy, helper, told string }{
		{"floor", "floor = \"tor\"\n", real, `fatal purple-onion: .*\(below-floor\)`},
		{"broken", "flour = \"tor\"\n", real, `fatal purple-onion: .*\(config-unreadable\)`},
		{"no helper", "floor = \"tor\"\n", "", `fatal purple-onion: .*\(helper-missing\)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			port, connections := counted(t)
			a := direct(away)
			a.settings = "<setting name='port' type='int'>" + port + "</setting><setting name='connect_server' type='string'>127.0.0.1</setting>"
			h := inEtc(t, tt.policy, userDir(t, a), install(t, tt.helper), settledWith(t, "floor = \"none\"\nnew_accounts = \"none\"\n")...)
			h.do("enable", alice, "1")
			h.expect(`^error ` + alice + ` ` + tt.told)
			h.expect(`^signed-off ` + alice)
			h.Quit()
			if n := connections(); n != 0 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// The control arm of it: a policy that wants nothing.
func TestAdministratorsPolicyControl(t *testing.T) {
	t.Parallel()
	port, first := listener(t)
	a := direct(away)
	a.settings = "<setting name='port' type='int'>" + port + "</setting><setting name='connect_server' type='string'>127.0.0.1</setting>"
	h := inEtc(t, "", userDir(t, a), install(t, real), settledWith(t, "")...)
	h.do("enable", alice, "1")
	if got := take(t, first); !strings.Contains(got, "<stream:stream") && !strings.HasPrefix(got, "<?xml") {
		t.Errorf("the server got %q", got)
	}
	h.Quit()
}
