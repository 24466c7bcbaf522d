// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const real = "build/lib/purple-onion/libpurple-onion.so"

const alice = "prpl-jabber:" + away

// settled is an environment with a config.toml that names a Tor which is not
// there, so that the helper starts none of its own.
func settled(t *testing.T) (env []string, state string) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "purple-onion", "config.toml")
	if err := os.MkdirAll(filepath.Dir(conf), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("[tor]\nmode = \"system\"\nsocks = \"127.0.0.1:"+closedPort(t)+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state = t.TempDir()
	return []string{"XDG_CONFIG_HOME=" + dir, "XDG_STATE_HOME=" + state}, state
}

// foreign gives the addresses that are not on loopback.
func foreign(dialled []string) []string {
	var out []string
	for _, d := range dialled {
		if !strings.HasPrefix(d, "127.0.0.1:") {
			out = append(out, d)
		}
	}
	return out
}

func (h *host) protect(level string) {
	h.t.Helper()
	h.do("forms", "1")
	h.do("answer", alice, level)
	h.do("action", "Protect")
	h.expect(`^ask purple-onion \| This will change`)
	h.expect(`^pressed`)
}

// From the Tools menu: protect changes the settings and keeps a record, a
// protected account without Tor is refused and dials nothing away from
// loopback, and release gives every setting back.
func TestProtectAndRelease(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	a := account{"prpl-jabber", away, "<setting name='connection_security' type='string'>opportunistic_tls</setting>",
		"<proxy><type>http</type><host>127.0.0.1</host><port>7</port></proxy>"}
	h := start(t, userDir(t, a), install(t, real), env...)
	h.protect("1")
	h.do("show", alice)
	h.expect(`proxy 5 127\.0\.0\.1 1 user no`)
	h.do("get", alice, "connection_security")
	h.expect(`require_tls$`)
	h.do("get", alice, "purple-onion/protection")
	h.expect(` tor$`)
	h.do("enable", alice, "1")
	h.expect(`^error .* passing purple-onion: .*\((no-tor|tor-starting)\)`)
	h.expect(`^signed-off`)
	h.do("enable", alice, "0")
	h.protect("0")
	h.do("show", alice)
	h.expect(`proxy 1 127\.0\.0\.1 7 user no`)
	h.do("get", alice, "connection_security")
	h.expect(`opportunistic_tls$`)
	h.do("get", alice, "purple-onion/protection")
	h.expect(`\(absent\)$`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

// A level that is lost, changed or nonsense blocks until it is settled.
func TestLevelsDisagree(t *testing.T) {
	tests := []struct {
		name string
		edit []string
		told string
	}{
		{"cleared by the editor", []string{"clear", alice}, "levels-disagree"},
		{"changed", []string{"set", alice, "purple-onion/protection", "string", "secret"}, "levels-disagree"},
		{"nonsense", []string{"set", alice, "purple-onion/protection", "string", "Tor"}, "level-unreadable"},
		{"turned off by hand", []string{"set", alice, "purple-onion/protection", "string", "none"}, "levels-disagree"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env, _ := settled(t)
			h := start(t, userDir(t, direct(away)), install(t, real), env...)
			h.protect("1")
			h.do(tt.edit...)
			h.do("enable", alice, "0")
			h.sync("off")
			h.do("enable", alice, "1")
			h.expect(`^error .* fatal purple-onion: .*\(` + tt.told + `\)`)
			if away := foreign(h.quit()); len(away) != 0 {
				t.Errorf("dialled %q", away)
			}
		})
	}
}

// A secret account whose keys cannot be read could not encrypt: it stays offline.
func TestSecretWithBrokenKeysBlocks(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	dir := userDir(t, direct(away))
	if err := os.WriteFile(filepath.Join(dir, "otr.private_key"), []byte("(privkeys ((("), 0o600); err != nil {
		t.Fatal(err)
	}
	h := start(t, dir, install(t, real), env...)
	h.protect("2")
	h.do("enable", alice, "1")
	h.expect(`^error .* fatal purple-onion: .*\(otr-files-unreadable\)`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

// A record that cannot be read blocks every account, the unprotected ones
// too: nobody can tell which are which.
func TestBrokenRecord(t *testing.T) {
	t.Parallel()
	env, state := settled(t)
	dir := userDir(t, direct(away))
	h := start(t, dir, install(t, real), env...)
	h.protect("1")
	h.quit()
	records, err := filepath.Glob(filepath.Join(state, "purple-onion", "accounts-*.json"))
	if err != nil || len(records) != 1 {
		t.Fatalf("records: %v, %v", records, err)
	}
	if err := os.WriteFile(records[0], []byte(`{"schema": 1, "accounts": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	h = start(t, dir, install(t, real), env...)
	h.do("enable", alice, "1")
	h.expect(`^error .* fatal purple-onion: .*\(record-unreadable\)`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

func TestBrokenConfiguration(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	dir := userDir(t, direct(away))
	h := start(t, dir, install(t, real), env...)
	h.protect("1")
	h.quit()
	conf := filepath.Join(strings.TrimPrefix(env[0], "XDG_CONFIG_HOME="), "purple-onion", "config.toml")
	if err := os.WriteFile(conf, []byte("require_proven_isolatoin = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h = start(t, dir, install(t, real), env...)
	h.do("enable", alice, "1")
	h.expect(`^error .* fatal purple-onion: .*\(config-unreadable\)`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}

// A panic in any export the account needs blocks it, and the program lives.
func TestPanicBlocks(t *testing.T) {
	for _, export := range []string{"decide_connect", "decide_level", "call", "next_event", "start"} {
		t.Run(export, func(t *testing.T) {
			t.Parallel()
			env, _ := settled(t)
			dir := userDir(t, direct(away))
			h := start(t, dir, install(t, real), env...)
			h.protect("1")
			h.quit()
			h = start(t, dir, install(t, real), append(env, "PURPLE_ONION_TEST_PANIC="+export)...)
			h.do("enable", alice, "1")
			h.expect(`^error .* purple-onion: `)
			h.sync("alive")
			if away := foreign(h.quit()); len(away) != 0 {
				t.Errorf("dialled %q", away)
			}
		})
	}
}

// A protocol that is not proven is not protected, and says so.
func TestOtherProtocol(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	id := "prpl-simple:bob@192.0.2.7"
	a := account{"prpl-simple", "bob@192.0.2.7", "<setting name='purple-onion/protection' type='string'>tor</setting>", ""}
	h := start(t, userDir(t, a), install(t, real), env...)
	h.do("enable", id, "1")
	h.expect(`^error .* fatal purple-onion: `)
	h.do("answer", id, "1")
	h.do("forms", "1")
	h.do("action", "Protect")
	h.expect(`Nothing to change .*cannot be protected`)
	if away := foreign(h.quit()); len(away) != 0 {
		t.Errorf("dialled %q", away)
	}
}
