// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// A control is what a case is held against; it must leak, or show the trait.
type control string

const (
	off      control = "off"      // no purple-onion; accounts direct, or by plain SOCKS5
	sabotage control = "sabotage" // a build that goes on where Tor (build tag sabotage) or the gate (sabotage.c) is gone
	unhooked control = "unhooked" // no purple-onion; accounts by Tor, so that it is libpurple's doing
	unshare  control = "unshare"  // a network namespace alone, with nothing in it
)

// leakCase is done twice, once in each arm, each in a client of its own.
//
// A new one is a line in its ring's list and a function, which both arms run.
// It waits for events, never for a time; what it sees of the person it counts
// by trait; where the control is online before the thing itself happens, it
// calls moment. Cases run as many at a time as scripts/leaks says (LEAKS_PARALLEL),
// so that the whole takes about as long as the longest two: one is to be over
// in two minutes on a busy machine.
type leakCase struct {
	ring, name string
	control    control
	run        func(a *arm)
	options    []string // of the client
}

func (c leakCase) id() string { return c.ring + "/" + c.name }

var leakCases = slices.Concat(gateCases, hookCases, cellCases)

// An arm is one doing of a case.
type arm struct {
	*client
	held   control // which arm; empty: ours
	plugin bool    // purple-onion is there, and the accounts are protected
	level  string  // ... at this level
	build          // which build of it
	traits int     // what was seen of the person
	told   []string
}

// A build is a plugin for the headless host, the same for Pidgin, and a helper.
type build struct{ asan, plain, helper string }

// Each ring has to hold with the other ones off: the gate without the shim's
// hooks, the hooks with accounts that are sent past the gate to Tor, the cell
// with no purple-onion inside.
var builds = map[string]build{
	"gate":  {"build/leaks/nohooks/asan.so", "build/leaks/nohooks/shim.so", "build/lib/purple-onion/libpurple-onion.so"},
	"hooks": {"build/asan/lib/plugins/purple-onion.so", "build/lib/plugins/purple-onion.so", "build/leaks/nogate/libpurple-onion.so"},
}

var sabotaged = build{"build/leaks/sabotage/asan.so", "build/leaks/sabotage/shim.so", "build/leaks/sabotage/libpurple-onion.so"}

// outcome is how an arm went.
type outcome struct {
	elsewhere int
	first     []string // some of where it went
	broken    bool
}

// leakVerdict is a line of the report. Its zero value is broken.
type leakVerdict struct {
	Name             string `json:"name"`
	Ring             string `json:"ring"`
	Elsewhere        int    `json:"elsewhere"`
	ControlElsewhere int    `json:"control_elsewhere"`
	Verdict          string `json:"verdict"`

	line string
}

func judgeLeak(c leakCase, ours, held outcome) leakVerdict {
	v := leakVerdict{Name: c.name, Ring: c.ring, Elsewhere: ours.elsewhere, ControlElsewhere: held.elsewhere}
	switch {
	case ours.elsewhere > 0:
		v.Verdict = "leaked"
	case ours.broken || held.broken:
		v.Verdict = "broken"
	case held.elsewhere == 0:
		v.Verdict = "proves-nothing"
	default:
		v.Verdict = "held"
	}
	v.line = fmt.Sprintf("%s\t%s\t%d elsewhere; %d with %s: %s", v.Verdict, c.id(), v.Elsewhere, v.ControlElsewhere, c.control,
		strings.Join(held.first, ", "))
	if len(ours.first) > 0 {
		v.line += "; ours: " + strings.Join(ours.first, ", ")
	}
	return v
}

var (
	leaksList = flag.Bool("leaks.list", false, "print the cases, RING/NAME each")
	leaksRing = flag.String("leaks.ring", "all", "the cases of this ring")
	leaksCase = flag.String("leaks.case", "", "these cases alone, by a comma between")
	leaksOut  = flag.String("leaks.out", "", "file for the report, .json, and the same for people, .tsv")
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		part(os.Args)
	}
	flag.Parse()
	if *leaksList {
		for _, c := range leakCases {
			fmt.Println(c.id())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestLeaks does the cases and judges them; scripts/leaks runs it.
func TestLeaks(t *testing.T) {
	var mu sync.Mutex
	var verdicts []leakVerdict
	t.Cleanup(func() { report(t, verdicts) })
	for i, c := range leakCases {
		if *leaksRing != "all" && *leaksRing != c.ring || *leaksCase != "" && !slices.Contains(strings.Split(*leaksCase, ","), c.name) {
			continue
		}
		t.Run(c.id(), func(t *testing.T) {
			t.Parallel()
			ours, held := outcome{broken: true}, outcome{broken: true}
			t.Run("arms", func(t *testing.T) {
				t.Run("ours", func(t *testing.T) { t.Parallel(); ours.of(t, c, fmt.Sprintf("l%d-ours", i), "") })
				t.Run(string(c.control), func(t *testing.T) { t.Parallel(); held.of(t, c, fmt.Sprintf("l%d-control", i), c.control) })
			})
			v := judgeLeak(c, ours, held)
			if v.Verdict != "held" {
				t.Error(v.line)
			}
			mu.Lock()
			defer mu.Unlock()
			verdicts = append(verdicts, v)
		})
	}
}

func report(t *testing.T, verdicts []leakVerdict) {
	slices.SortFunc(verdicts, func(a, b leakVerdict) int { return strings.Compare(a.Ring+a.Name, b.Ring+b.Name) })
	data, err := json.Marshal(struct {
		Schema int           `json:"schema"`
		Cases  []leakVerdict `json:"cases"`
	}{1, verdicts})
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, v := range verdicts {
		fmt.Fprintln(&lines, v.line)
	}
	if *leaksOut != "" {
		write(t, *leaksOut+".json", string(data)+"\n")
		write(t, *leaksOut+".tsv", lines.String())
	}
}

// of does one arm, and counts what left.
func (o *outcome) of(t *testing.T, c leakCase, name string, held control) {
	a := &arm{held: held, plugin: c.ring != "cell" && (held == "" || held == sabotage), level: "tor", build: builds[c.ring]}
	if held == sabotage {
		a.build = sabotaged
	}
	a.client = newClient(t, name, c.options...)
	defer func() {
		v := a.wire()
		o.elsewhere, o.broken, o.first = v.Elsewhere+a.traits, t.Failed(), a.told
		for _, d := range v.List[:min(3, len(v.List))] {
			o.first = append(o.first, strings.TrimSpace(fmt.Sprintf("%d %s %s", d.Count, d.Dst, strings.Join(d.DNS, " "))))
		}
	}()
	c.run(a)
}

// moment is when the thing itself happens. What a control sends counts from
// here on, so that it shows this thing and not that the capture works; and one
// that is sabotaged has sent nothing elsewhere before. Ours counts as a whole.
func (a *arm) moment() {
	a.t.Helper()
	if a.held == "" {
		return
	}
	if before := a.wire(); a.held == sabotage && before.Elsewhere > 0 {
		a.t.Fatalf("the control leaks before the moment: %+v", before.List)
	}
	a.client.file += ".after"
	lab(a.t, "capture", "start", a.client.name, a.client.file)
}

// user makes an account on a server, with a libpurple proxy for where nothing
// protects it.
func (a *arm) user(domain, proxy string) account {
	a.t.Helper()
	acc := a.stranger(domain, proxy)
	user(a.t, strings.TrimSuffix(acc.name, "/"))
	return acc
}

// stranger is an account that the server does not know.
func (a *arm) stranger(domain, proxy string) account {
	return jabber(fmt.Sprintf("%s-%s@%s/", a.name, strings.ToLower(rand.Text()[:8]), domain), proxy)
}

// guard protects a user directory's accounts, in the arms that do.
func (a *arm) guard(dir, shim string) string {
	a.t.Helper()
	if a.plugin {
		a.install(dir, shim, a.helper)
		a.protect(dir, a.level, "--all")
	}
	return dir
}

// begin starts the headless host on these accounts.
func (a *arm) begin(accounts ...account) *drive.Host {
	a.t.Helper()
	return a.again(a.guard(a.userDir(accounts...), a.asan))
}

// again starts it on a user directory that is there.
func (a *arm) again(dir string) *drive.Host {
	a.t.Helper()
	h := a.host(dir, a.plugin)
	if a.plugin {
		settle(h)
	}
	h.Patience = 120 * time.Second // for what has to happen, however busy the machine
	return h
}

// desk starts the real Pidgin on these accounts, which sign on by themselves.
func (a *arm) desk(env []string, accounts ...account) *desk {
	a.t.Helper()
	return a.pidgin(a.guard(a.realDir(inPidgin, accounts...), a.plain), env...)
}

// deskReady starts the real Pidgin; Tor is ready before the account signs on.
func (a *arm) deskReady(acc account) *desk {
	a.t.Helper()
	d := a.pidgin(a.guard(a.realDir("", acc), a.plain))
	if a.plugin {
		d.expect(`core-purple-onion: Tor is ready`, 60*time.Second)
	}
	until(a.t, "Pidgin is on the session bus", 30*time.Second, func() bool {
		return a.command("dbus-send", "--bus="+d.bus, "--print-reply", "--dest=im.pidgin.purple.PurpleService",
			"/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface.PurpleAccountsGetAll").Run() == nil
	})
	d.enable(d.account(acc))
	a.bound(1, acc)
	return d
}

// bound waits until a server has seen an account sign on n times.
func (a *arm) bound(n int, acc account) {
	a.t.Helper()
	until(a.t, fmt.Sprintf("%s is bound %d times", acc.name, n), 100*time.Second, func() bool { return a.binds(acc) >= n })
}

func (a *arm) binds(acc account) int {
	a.t.Helper()
	return strings.Count(lab(a.t, "sessions"), "\tbind\t"+bare(acc.name)+"/")
}

// boundAgain has a person untick and tick the account until it signs on the
// nth time: Pidgin's own next try may be minutes away.
func (d *desk) boundAgain(a *arm, n int, acc account) {
	d.t.Helper()
	id, end := d.account(acc), time.Now().Add(100*time.Second)
	for a.binds(acc) < n {
		if time.Now().After(end) {
			d.t.Fatalf("%s is not bound %d times", acc.name, n)
		}
		d.disable(id)
		d.enable(id)
		for next := time.Now().Add(15 * time.Second); a.binds(acc) < n && time.Now().Before(next); {
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// inside runs a command in the arm's client, to its end.
func (a *arm) inside(words ...string) {
	a.t.Helper()
	if out, err := a.command(words...).CombinedOutput(); err != nil {
		a.t.Fatalf("%q: %v: %s", words, err, out)
	}
}

// file writes a file in the client's home, and gives its path.
func (a *arm) file(name, text string) string {
	path := filepath.Join(a.home, name)
	write(a.t, path, text)
	return path
}
