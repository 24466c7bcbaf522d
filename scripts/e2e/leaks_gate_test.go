// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// The gate's cases: connections of protected accounts, whatever happens to
// Tor, to the program and to the computer.
var gateCases = []leakCase{
	{"gate", "login", off, leakLogin, nil},
	{"gate", "registration", off, leakRegistration, nil},
	{"gate", "reconnect-storm", off, leakStorm, nil},
	{"gate", "prosody-restart", off, leakServerRestart, nil},
	{"gate", "no-proxy", off, leakNoProxy, nil},
	{"gate", "environment-proxy", off, leakEnvironmentProxy, nil},
	{"gate", "desktop-proxy", off, leakDesktopProxy, nil},
	{"gate", "tor-killed", sabotage, leakTorKilled, nil},
	{"gate", "tor-stopped", sabotage, leakTorStopped, nil},
	{"gate", "tor-restarted", off, leakTorRestarted, nil},
	{"gate", "tor-replaced", sabotage, leakTorReplaced, nil},
	{"gate", "plugin-cycles", off, leakPluginCycles, nil},
	{"gate", "gate-killed", sabotage, leakGateKilled, nil},
	{"gate", "descriptors", sabotage, leakDescriptors, nil},
	{"gate", "disk-full", off, leakDiskFull, nil},
	{"gate", "clock-jump", off, leakClockJump, []string{"--no-tor"}},
	{"gate", "suspend", sabotage, leakSuspend, nil},
}

// tries connects once, from offline; what comes of it is the arm's.
func tries(h *drive.Host, id string) (online bool) {
	h.Do("disconnect", id)
	h.Sync("offline")
	h.Do("connect", id)
	return strings.HasPrefix(h.Expect(`^(signed-on|signed-off) `+regexp.QuoteMeta(id)), "signed-on")
}

// comesBack connects until the account is signed on, and not as fast as it
// can: each try is a circuit more for Tor to make.
func comesBack(h *drive.Host, id string) {
	for end := time.Now().Add(h.Patience); time.Now().Before(end); time.Sleep(2 * time.Second) {
		if tries(h, id) {
			return
		}
	}
	h.Do("connect", id)
	h.Expect(`^signed-on ` + regexp.QuoteMeta(id))
}

func leakLogin(a *arm) {
	acc := a.user("a.test", direct)
	a.desk(nil, acc)
	a.bound(1, acc)
}

func leakRegistration(a *arm) {
	acc := a.stranger("a.test", direct)
	name, _, _ := strings.Cut(acc.name, "@")
	h := a.begin(acc)
	h.Do("forms", "1")
	h.Do("answer", "username", name)
	h.Do("answer", "password", "pw-e2e")
	h.Do("register", acc.id())
	h.Expect(`^registered .* 1$`)
	h.Expect(`^signed-off`)
	online(h, acc.id())
	h.Quit()
}

// leakStorm has five accounts sign on and off as fast as they can, half of
// the times before they are there.
func leakStorm(a *arm) {
	var all []account
	for range 5 {
		all = append(all, a.user("a.test", socks5))
	}
	h := a.begin(all...)
	for _, acc := range all {
		h.Do("enable", acc.id(), "1")
	}
	for range 10 {
		for _, acc := range all {
			h.Do("disconnect", acc.id())
			h.Do("connect", acc.id())
		}
		time.Sleep(200 * time.Millisecond)
	}
	h.Sync("storm")
	for _, acc := range all {
		comesBack(h, acc.id())
	}
	h.Quit()
}

var restarting sync.Mutex // b.test, which only this case uses

func leakServerRestart(a *arm) {
	restarting.Lock()
	defer restarting.Unlock()
	acc := a.user("b.test", socks5)
	d := a.desk(nil, acc)
	a.bound(1, acc)
	a.moment()
	lab(a.t, "fault", "prosody-b", "restart")
	d.expect(`Connection error on `, 60*time.Second)
	time.Sleep(10 * time.Second) // Pidgin tries by itself, or not yet
	d.boundAgain(a, 2, acc)
}

const proxyTor = "5" // as libpurple numbers it

const torAnyway = "<proxy><type>tor</type><host>127.0.0.1</host><port>9050</port></proxy>"

// leakNoProxy has an account at an address: libpurple dials that directly
// where no_proxy says so, whatever its libpurple proxy.
func leakNoProxy(a *arm) {
	named, address := a.user("a.test", torAnyway), a.stranger(environment(a.t, "env")["LAB_XMPP_A"], torAnyway)
	a.env = append(a.env, "no_proxy=*", "NO_PROXY=*")
	h := a.begin(named, address)
	h.Do("enable", address.id(), "1")
	h.Expect(`^(error|signed-off) `)
	if a.plugin { // libpurple itself cannot: type tor asks no DNS
		online(h, named.id())
	}
	h.Quit()
}

const (
	byEnvironment = "<proxy><type>envvar</type></proxy>"
	byDesktop     = "<proxy><type>global</type></proxy>"
)

// signsOn signs an account on, as far as it comes; ours comes on in the end.
func (a *arm) signsOn(acc account) {
	h := a.begin(acc)
	h.Do("enable", acc.id(), "1")
	h.Expect(`^(signed-on|signed-off) `)
	if a.plugin {
		comesBack(h, acc.id())
	}
	h.Quit()
}

func leakEnvironmentProxy(a *arm) {
	acc := a.user("a.test", byEnvironment)
	proxy := "http://10.77.0.7:3128"
	a.env = append(a.env, "http_proxy="+proxy, "HTTP_PROXY="+proxy, "https_proxy="+proxy, "HTTPS_PROXY="+proxy,
		"all_proxy="+proxy, "ALL_PROXY="+proxy, "SOCKS_SERVER=10.77.0.7:1080")
	a.signsOn(acc)
}

// leakDesktopProxy is GNOME's libpurple proxy, by programs that answer as
// GNOME's do.
func leakDesktopProxy(a *arm) {
	acc := a.user("a.test", byDesktop)
	a.file("bin/gnome-open", "#!/bin/sh\n")
	a.file("bin/gsettings", "#!/bin/sh\necho \"$*\" >>\"$HOME/asked\"\ncase $* in\n*proxy\\ mode) echo \"'manual'\" ;;\n"+
		"*.http\\ host) echo \"'10.77.0.7'\" ;;\n*.http\\ port) echo 3128 ;;\n*use-same*) echo true ;;\n*) echo \"''\" ;;\nesac\n")
	a.inside("chmod", "+x", filepath.Join(a.home, "bin/gnome-open"), filepath.Join(a.home, "bin/gsettings"))
	for i, v := range a.env {
		if strings.HasPrefix(v, "PATH=") {
			a.env[i] = "PATH=" + filepath.Join(a.home, "bin") + ":" + os.Getenv("PATH")
		}
	}
	a.env = append(a.env, "GNOME_DESKTOP_SESSION_ID=this")
	a.signsOn(acc)
}

func leakTorKilled(a *arm) {
	acc := a.user("a.test", direct)
	h := a.begin(acc)
	online(h, acc.id())
	a.moment()
	lab(a.t, "client", "tor", a.name, "kill")
	h.Expect(`^signed-off`)
	tries(h, acc.id())
	lab(a.t, "client", "tor", a.name, "start")
	comesBack(h, acc.id())
	h.Quit()
}

func leakTorStopped(a *arm) {
	acc := a.user("a.test", direct)
	h := a.begin(acc)
	online(h, acc.id())
	a.moment()
	lab(a.t, "client", "tor", a.name, "stop")
	h.Expect(`core-purple-onion: Tor is dead`)
	tries(h, acc.id())
	lab(a.t, "client", "tor", a.name, "cont")
	h.Expect(`core-purple-onion: Tor is ready`)
	comesBack(h, acc.id())
	h.Quit()
}

func leakTorRestarted(a *arm) {
	acc := a.user("a.test", socks5)
	h := a.begin(acc)
	online(h, acc.id())
	a.moment()
	for range 3 {
		lab(a.t, "client", "tor", a.name, "restart")
		h.Expect(`^signed-off`)
		comesBack(h, acc.id())
	}
	h.Quit()
}

func leakTorReplaced(a *arm) {
	acc := a.user("a.test", direct)
	h := a.begin(acc)
	online(h, acc.id())
	a.moment()
	lab(a.t, "client", "tor", a.name, "kill")
	a.microsocks("9050")
	h.Expect(`^signed-off`)
	tries(h, acc.id())
	h.Quit()
}

// leakPluginCycles unloads and loads the plugin under an account that signs
// on, twenty times; while it is out the account tries too.
func leakPluginCycles(a *arm) {
	acc := a.user("a.test", direct)
	h := a.begin(acc)
	plugin := filepath.Join(a.home, ".purple/plugins/purple-onion.so")
	h.Do("enable", acc.id(), "1")
	comesBack(h, acc.id())
	a.moment()
	for i := range 20 {
		if i%4 == 0 { // of the others the sign-on is cut
			comesBack(h, acc.id())
		}
		if a.plugin {
			h.Do("unload", plugin)
			h.Expect(`^unloaded .* 1$`)
		}
		tries(h, acc.id())
		h.Do("disconnect", acc.id())
		if a.plugin {
			h.Do("load", plugin)
			h.Expect(`^loaded .* 1$`)
		}
		h.Do("connect", acc.id())
	}
	h.Quit()
}

// leakGateKilled shuts the gate's listening socket, and then its streams,
// behind the helper's back.
func leakGateKilled(a *arm) {
	acc := a.user("a.test", direct)
	h := a.begin(acc)
	online(h, acc.id())
	a.moment()
	if a.shut(h.Pid(), tcpListen) != 1 {
		a.t.Fatal("the gate does not listen")
	}
	tries(h, acc.id())
	a.shut(h.Pid(), tcpEstablished)
	tries(h, acc.id())
	h.Quit()
}

// leakDescriptors takes the program's file descriptors away while one account
// is online and another signs on: all, then all but enough to reach the gate
// and not Tor. Then it gives them back.
func leakDescriptors(a *arm) {
	first, second := a.user("a.test", direct), a.user("a.test", direct)
	h := a.begin(first, second)
	online(h, first.id())
	a.moment()
	a.limitDescriptors(h.Pid(), 0)
	h.Do("enable", second.id(), "1")
	h.Expect(`^signed-off ` + regexp.QuoteMeta(second.id()))
	a.limitDescriptors(h.Pid(), 2)
	h.Do("connect", second.id())
	if a.held == "" {
		h.Expect(`^signed-off ` + regexp.QuoteMeta(second.id()))
		tries(h, first.id())
	} else {
		h.Expect(`^signing-on ` + regexp.QuoteMeta(second.id()))
		time.Sleep(10 * time.Second) // it does not give up
	}
	a.setDescriptors(h.Pid(), 1024)
	comesBack(h, second.id())
	h.Quit()
}

// leakDiskFull has the disk full while accounts.xml is saved, the program
// killed then, and started again on what is there. What the control has of its
// way by Tor was set meanwhile, and is lost.
func leakDiskFull(a *arm) {
	acc := a.user("a.test", direct)
	dir := a.guard(a.userDir(acc), a.asan)
	disk := filepath.Join(a.home, "disk")
	a.inside("sh", "-euc", `mkdir "$1" && mount -t tmpfs -o size=32m,mode=700 leaks "$1" && cp -a "$2/." "$1" && mount --bind "$1" "$2"`, "sh", disk, dir)
	h := a.again(dir)
	a.inside("sh", "-c", `head -c 40m /dev/zero >"$1/fill" 2>/dev/null; [ -s "$1/accounts.xml" ]`, "sh", dir)
	if !a.plugin {
		h.Do("proxy", acc.id(), proxyTor, "127.0.0.1", "9050")
	}
	online(h, acc.id())
	for i := range 3 {
		h.Do("set", acc.id(), "priority", "int", fmt.Sprint(i))
		h.Expect(`Error (writing|opening|renaming).*accounts.xml|accounts.xml.*(No space|failed)`)
	}
	h.Kill()
	a.moment()
	a.again(dir).Kill()
	a.inside("rm", filepath.Join(dir, "fill"))
	h = a.again(dir)
	h.Do("enable", acc.id(), "1") // that it was is not on the disk
	comesBack(h, acc.id())
	h.Quit()
}

// leakClockJump has the clock jump a day ahead, and a day back, for Pidgin, the
// helper (in a build whose clock can) and Tor, which is started again by it.
func leakClockJump(a *arm) {
	acc := a.user("a.test", socks5)
	clock := a.fakeClock()
	clock.tor()
	if a.plugin {
		a.helper = "build/leaks/testclock/libpurple-onion.so"
	}
	d := a.desk(clock.steady(), acc)
	a.bound(1, acc)
	a.moment()
	log := environment(a.t, "client", "env", a.client.name)["CLIENT_TOR_LOG"]
	for i, by := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		seen := jumps(log)
		clock.jump(by)
		if by > 0 { // its timers stand still where the clock goes back, and it may not see
			until(a.t, "Tor sees the clock jump", 30*time.Second, func() bool { return jumps(log) > seen })
		}
		a.signal("tor", unix.SIGKILL)
		d.expect(`Connection error on `, 60*time.Second)
		clock.tor()
		d.enable(d.account(acc))
		time.Sleep(5 * time.Second) // what it tries meanwhile is what is measured
		clock.jump(0)
		a.signal("tor", unix.SIGKILL)
		clock.tor()
		d.boundAgain(a, i+2, acc)
	}
}

// jumps is how often a tor saw its clock jump.
func jumps(log string) int {
	text, _ := os.ReadFile(log)
	return strings.Count(string(text), "assuming established circuits no longer work")
}

// leakSuspend stops Tor and Pidgin, with all that belongs to it, and has them
// go on; then Tor goes on later than Pidgin.
func leakSuspend(a *arm) {
	acc := a.user("a.test", direct)
	d := a.deskReady(acc)
	a.moment()
	a.signal("", unix.SIGSTOP)
	time.Sleep(10 * time.Second) // the length of the sleep
	a.signal("", unix.SIGCONT)
	id := d.account(acc)
	a.signal("tor", unix.SIGSTOP)
	d.disable(id)
	d.enable(id)
	if a.held == "" {
		d.expect(`Connection error on .*purple-onion: .*\((tor-dead|no-tor)\)`, 60*time.Second)
	} else {
		a.bound(2, acc)
	}
	a.signal("tor", unix.SIGCONT)
	d.boundAgain(a, 2, acc)
}
