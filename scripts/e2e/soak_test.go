// SPDX-License-Identifier: GPL-3.0-or-later

//go:build soak

package e2e

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

// The soak: many accounts in one program over Tor for long, who talk in
// pairs, the first of them by OTR, and sign on anew now and then. Beside it runs
// the same without purple-onion, by the same kind of Tor: libpurple is not
// without leaks of its own.
const (
	soakAccounts = 50
	soakSecret   = 10 // of them require encryption
	soakBurst    = 4  // messages each way in a round
	leakRounds   = 20 // of the control
	leakMessage  = 3072
)

var (
	soakMinutes = flag.Float64("soak.minutes", 2, "how long they talk, in minutes")
	soakOut     = flag.String("soak.out", "", "file for the figures")
)

type soak struct {
	*client
	plugin   bool
	h        *drive.Host
	accounts []account
	read     int    // lines of the host that were looked at
	waits    string // for what
	sent     int
	signOns  int
	arrived  map[string]bool // by text
	left     map[string]bool // offline, by id
	samples  []sample
}

// pair gives the i-th account's own partner, the same the other way round.
func (s *soak) pair(i int) account { return s.accounts[i^1] }

func newSoak(t *testing.T, name string, plugin bool) *soak {
	t.Helper()
	s := &soak{client: newClient(t, name), plugin: plugin, arrived: map[string]bool{}, left: map[string]bool{}}
	s.env = slices.DeleteFunc(s.env, func(e string) bool { return strings.HasPrefix(e, "HOST_DEBUG=") })
	for i := range soakAccounts {
		s.accounts = append(s.accounts, jabber(fmt.Sprintf("%s%s%02d@a.test/", name, run, i), shared))
	}
	register := `for name; do "$0" xmpp -register a.test:5222 "$name" pw-e2e || exit 1; done`
	words := []string{"exec", "world", "--", "bash", "-c", register, filepath.Join(environment(t, "env")["LAB_DIR"], "bin/labtool")}
	for _, a := range s.accounts {
		words = append(words, bare(a.name))
	}
	lab(t, words...)
	dir := s.userDir(s.accounts...)
	words = []string{filepath.Join(root, "build/test/host"), dir}
	if plugin {
		s.install(dir, "build/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so")
		s.protect(dir, "tor", "--all")
		for _, a := range s.accounts[:soakSecret] {
			s.protect(dir, "secret", a.id())
		}
		words = append(words, filepath.Join(dir, "plugins/purple-onion.so"))
	}
	s.h = drive.Start(t, s.command(words...))
	s.h.Patience = 60 * time.Second
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s waited until %s", s.name, s.waits)
		}
	})
	return s
}

// look takes in what the host said until all holds.
func (s *soak) look(what string, all func() bool) {
	s.t.Helper()
	for s.waits = what; ; {
		for ; s.read < len(s.h.Seen); s.read++ {
			s.take(s.h.Seen[s.read])
		}
		if all() {
			return
		}
		s.h.Expect(`^(message|signed-off|signed-on|error) `)
	}
}

var soakText = regexp.MustCompile(`soaking-\d+`)

func (s *soak) take(line string) {
	word, rest, _ := strings.Cut(line, " ")
	id, _, _ := strings.Cut(rest, " ")
	switch word {
	case "message":
		s.arrived[soakText.FindString(rest)] = true
	case "signed-off":
		s.left[id] = true
	case "signed-on":
		delete(s.left, id)
	}
}

// signOn has accounts sign on, from offline, and waits.
func (s *soak) signOn(how string, accounts ...account) {
	s.t.Helper()
	for _, a := range accounts {
		s.signOns++
		s.left[a.id()] = true
		s.h.Do(how, a.id(), "1")
	}
	s.look("all are online", func() bool { return len(s.left) == 0 })
}

// say types a text of its own, and gives it.
func (s *soak) say(i int) string {
	s.t.Helper()
	s.sent++
	text := fmt.Sprintf("soaking-%d", s.sent)
	s.h.Do("type", s.accounts[i].id(), bare(s.pair(i).name), text)
	return text
}

func (s *soak) have(texts ...string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !s.arrived[text] })
	}
}

// meet has two who require encryption take each other's key, which is new.
func (s *soak) meet(i int) {
	s.t.Helper()
	for _, i := range []int{i, i ^ 1} { // a stranger's query is not answered
		s.h.Do("buddy", s.accounts[i].id(), bare(s.pair(i).name))
	}
	for _, i := range []int{i, i ^ 1} {
		id, who := s.accounts[i].id(), bare(s.pair(i).name)
		text := s.say(i)
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
			s.h.Do("slash", id, who, "otr status")
			line := s.h.Expect(`^wrote ` + regexp.QuoteMeta(who) + `\S* system nolog \| OTR by purple-onion: `)
			if strings.Contains(line, "Unverified") {
				break
			}
			if time.Now().After(end) {
				s.t.Fatalf("no private conversation: %s", line)
			}
		}
		s.h.Do("slash", id, who, "otr accept")
		s.look(text+" arrives", s.have(text))
	}
}

// talk is a round: everybody writes to their partner, and all of it arrives.
func (s *soak) talk() {
	s.t.Helper()
	var texts []string
	for range soakBurst {
		for i := range s.accounts {
			texts = append(texts, s.say(i))
		}
	}
	s.look("all messages of the round arrive", s.have(texts...))
}

// again has two accounts sign on anew: one of those who require encryption
// every other time.
func (s *soak) again(round int) {
	s.t.Helper()
	chosen := []int{soakSecret + 7*round%(soakAccounts-soakSecret)}
	if round%2 == 0 {
		chosen = append(chosen, round/2%soakSecret)
	}
	for _, i := range chosen {
		a := s.accounts[i]
		s.h.Do("disconnect", a.id())
		s.look(a.id()+" is offline", func() bool { return s.left[a.id()] })
		s.signOn("connect", a)
		if i < soakSecret && s.plugin {
			s.h.Do("slash", a.id(), bare(s.pair(i).name), "otr start")
		}
	}
}

// online is how many of the accounts the server has. The end of an old session
// may come to it after the beginning of the next.
func (s *soak) online() (n int) {
	s.t.Helper()
	there := map[string]int{}
	for line := range strings.SplitSeq(lab(s.t, "sessions"), "\n") {
		w := strings.Split(line, "\t")
		switch {
		case len(w) > 3 && w[2] == "bind":
			there[bare(w[3])]++
		case len(w) > 3 && w[2] == "closed":
			there[bare(w[3])]--
		}
	}
	for _, a := range s.accounts {
		if there[bare(a.name)] > 0 {
			n++
		}
	}
	return n
}

// work is one program's whole run, and its end.
func (s *soak) work() {
	s.t.Helper()
	start := time.Now()
	s.signOn("enable", s.accounts...)
	figure(s.t, "%s: %d accounts are online after %.1f s", s.name, soakAccounts, time.Since(start).Seconds())
	for i := 0; i < soakSecret && s.plugin; i += 2 {
		s.meet(i)
	}
	end := start.Add(time.Duration(*soakMinutes * float64(time.Minute)))
	for n := 0; time.Now().Before(end); n++ {
		s.round(n)
	}
	figure(s.t, "%s: %d rounds, %d messages, %d sign-ons", s.name, len(s.samples), s.sent, s.signOns)
	if len(s.samples) < leakRounds {
		s.t.Errorf("%d rounds show nothing", len(s.samples))
	}
	if n := s.online(); n != soakAccounts {
		s.t.Errorf("the server has %d of %d accounts", n, soakAccounts)
	}
}

// round has everybody write, some sign on anew, and takes a sample then.
func (s *soak) round(n int) {
	s.t.Helper()
	next := time.Now().Add(time.Second)
	s.talk()
	s.again(n)
	s.h.Do("forget") // libpurple keeps all that was said
	s.h.Sync("round")
	s.look("nobody is lost", func() bool { return len(s.left) == 0 })
	s.samples = append(s.samples, takeSample(s.t, s.h.Pid()))
	time.Sleep(time.Until(next))
}

// streams fails unless Tor has a stream for each account; it gives how many
// circuits they ride.
func (s *soak) streams() int {
	s.t.Helper()
	ids := s.circuits()
	slices.Sort(ids)
	if len(ids) != soakAccounts {
		s.t.Errorf("%d accounts have %d streams", soakAccounts, len(ids))
	}
	return len(slices.Compact(ids))
}

func TestSoak(t *testing.T) {
	beside := make(chan []sample, 1)
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		defer close(beside)
		s := newSoak(t, "alone", false)
		s.work()
		if n := s.streams(); n > soakAccounts/5 { // Tor takes a new one now and then
			t.Errorf("the control shows nothing: accounts with the same credentials ride %d circuits", n)
		}
		beside <- s.samples
		s.h.Quit()
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		s := newSoak(t, "soak", true)
		s.work()
		if n := s.streams(); n != soakAccounts {
			t.Errorf("%d accounts ride %d circuits", soakAccounts, n)
		}
		alone := <-beside
		if len(alone) == 0 {
			t.Fatal("nothing to hold it against")
		}
		for _, line := range grown(t, s.samples, alone) {
			t.Error(line)
		}

		// The control: the same program with a leak is found out.
		s.samples = nil
		for n := range leakRounds {
			s.h.Do("leak", fmt.Sprint(leakMessage*soakBurst*soakAccounts))
			s.round(n)
		}
		if len(grown(t, s.samples, alone)) == 0 {
			t.Errorf("a leak of %d bytes a message is not seen: the judgement proves nothing", leakMessage)
		}
		s.h.Quit()
		s.clean()
	})
}
