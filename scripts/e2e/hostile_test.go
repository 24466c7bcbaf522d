// SPDX-License-Identifier: GPL-3.0-or-later

//go:build hostile

package e2e

import (
	"bytes"
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

// The attacks of the lab's hostile server (scripts/lab.d/mitm). The stream is
// whole after some; the others end it.
var (
	wholeAttacks = []string{"quiet", "flood", "errors", "presences", "questions", "offers", "invites", "pushes", "otrqueries", "otrcommits", "otrfragments",
		"big", "bigs", "bigxhtml", "images", "deep", "deeper", "attributes", "namespaces", "forged", "roster", "vcards", "otr", "oddchars", "split"}
	fatalAttacks = []string{"utf8", "malformed", "control", "cut", "noise", "error", "elsewhere", "abyss", "unclosed", "entities", "restart", "header", "end"}
	ircAttacks   = []string{"quiet", "flood", "ctcp", "dcc", "pings", "otr", "invites", "long", "numerics", "odd", "noise"}
	ircFatal     = []string{"nul", "sasl", "error", "deaf"}
)

// Before anybody is let in: by phase.
var earlyAttacks = map[string][]string{
	"clear": {"success", "proceed", "plain", "legacy", "features", "twice", "bind", "failures", "challenge", "flood", "big", "abyss", "utf8", "malformed", "control", "noise", "error", "elsewhere", "entities", "restart", "forged", "otr", "attributes"},
	"tls":   {"success", "proceed", "legacy", "features", "twice", "bind", "failures", "flood", "big", "abyss", "utf8", "malformed", "noise", "elsewhere", "entities", "restart", "forged", "attributes"},
	"auth":  {"success", "challenge", "nonsense", "iterate", "failures", "flood", "abyss", "malformed", "elsewhere", "restart"},
}

// A victim is a host in a client of its own.
type victim struct {
	*client
	t     testing.TB
	h     *drive.Host
	dir   string // its user directory
	level string
	names []string // of its accounts at hostile servers
	tags  int
}

// hostBuild is what a victim runs.
type hostBuild struct{ host, shim, helper string }

var (
	sanitised = hostBuild{"build/asan/test/host", "build/asan/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so"}
	fast      = hostBuild{"build/test/host", "build/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so"}
	slow      = hostBuild{"build/test/host", "build/lib/plugins/purple-onion.so", "build/test/fakehelper.so"}
)

// newVictim is one at a level; none: libpurple alone, by the same Tor.
func newVictim(t testing.TB, name string, b hostBuild, level string, accounts ...account) *victim {
	t.Helper()
	v := &victim{client: newClient(t, name), t: t, level: level}
	for _, a := range accounts {
		user, _, _ := strings.Cut(a.name, "@")
		v.names = append(v.names, user)
	}
	v.dir = v.userDir(accounts...)
	words := []string{filepath.Join(root, b.host), v.dir}
	if level != "none" {
		v.install(v.dir, b.shim, b.helper)
		v.protect(v.dir, level, "--all")
		words = append(words, filepath.Join(v.dir, "plugins/purple-onion.so"))
	}
	if b == slow {
		v.env = append(v.env, "FAKE_HELPER=allow:9050", "FAKE_ACCEPTS=1", "FAKE_WIRE=ALLOW", "FAKE_SLOW=300")
	}
	// its debug log would be what takes the time
	v.env = slices.DeleteFunc(v.env, func(e string) bool { return strings.HasPrefix(e, "HOST_DEBUG=") })
	v.h = drive.Start(t, v.command(words...))
	v.h.Patience = 100 * time.Second
	return v
}

// mark makes a name that is used once.
func mark(name string) string { return name + "-" + strings.ToLower(rand.Text()[:8]) }

func atHostile(name string) account { return jabber(mark(name)+"@hostile.test/", shared) }

func ircAtHostile() account {
	return account{"prpl-irc", "v" + strings.ToLower(rand.Text()[:8]) + "@hostile.test",
		"<setting name='ssl' type='bool'>1</setting><setting name='port' type='int'>6697</setting>", shared}
}

// signOn enables an account until it is online: Tor may not be ready.
func (v *victim) signOn(a account) {
	v.t.Helper()
	v.h.Do("enable", a.id(), "1")
	for !strings.HasPrefix(v.h.Expect(`^(signed-on|signed-off) `+regexp.QuoteMeta(a.id())), "signed-on") {
		v.h.Do("connect", a.id())
	}
}

// begin signs on and, at level secret, has the account's key made: OTR is for
// who has one.
func (v *victim) begin(a account) {
	v.t.Helper()
	v.signOn(a)
	v.h.Do("slash", a.id(), bob(a), "otr start")
	if v.level == "secret" {
		until(v.t, "a key is made", 90*time.Second, func() bool {
			return slices.ContainsFunc(v.otr(v.dir, "keys").Keys, func(k struct{ Account, Fingerprint string }) bool { return strings.Contains(k.Account, a.name) })
		})
	}
}

func bob(a account) string {
	if a.protocol == "prpl-irc" {
		return "eve"
	}
	return "bob@hostile.test"
}

func (v *victim) types(a account) {
	v.t.Helper()
	v.h.Do("type", a.id(), bob(a), "readable words of the person")
}

// order has the server do something to an account, and gives its tag.
func (v *victim) order(a account, attack string) string {
	v.t.Helper()
	name, _, _ := strings.Cut(a.name, "@")
	if a.protocol == "prpl-irc" {
		name = "irc-" + name
	}
	v.tags++
	tag := fmt.Sprintf("tag%d.", v.tags)
	put(v.t, filepath.Join(environment(v.t, "env")["LAB_ORDERS"], name), []byte(attack+" "+tag))
	return "the end of " + attack + " " + tag
}

// suffer has an attack done that the stream outlives, and says how many
// milliseconds the main loop stood still.
func (v *victim) suffer(a account, attack string) float64 {
	v.t.Helper()
	v.h.Do("stall", "begin")
	v.h.Expect(`^message .*` + regexp.QuoteMeta(v.order(a, attack)))
	return v.stalled()
}

func (v *victim) stalled() float64 {
	v.t.Helper()
	v.h.Sync("suffered")
	v.h.Do("stall", "end")
	ms, err := strconv.ParseFloat(strings.TrimPrefix(v.h.Expect(`^stall `), "stall "), 64)
	if err != nil {
		v.t.Fatal(err)
	}
	return ms
}

// noted counts events of the hostile server.
func (v *victim) noted(match func(e noted) bool) (n int) {
	v.t.Helper()
	eachLine(v.t, environment(v.t, "env")["LAB_MITM_LOG"], func(line []byte) {
		var e noted
		if !bytes.Contains(line, []byte(`"event":"stanza"`)) && json.Unmarshal(line, &e) == nil && match(e) {
			n++
		}
	})
	return n
}

// noted is a line of the hostile server's log.
type noted struct {
	To, Event, Name string
	Secure          bool
}

// atOnce is how many accounts connect at a time: Tor builds 32 circuits.
const atOnce = 16

// attacked has each account try to sign on until its server has attacked it.
func (v *victim) attacked(accounts []account) {
	v.t.Helper()
	waiting := map[string]string{}
	for len(accounts)+len(waiting) > 0 {
		for len(accounts) > 0 && len(waiting) < atOnce {
			a := accounts[0]
			accounts = accounts[1:]
			waiting[a.id()] = strings.TrimSuffix(a.name[strings.Index(a.name, "@")+1:], "/")
			v.h.Do("enable", a.id(), "1")
		}
		words := strings.Fields(v.h.Expect(`^(signed-on|signed-off) `))
		id := words[1]
		domain, is := waiting[id]
		switch {
		case words[0] == "signed-on":
			v.t.Errorf("%s is online", id)
		case !is:
		case v.noted(func(e noted) bool {
			return e.To == domain && (e.Event == "attack" || !strings.HasSuffix(domain, ".early.test"))
		}) == 0:
			v.h.Do("connect", id) // Tor was not ready
		default:
			delete(waiting, id)
			v.h.Do("enable", id, "0")
		}
	}
}

// readable counts messages in clear text that the server has of the victim.
func (v *victim) readable() int {
	v.t.Helper()
	return v.noted(func(e noted) bool {
		return e.Event == "readable" && slices.ContainsFunc(v.names, func(name string) bool { return strings.HasSuffix(e.Name, " "+name) })
	})
}

// Whatever a hostile server sends, libpurple with purple-onion under
// the sanitisers does not crash, nothing readable leaves at level secret (at
// level tor it does: the control), nor does anything but to Tor.
func TestHostileServer(t *testing.T) {
	for _, level := range []string{"tor", "secret"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			whole, many, irc := atHostile("whole"), atHostile("roster"), ircAtHostile()
			accounts := []account{whole, many, irc}
			for range fatalAttacks {
				accounts = append(accounts, atHostile("fatal"))
			}
			for range ircFatal {
				accounts = append(accounts, ircAtHostile())
			}
			v := newVictim(t, "hostile-"+level, sanitised, level, accounts...)
			v.begin(whole)
			for _, attack := range append([]string{"avatars"}, wholeAttacks...) {
				v.types(whole)
				v.suffer(whole, attack)
			}
			v.begin(irc)
			for _, attack := range ircAttacks {
				v.types(irc)
				v.suffer(irc, attack)
			}
			v.signOn(many)
			for i, attack := range append(slices.Clone(fatalAttacks), ircFatal...) {
				a := accounts[3+i]
				v.signOn(a)
				v.types(a)
				v.order(a, attack)
				v.h.Expect(`^signed-off ` + regexp.QuoteMeta(a.id()))
			}
			v.h.Quit()
			if n := v.readable(); (n == 0) != (level == "secret") {
				t.Errorf("%d readable messages arrived", n)
			}
			v.clean()
		})
	}
}

// The control for the capture: libpurple alone fetches a buddy's avatar past
// Tor.
func TestHostileControl(t *testing.T) {
	t.Parallel()
	a := atHostile("control")
	v := newVictim(t, "hostile-control", fast, "none", a)
	v.signOn(a)
	v.suffer(a, "avatars")
	v.h.Kill() // it would crash: libpurple frees the fetch's data too early
	v.leaks()
}

// A server that is hostile before anybody is let in, offers no TLS, or sends
// the client elsewhere: no login in clear, nothing but to Tor, and nobody at
// the other place.
func TestHostileStart(t *testing.T) {
	for _, level := range []string{"tor", "secret"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			accounts := []account{jabber(mark("victim")+"@redirect.test/", shared), jabber(mark("victim")+"@strip.test/", shared)}
			for phase, all := range earlyAttacks {
				for _, attack := range all {
					accounts = append(accounts, jabber("victim@"+mark(phase+"-"+attack)+".early.test/", shared))
				}
			}
			v := newVictim(t, "start-"+level, sanitised, level, accounts...)
			v.attacked(accounts)
			v.h.Quit()
			if line := v.h.Find(`^ask `); line != "" {
				t.Errorf("the person was asked: %s", line)
			}
			v.clean()
			if n := v.noted(func(e noted) bool { return e.Event == "elsewhere" }); n > 0 {
				t.Errorf("%d went where the server sent them", n)
			}
			if n := v.noted(func(e noted) bool {
				return !e.Secure && slices.Contains([]string{"auth", "legacy-auth", "register", "readable"}, e.Event) &&
					(strings.HasSuffix(e.To, ".early.test") || e.To == "redirect.test")
			}); n > 0 {
				t.Errorf("%d said in clear who they are", n)
			}
		})
	}
}
