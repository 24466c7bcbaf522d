// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

const probingPrefs = "<pref name='/'><pref name='purple'><pref name='network'><pref name='auto_ip' type='bool' value='1'/>" +
	"<pref name='map_ports' type='bool' value='1'/><pref name='stun_server' type='string' value='stun.x.test'/>" +
	"<pref name='turn_server' type='string' value='turn.x.test'/><pref name='turn_port' type='int' value='3478'/></pref></pref></pref>\n"

func probes(t *testing.T, o Options) map[string]Value {
	t.Helper()
	d, err := read(o.UserDir, "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	return d.Prefs.Probes()
}

func TestProbesAreOffWhileAnAccountIsProtected(t *testing.T) {
	for _, plugin := range []string{shim, ""} {
		o := options(t, t.TempDir())
		o.Shim = plugin
		put(t, o.UserDir, AccountsFile, "<account>"+fmt.Sprintf(account+account, "prpl-jabber", "a@x.test/", "", "prpl-irc", "n@h", "")+"</account>")
		put(t, o.UserDir, PrefsFile, probingPrefs)
		before := probes(t, o)
		if len(before) != 4 {
			t.Fatalf("before: %v", before)
		}
		if r := protect(t, o); !strings.Contains(strings.Join(r.Prefs, " "), "/purple/network/auto_ip") || len(r.Backups) != 2 {
			t.Errorf("%q: not told, or no backup: %+v", plugin, r)
		}
		o.All = false
		o.Accounts = []policy.Account{{Protocol: "prpl-jabber", Name: "a@x.test/"}}
		release(t, o)
		if now := probes(t, o); len(now) > 0 {
			t.Errorf("%q: on beside a protected account: %v", plugin, now)
		}
		o.All = true
		release(t, o)
		if now := get(t, o.UserDir, PrefsFile); now != probingPrefs {
			t.Errorf("%q: not given back: %s", plugin, now)
		}
	}
}

// Where libpurple wrote the file meanwhile, values are given back; one that
// the user turned on without us is theirs, and stays.
func TestProbesGivenBackByValue(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	put(t, o.UserDir, PrefsFile, probingPrefs)
	before := probes(t, o)
	protect(t, o)
	if out, err := host(t, o.UserDir, "save").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	text := get(t, o.UserDir, PrefsFile)
	off := "name='stun_server' type='string' value=''"
	if !strings.Contains(text, off) {
		t.Fatalf("libpurple's file: %s", text)
	}
	put(t, o.UserDir, PrefsFile, strings.Replace(text, off, "name='stun_server' type='string' value='my.own.test'", 1))
	release(t, o)
	before["/purple/network/stun_server"] = Value{true, "string", "my.own.test"}
	if now := probes(t, o); !maps.Equal(now, before) {
		t.Errorf("after: %v", now)
	}
}

// What protect sets off again, in a file or in a running program, is given
// back as it was last.
func TestProbesTheNewestCounts(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	put(t, o.UserDir, PrefsFile, probingPrefs)
	protect(t, o)
	text := strings.Replace(get(t, o.UserDir, PrefsFile), "name='stun_server' type='string' value=''", "name='stun_server' type='string' value='new.x.test'", 1)
	put(t, o.UserDir, PrefsFile, text)
	protect(t, o)
	if now := probes(t, o); len(now) > 0 {
		t.Errorf("on: %v", now)
	}
	release(t, o)
	if now := probes(t, o)["/purple/network/stun_server"].Text; now != "new.x.test" {
		t.Errorf("stun_server is %q", now)
	}
}

// In a running program the same is said by the record.
func TestProbesOfARunningProgram(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	open := func() *Record {
		r, err := OpenRecord(o.StateDir, o.UserDir)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ask := func(r *Record, now map[string]Value, want bool) map[string]Value {
		t.Helper()
		set, changed, err := r.Probes(now)
		if err != nil || changed != want {
			t.Fatalf("%v %v %v", set, changed, err)
		}
		if changed {
			if err := r.Save(); err != nil {
				t.Fatal(err)
			}
		}
		return set
	}
	on := map[string]Value{"/purple/network/auto_ip": yes(true), "/purple/network/stun_server": str("s"), "/purple/proxy/type": str("none")}
	none := map[string]Value{"/purple/network/auto_ip": yes(false), "/purple/network/stun_server": str("")}
	if set := ask(open(), on, false); len(set) > 0 {
		t.Errorf("touched without a protected account: %v", set)
	}
	r := open()
	if _, err := r.SetProtected(the(t, o), policy.LevelTor); err != nil {
		t.Fatal(err)
	}
	if set := ask(r, on, true); !maps.Equal(set, none) {
		t.Errorf("pinned: %v", set)
	}
	if set := ask(open(), on, false); !maps.Equal(set, none) {
		t.Errorf("pinned again: %v", set)
	}
	if set := ask(open(), none, false); len(set) > 0 {
		t.Errorf("set what is set: %v", set)
	}
	r = open()
	if err := r.Forget(the(t, o).Account); err != nil {
		t.Fatal(err)
	}
	delete(on, "/purple/proxy/type")
	if set := ask(r, none, true); !maps.Equal(set, on) {
		t.Errorf("given back: %v", set)
	}
	if set := ask(open(), none, false); len(set) > 0 {
		t.Errorf("given back twice: %v", set)
	}
}

// What was given back in a running program is the user's from then on: bytes
// of before do not bring it again.
func TestProbesReleasedInAProgramThenAtRest(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	put(t, o.UserDir, PrefsFile, probingPrefs)
	protect(t, o)
	r, err := OpenRecord(o.StateDir, o.UserDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(the(t, o).Account); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Probes(map[string]Value{"/purple/network/auto_ip": yes(false)}); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	release(t, o) // the user set them off
	if now := probes(t, o); len(now) > 0 {
		t.Errorf("on again: %v", now)
	}
	if got := loaded(t, o, pluginPrefs[0]); got != "" {
		t.Errorf("the plugin stays: %s", got)
	}
}
