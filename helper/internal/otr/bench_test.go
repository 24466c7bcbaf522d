// SPDX-License-Identifier: GPL-3.0-or-later

//go:build libotr

package otr

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/otr/libotrtest"
)

// party is one end of a conversation, ours or libotr's.
type party interface {
	send(text string) []string
	receive(line string) []string
	ask() []string
	answer() []string
	succeeded() bool // SMP, since this was asked last
}

const smpAnswer = "the blue door"

type ourParty struct {
	*Conversation
	success bool
}

func (p *ourParty) send(text string) []string { return sure(p.Encrypt(text)) }
func (p *ourParty) ask() []string             { return sure(p.Ask("which door?", smpAnswer)) }
func (p *ourParty) answer() []string          { return sure(p.Answer(smpAnswer)) }

func (p *ourParty) receive(line string) []string {
	r := p.Receive(line, true)
	for _, e := range r.Events {
		p.success = p.success || e.Kind == EventSMPSucceeded
	}
	return r.Send
}

func (p *ourParty) succeeded() bool {
	s := p.success
	p.success = false
	return s
}

type libotrParty struct {
	*libotrtest.Peer
	success bool
}

func (p *libotrParty) send(text string) []string {
	lines, _, err := p.Send(text)
	return sure(lines, err)
}

func (p *libotrParty) ask() []string {
	lines, _, err := p.Ask("which door?", smpAnswer)
	return sure(lines, err)
}

func (p *libotrParty) answer() []string {
	lines, _, err := p.Answer(smpAnswer)
	return sure(lines, err)
}

func (p *libotrParty) receive(line string) []string {
	r := p.Receive(line)
	p.success = p.success || r.Has("smp-success")
	return r.Lines
}

func (p *libotrParty) succeeded() bool {
	s := p.success
	p.success = false
	return s
}

func sure(lines []string, err error) []string {
	if err != nil {
		panic(err)
	}
	return lines
}

// talk carries lines from one party to the other, and what is answered, until
// there is no more.
func talk(from, to party, lines []string) {
	for len(lines) > 0 {
		var answers []string
		for _, line := range lines {
			answers = append(answers, to.receive(line)...)
		}
		from, to, lines = to, from, answers
	}
}

// bench is two parties of one kind, and a clock for ours.
type bench struct {
	a, b  party
	clock *clock
}

func ourBench() *bench {
	c := newClock()
	keys := testKeys()
	return &bench{&ourParty{Conversation: New(Config{Key: keys[0], Tag: 0x1111, Now: c.now})},
		&ourParty{Conversation: New(Config{Key: keys[1], Tag: 0x2222, Now: c.now})}, c}
}

func libotrBench(b *testing.B) *bench {
	peer := func(name, buddy string) party {
		p := libotrtest.New(b, libotrtest.Account{Name: name, Protocol: "prpl-jabber"}, buddy)
		p.SetPolicy(libotrtest.Manual)
		return &libotrParty{Peer: p}
	}
	return &bench{peer("a@a.test/", "b@b.test"), peer("b@b.test/", "a@a.test"), newClock()}
}

// refresh is a new session by an AKE.
func (s *bench) refresh() {
	s.clock.pass(time.Hour) // ours bounds how many there are in a minute
	talk(s.a, s.b, []string{"?OTRv3?"})
}

var kilobyte = strings.Repeat("0123456789abcdef", 64)

func (s *bench) pingPong() {
	talk(s.a, s.b, s.a.send(kilobyte))
	talk(s.b, s.a, s.b.send(kilobyte))
}

// say is one message of a burst: nothing goes the other way.
func (s *bench) say() { talk(s.a, s.b, s.a.send(kilobyte)) }

func (s *bench) smp() {
	s.clock.pass(time.Hour)
	talk(s.a, s.b, s.a.ask())
	talk(s.b, s.a, s.b.answer())
	if a, b := s.a.succeeded(), s.b.succeeded(); !a || !b {
		panic(fmt.Sprintf("SMP succeeded: %t, %t", a, b))
	}
}

// BenchmarkBesideLibotr runs each operation of ours and libotr's in turn, and
// prints the medians of the CPU time that the process took, Go's garbage
// collection among it, and their ratio. Each count is for both sides of the
// conversation together: an AKE, two messages there and back, one message of a
// burst, an SMP. For `go test -tags libotr -benchtime 1x`.
func BenchmarkBesideLibotr(b *testing.B) {
	ours, libotr := ourBench(), libotrBench(b)
	for _, s := range []*bench{ours, libotr} {
		s.refresh() // libotr makes its keys first
		s.pingPong()
		s.smp()
	}
	operation := func(name string, times int, run func(*bench)) {
		b.Run(name, func(b *testing.B) {
			compare(b, 15, times, repeat(times, run, ours), repeat(times, run, libotr), func() {
				ours.pingPong() // a turn of the keys, so that each burst has new ones
				libotr.pingPong()
			})
		})
	}
	generator := libotrtest.New(b, libotrtest.Account{Name: "c@c.test/", Protocol: "prpl-jabber"}, "a@a.test")
	b.Run("key generation", func(b *testing.B) {
		compare(b, 30, 1, func() {
			if _, err := GenerateKey(rand.Reader); err != nil {
				panic(err)
			}
		}, func() {
			if err := generator.GenerateKey(libotrtest.Account{Name: "c@c.test/", Protocol: "prpl-jabber"}, ""); err != nil {
				panic(err)
			}
		}, func() {})
	})
	operation("AKE", 10, (*bench).refresh)
	operation("ping-pong 1 KB", 20, (*bench).pingPong)
	operation("burst 1 KB", 100, (*bench).say)
	operation("SMP", 1, (*bench).smp)
}

func repeat(times int, run func(*bench), s *bench) func() {
	return func() {
		for range times {
			run(s)
		}
	}
}

// compare runs both in turn; each call is so many operations. What prepare
// takes is not counted.
func compare(b *testing.B, rounds, operations int, ours, libotr, prepare func()) {
	var our, their []time.Duration
	var allocs, bytes uint64
	for range b.N * rounds {
		prepare()
		their = append(their, cpu(libotr))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		our = append(our, cpu(ours))
		runtime.ReadMemStats(&after)
		allocs += after.Mallocs - before.Mallocs
		bytes += after.TotalAlloc - before.TotalAlloc
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(operations) }
	all := float64(b.N * rounds * operations)
	b.ReportMetric(0, "ns/op") // wall time, of both
	b.ReportMetric(per(median(our)), "us")
	b.ReportMetric(per(median(their)), "libotr-us")
	b.ReportMetric(float64(median(our))/float64(median(their)), "ratio")
	b.ReportMetric(float64(allocs)/all, "allocs")
	b.ReportMetric(float64(bytes)/all, "B")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// cpu is the CPU time that the process takes for f.
func cpu(f func()) time.Duration {
	before := used()
	f()
	return used() - before
}

func used() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
