// SPDX-License-Identifier: GPL-3.0-or-later

//go:build hostile

package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// The attacks of the lab's hostile server (scripts/lab.d/mitm/hostile.go). The
// stream is whole after some; the others end it.
var (
	wholeAttacks = []string{"quiet", "flood", "big", "bigxhtml", "deep", "forged", "otr", "oddchars"}
	fatalAttacks = []string{"utf8", "malformed", "control", "cut", "noise", "error", "elsewhere"}
)

// A victim is a host in a client of its own, with an account for each attack.
type victim struct {
	*client
	t        testing.TB
	h        *drive.Host
	accounts map[string]account
}

// newVictim is one at a level; none: libpurple alone, by the same Tor.
func newVictim(t testing.TB, name, program, shim, level string) *victim {
	t.Helper()
	v := &victim{client: newClient(t, name), t: t, accounts: map[string]account{}}
	var all []account
	for _, attack := range append(slices.Clone(wholeAttacks), fatalAttacks...) {
		a := jabber(attack+"-"+strings.ToLower(rand.Text()[:8])+"@hostile.test/", shared)
		v.accounts[attack] = a
		all = append(all, a)
	}
	dir := v.userDir(all...)
	words := []string{filepath.Join(root, program), dir}
	if level != "none" {
		v.install(dir, shim, "build/lib/purple-onion/libpurple-onion.so")
		v.protect(dir, level, "--all")
		words = append(words, filepath.Join(dir, "plugins/purple-onion.so"))
	}
	// its debug log would be what takes the time
	v.env = slices.DeleteFunc(v.env, func(e string) bool { return strings.HasPrefix(e, "HOST_DEBUG=") })
	v.h = drive.Start(t, v.command(words...))
	v.h.Patience = 60 * time.Second
	return v
}

// suffer has an attack done, while a person writes, and says how many
// milliseconds the main loop stood still.
func (v *victim) suffer(attack string) float64 {
	v.t.Helper()
	h, id := v.h, v.accounts[attack].id()
	h.Do("stall", "begin")
	h.Do("enable", id, "1")
	for !v.signsOn(id) { // Tor may not be ready
		h.Do("connect", id)
	}
	h.Do("type", id, "bob@hostile.test", "readable words of the person")
	if slices.Contains(wholeAttacks, attack) && attack != "quiet" {
		h.Expect(`^message \S*` + attack + `.* the end of ` + attack)
	} else if attack != "quiet" {
		h.Expect(`^signed-off ` + regexp.QuoteMeta(id))
	}
	h.Sync("suffered")
	h.Do("stall", "end")
	ms, err := strconv.ParseFloat(strings.TrimPrefix(h.Expect(`^stall `), "stall "), 64)
	if err != nil {
		v.t.Fatal(err)
	}
	h.Do("enable", id, "0")
	h.Sync("over")
	return ms
}

func (v *victim) signsOn(id string) bool {
	v.t.Helper()
	line := v.h.Expect(`^(signed-on|signed-off) ` + regexp.QuoteMeta(id))
	return strings.HasPrefix(line, "signed-on")
}

// noted counts events of the hostile server about a victim.
func (v *victim) noted(event string) (n int) {
	v.t.Helper()
	eachLine(v.t, environment(v.t, "env")["LAB_MITM_LOG"], func(line []byte) {
		var e struct{ Event, Name string }
		if json.Unmarshal(line, &e) != nil || e.Event != event {
			return
		}
		for _, a := range v.accounts {
			if strings.HasSuffix(e.Name, " "+strings.TrimSuffix(a.name, "@hostile.test/")) {
				n++
			}
		}
	})
	return n
}

// Whatever a hostile server or buddy sends, libpurple with purple-onion under
// the sanitisers does not crash, nothing readable leaves, nor does anything
// but to Tor. The control is an account that is not protected: it says the words.
func TestHostileServer(t *testing.T) {
	for _, level := range []string{"tor", "secret"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, "hostile-"+level, "build/asan/test/host", "build/asan/lib/plugins/purple-onion.so", level)
			for _, attack := range append(slices.Clone(wholeAttacks), fatalAttacks...) {
				v.suffer(attack)
			}
			v.h.Quit()
			if n := v.noted("readable"); (n == 0) != (level == "secret") {
				t.Errorf("%d readable messages arrived", n)
			}
			v.clean()
		})
	}
}

const stallRounds = 5

// Under each attack the main loop stands still for at most twice as long, and
// 100 ms, as without purple-onion: medians of rounds in turn.
func TestHostileStalls(t *testing.T) {
	arms := map[string]*victim{}
	for _, level := range []string{"none", "secret"} {
		arms[level] = newVictim(t, "stall-"+level, "build/test/host", "build/lib/plugins/purple-onion.so", level)
	}
	for _, attack := range wholeAttacks {
		stalls := map[string][]float64{}
		for range stallRounds {
			for level, v := range arms {
				stalls[level] = append(stalls[level], v.suffer(attack))
			}
		}
		for _, all := range stalls {
			slices.Sort(all)
		}
		without, with := stalls["none"][stallRounds/2], stalls["secret"][stallRounds/2]
		t.Logf("%s: the main loop stood still for %.0f ms, without purple-onion for %.0f ms", attack, with, without)
		if with > 2*without+100 {
			t.Errorf("%s: with purple-onion %v, without %v", attack, stalls["secret"], stalls["none"])
		}
	}
	for _, v := range arms {
		v.h.Quit()
	}
}

// A server that sends the client elsewhere, one that offers no TLS: no login,
// and nothing but to Tor.
func TestHostileStart(t *testing.T) {
	for _, domain := range []string{"redirect.test", "strip.test"} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, "start-"+strings.TrimSuffix(domain, ".test"))
			a := jabber(fmt.Sprintf("victim-%s@%s/", strings.ToLower(rand.Text()[:8]), domain), direct)
			dir := c.userDir(a)
			c.protect(dir, "secret", a.id())
			h := c.host(dir, true)
			settle(h)
			for range 3 {
				h.Do("enable", a.id(), "1")
				h.Expect(`^signed-off`)
				h.Do("enable", a.id(), "0")
			}
			h.Quit()
			c.clean()
		})
	}
}
