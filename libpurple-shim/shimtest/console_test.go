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
	"time"
)

// A message written into the window of the XMPP console, in the real Pidgin at
// the real Prosody: without us it arrives, readable. For an account of level
// secret nothing of it does, and a window says why.
func TestPidginConsole(t *testing.T) {
	console, err := filepath.Glob("/usr/lib/*/pidgin/xmppconsole.so")
	if err != nil || len(console) == 0 {
		t.Fatalf("the XMPP console is not installed: %v", err)
	}
	const text = "<message to='friend@server.test'><body>readableconsole</body></message>"
	const enabled = "</settings><settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting>"
	for _, lvl := range []string{"none", "secret"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			p, home := startProsody(t), t.TempDir()
			env := []string{"XDG_STATE_HOME=" + home}
			clear := direct("alice@server.test/")
			clear.settings = "<setting name='connect_server' type='string'>127.0.0.1</setting><setting name='port' type='int'>" + serve(t, p.through(true)) +
				"</setting><setting name='connection_security' type='string'>opportunistic_tls</setting>" + enabled
			plugins, dir, up := console[:1], "", 1
			if lvl == "none" {
				dir = userDir(t, clear)
			} else {
				a := direct("alice@server.test/")
				a.settings = enabled
				s := prepared(t, lvl, []account{a}, p.cert, 5222, p.through(false), "autologin = true\n", env...)
				s.quit()
				copyFile(t, filepath.Join(root, "build/lib/plugins/purple-onion.so"), s.plugin)
				plugins, dir, up = append(slices.Clone(plugins), s.plugin), s.dir, 2
				env = append(env, "XDG_CONFIG_HOME="+s.config)
			}
			prefs := "<?xml version='1.0' encoding='UTF-8' ?>\n<pref version='1' name='/'><pref name='pidgin'>" +
				"<pref name='blist'><pref name='list_visible' type='bool' value='1'/></pref><pref name='sound'><pref name='method' type='string' value='none'/></pref>" +
				"<pref name='docklet'><pref name='show' type='string' value='never'/></pref><pref name='plugins'><pref name='loaded' type='pathlist'><item value='" +
				strings.Join(plugins, "'/><item value='") + "'/></pref></pref></pref></pref>\n"
			if err := os.WriteFile(filepath.Join(dir, "prefs.xml"), []byte(prefs), 0o600); err != nil {
				t.Fatal(err)
			}
			d := desk{t, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "DISPLAY=" + display(t),
				"GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1"}, env...)}
			d.start("openbox", "--sm-disable")
			cmd := exec.Command("pidgin", "--debug", "--multiple", "--config="+dir)
			cmd.Env = d.env
			pidgin := lines(t, cmd)
			pidgin.until(t, "Activating keepalive", time.Minute)

			d.x("search", "--sync", "--onlyvisible", "--name", "^Buddy List$", "windowactivate", "--sync")
			d.x(append(append([]string{"key", "--delay", "150", "alt+t"}, slices.Repeat([]string{"Up"}, up)...), "Right", "Return")...)
			d.x("search", "--sync", "--onlyvisible", "--name", "^XMPP Console$", "windowactivate", "--sync")
			d.x("type", "--delay", "40", text)
			d.x("key", "Return")
			if lvl == "none" {
				p.until("the message arrives", func() bool { return strings.Contains(p.received("alice"), text) })
				return
			}
			pidgin.until(t, "way 5: blocked (not-encrypted)", time.Minute)
			d.x("search", "--sync", "--onlyvisible", "--name", "^purple-onion$")
			if got := p.received("alice"); got == "" || strings.Contains(got, "friend@") || strings.Contains(got, "readable") {
				t.Errorf("the server got %s", got)
			}
		})
	}
}
