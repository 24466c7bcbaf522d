// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// private has the first talker start OTR with the second by what she types,
// and waits until it has arrived, encrypted: the key is new to both, and she
// accepts it.
func private(t *testing.T, a, b *talker, text string) {
	t.Helper()
	a.Do("buddy", a.id(), b.jid())
	b.Do("buddy", b.id(), a.jid())
	a.Do("type", a.id(), b.jid(), text)
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		a.Do("slash", a.id(), b.jid(), "otr status")
		line := a.Expect(`^wrote \S+ system nolog \| OTR by purple-onion: `)
		if strings.Contains(line, "Unverified") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no private conversation: %s", line)
		}
	}
	if strings.Contains(received(t, a.jid()), "?OTR:AAMD") {
		t.Error("what was held went to a key that nobody had accepted")
	}
	a.Do("slash", a.id(), b.jid(), "otr accept")
	b.Expect(`^wrote \S+ recv .*` + text)
}

var dataMessage = regexp.MustCompile(`<body>(\?OTR:AAMD[^<]*)</body>`)

// sent is the bodies of the OTR data messages that a talker sent.
func (s *talker) sent(t testing.TB) (bodies []string) {
	t.Helper()
	for _, m := range dataMessage.FindAllStringSubmatch(received(t, s.jid()), -1) {
		bodies = append(bodies, m[1])
	}
	return bodies
}

// Two of ours talk by OTR; the server between them reads nothing, and what it
// injects, replays, drops and rewrites makes nobody resend or show a thing.
func TestNativeAndHostileServer(t *testing.T) {
	t.Parallel()
	a := newTalker(t, "otr-a", "secret", jabber("otra"+run+"@a.test/", direct))
	b := newTalker(t, "otr-b", "secret", jabber("otrb"+run+"@a.test/", direct))
	const words = "readableprivate"
	private(t, a, b, words+"one")
	b.Do("type", b.id(), a.jid(), words+"back")
	b.Do("slash", b.id(), a.jid(), "otr accept")
	a.Expect(`^wrote \S+ recv .*` + words + `back`)

	n := len(a.sent(t))
	// An error, which anybody can write, begins a new session; the last message
	// alone is sent again, once, to the very key that it was for.
	inject(t, b.jid(), a.jid(), "?OTR Error: please send it again")
	a.Expect(`The last message was sent again, encrypted to the same key`)
	b.Expect(`^wrote \S+ recv \| \[resent\] ` + words + `one`)
	n++
	// a replay
	inject(t, a.jid(), b.jid(), a.sent(t)[n-1])
	inject(t, a.jid(), b.jid(), a.sent(t)[n-2])
	// a forged line, and one in clear
	inject(t, b.jid(), a.jid(), "?OTR:AAMDAAAAAQAAAAEAAAABAAAAwF8=.")
	inject(t, a.jid(), b.jid(), "forgedplain")
	b.Expect(`^wrote \S+ recv .*NOT encrypted.*forgedplain`)

	// a query that offers less than we want is not answered with it
	inject(t, b.jid(), a.jid(), "?OTRv2?")
	// a message that is lost, and one after it
	rules(t, a.jid(), rule{To: b.jid(), Has: "?OTR:AAMD", Drop: true})
	a.Do("type", a.id(), b.jid(), words+"lost")
	until(t, "the lost message leaves", 20*time.Second, func() bool { return len(a.sent(t)) == n+1 })
	rules(t, a.jid())
	a.Do("type", a.id(), b.jid(), words+"two")
	b.Expect(`^wrote \S+ recv .*` + words + `two`)

	for _, s := range []*talker{a, b} {
		s.Sync("end")
		if got := s.in(t)(); strings.Contains(got, "readable") || strings.Contains(got, "?OTR:AAI") {
			t.Errorf("the server read, or got version 2: %s", got)
		}
	}
	if got := len(a.sent(t)); got != n+2 {
		t.Errorf("%d data messages were sent, want %d: something was sent again", got, n+2)
	}
	if got := count(b.Seen, words+"one"); got != 2 {
		t.Errorf("the message was shown %d times, want itself and the marked one", got)
	}
	if line := b.Find(words + "lost"); line != "" {
		t.Errorf("the lost message was shown: %s", line)
	}
	a.Quit()
	b.Quit()
	a.c.clean()
	b.c.clean()
}
