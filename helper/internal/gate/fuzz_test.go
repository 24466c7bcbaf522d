// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"bytes"
	"testing"
)

// FuzzHandshake: whatever a client sends, an error leaves nothing that could be
// dialled, what is accepted writes again to the very bytes that were read, and
// not a byte behind it is taken.
func FuzzHandshake(f *testing.F) {
	whole := append(append(greeting(), login("user", "password")...), connectTo("a.test", 5222)...)
	f.Add(whole)
	f.Add(append(append([]byte{}, whole...), "<?xml"...))
	for i := range whole {
		f.Add(whole[:i])
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{5, 1, 2, 1, 0, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		r := bytes.NewReader(sent)
		offered, err := readGreeting(r)
		if err != nil || !offered {
			return
		}
		greeted := len(sent) - r.Len()
		user, password, err := readLogin(r)
		if err != nil {
			if !user.Empty() || !password.Empty() {
				t.Error("credentials beside an error")
			}
			return
		}
		target, err := readConnect(r)
		if err != nil {
			if target != (Target{}) {
				t.Errorf("a target beside an error: %v", target)
			}
			return
		}
		again := append(login(user.Reveal(), password.Reveal()), connectTo(target.Host, target.Port)...)
		read := sent[greeted : len(sent)-r.Len()]
		read = append([]byte{}, read...)
		read[len(read)-len(connectTo(target.Host, target.Port))+2] = 0 // the reserved byte may be anything
		if !bytes.Equal(again, read) {
			t.Errorf("read % x, writes % x", read, again)
		}
		if grant := (&Grant{Domain: "a.test", Port: 5222}); grant.allows(target) && !sameHost(target.Host, "a.test") {
			t.Errorf("another server: %q", target.Host)
		}
	})
}

// FuzzOnion: what is valid is 56 letters of base32 and ".onion".
func FuzzOnion(f *testing.F) {
	f.Add(anOnion)
	f.Add("expyuzz4wqqyqhjn.onion")
	f.Fuzz(func(t *testing.T, text string) {
		if ValidOnion(text) && (len(text) != 62 || !hostLike(text) || !isOnion(text)) {
			t.Errorf("%q is valid", text)
		}
	})
}
