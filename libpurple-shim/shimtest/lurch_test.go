// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"path/filepath"
	"regexp"
	"testing"
)

var devicesQuestion = regexp.MustCompile(`<iq type='get' id='(\w+)' to='bob@server\.test'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='eu\.siacs\.conversations\.axolotl\.devicelist'`)

// The real lurch, which no server tells of a buddy's devices, as the account
// does not say what it can do: they are asked for when a conversation opens,
// and lurch hears of the answer.
func TestLurchLearnsDevices(t *testing.T) {
	lurch, err := filepath.Glob("/usr/lib/*/purple-2/lurch.so")
	if err != nil || len(lurch) == 0 {
		t.Fatalf("lurch is not installed: %v", err)
	}
	for _, lvl := range []string{"tor", "secret"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{}
			s := realAt(t, x, lvl, "", "HOST_DEBUG=1")
			s.do("load", lurch[0])
			s.expect(`^loaded .*lurch\.so 1$`)
			s.do("buddy", s.id, bob)
			s.do("logging", s.id, bob)
			x.got(t, "to='bob@server.test'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='eu.siacs.conversations.axolotl.devicelist' max_items='1'/></pubsub></iq>")
			question := devicesQuestion.FindStringSubmatch(x.String())
			if question == nil {
				t.Fatalf("the question is another: %s", x.String())
			}
			answer := func(id, from, device string) {
				x.send("<iq type='result' id='" + id + "' from='" + from + "' to='alice@server.test/here'><pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
					"<items node='eu.siacs.conversations.axolotl.devicelist'><item id='x'><list xmlns='eu.siacs.conversations.axolotl'><device id='" + device + "'/></list></item></items></pubsub></iq>")
			}
			answer(question[1], "eve@server.test", "666")
			answer(question[1], bob, "1234567")
			s.expect(`lurch: .*received devicelist update from bob@server\.test`)
			s.expect(`lurch: .*saving 1234567 for bob@server\.test`)
			if line := s.Find(`saving 666`); line != "" {
				t.Error("lurch takes devices that nobody asked for")
			}
			// What lurch could not decrypt is shown as what it is.
			x.send("<message type='chat' from='" + bob + "' to='alice@server.test/here'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1234567'>" +
				"<iv>QUJDREVGR0hJSktM</iv></header><payload>c2VhbGVk</payload></encrypted><body>forged words</body></message>")
			want := `^wrote bob@server\.test recv \| .*was NOT encrypted.* forged words`
			if lvl == "tor" {
				want = `^wrote bob@server\.test recv \| forged words`
			}
			s.expect(want)
			s.quit()
		})
	}
}
