// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// /otr reaches the helper with all that it needs, and its answer is a line of
// the conversation; what is no command of ours is not repeated.
func TestOTRCommand(t *testing.T) {
	t.Parallel()
	s := online(t, &xmppServer{}, "tor", true)
	s.do("slash", s.id, "BOB@server.test/x", `otr ask who = [me] \n <b>?`)
	s.expect(`^wrote BOB@server\.test/x system nolog \| verb=\[ask\] buddy=\[bob@server\.test\] text=\[who = \[me\] \\n &lt;b&gt;\?\] protocol=\[prpl-jabber\] name=\[alice@server\.test/\] sign_on=\[11\] on_list=\[0\] pidgin_otr=\[0\] lurch=\[0\]`)
	s.do("buddy", s.id, bob)
	s.do("slash", s.id, bob, "otr status")
	s.expect(`verb=\[status\] buddy=\[bob@server\.test\] protocol=.* on_list=\[1\]`)
	for _, typed := range []string{"otr", "otr help"} {
		s.do("slash", s.id, bob, typed)
		s.expect(`verb=\[help\]`)
		s.expect(`^slash 0 $`)
	}
	s.quit()
}

// A secret stays out of the debug log, the conversation and the files.
func TestOTRSecretIsNotWritten(t *testing.T) {
	t.Parallel()
	s := online(t, &xmppServer{}, "tor", true, "HOST_DEBUG=1", "FAKE_QUIET=1")
	s.do("slash", s.id, bob, "otr secret hunter2")
	s.expect(`^wrote .* system nolog \| quiet`)
	s.do("slash", s.id, bob, "otr answer hunter2")
	s.expect(`^wrote .* system nolog \| quiet`)
	s.quit()
	for _, line := range s.Seen {
		if strings.Contains(line, "hunter2") {
			t.Errorf("said: %s", line)
		}
	}
	for name, text := range filesOf(t, s.dir) {
		if strings.Contains(text, "hunter2") {
			t.Errorf("in %s", name)
		}
	}
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOTRMenus(t *testing.T) {
	t.Parallel()
	s := online(t, &xmppServer{}, "secret", true)
	s.do("buddy", s.id, bob)
	for _, menu := range []string{"menu", "buddy-menu"} {
		for label, verb := range map[string]string{"Start private conversation": "start", "End private conversation": "end", "Refresh private conversation": "refresh", "Status": "status"} {
			s.do(menu, s.id, bob, label)
			s.expect(`^wrote bob@server\.test system nolog \| verb=\[` + verb + `\] buddy=\[bob@server\.test\]`)
			s.expect(`^menu done`)
		}
	}
	s.do("forms", "1")
	for want, fill := range map[string][]string{
		`verb=\[verify\] .*text=\[0123 4567\]`:        {"fingerprint", "0123 4567"},
		`verb=\[secret\] .*text=\[hunter2\]`:          {"secret", "hunter2"},
		`verb=\[ask\] .*text=\[who = are = you = me]`: {"question", "who = are = you", "answer", "me"},
		`Not asked`: {"question", "who", "answer", "me = you"},
	} {
		for i := 0; i < len(fill); i += 2 {
			s.do("answer", fill[i], fill[i+1])
		}
		s.do("menu", s.id, bob, "Verify buddy...")
		s.expect(`^wrote bob@server\.test system nolog \| .*` + want)
	}
	s.quit()

	s = online(t, &xmppServer{}, "none", true)
	s.do("buddy", s.id, bob)
	for _, menu := range []string{"menu", "buddy-menu"} {
		s.do(menu, s.id, bob, "Status")
		s.expect(`^menu done`)
	}
	if line := s.Find(`^entry (OTR|Status)`); line != "" {
		t.Errorf("an unprotected account has %q", line)
	}
	s.quit()
}

func TestKeysForm(t *testing.T) {
	const fingerprint = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"
	t.Parallel()
	s := online(t, &xmppServer{}, "secret", true)
	s.do("forms", "1")
	deed := func(field, which, deed string) {
		s.do("answer", field, which)
		s.do("answer", map[string]string{"key": "own", "fingerprint": "known"}[field], deed)
		s.do("action", "Keys")
	}
	deed("key", "1", "2")
	s.expect(`^page Fingerprint \| .*al@irc\.test .*01234567 89ABCDEF 01234567 89ABCDEF 01234567$`)
	deed("key", "0", "2")
	s.expect(`^notify .*no key yet`)
	deed("fingerprint", "0", "1")
	s.expect(`^page Fingerprint \| bob@server\.test .*89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF$`)
	deed("key", "0", "1")
	s.expect(`^notify purple-onion \| Key generation ended \| a new key$`)
	deed("fingerprint", "0", "3")
	s.expect(`^notify .* Not verified any more \| account=\[prpl-jabber:alice@server\.test/\] buddy=\[bob@server\.test\] fingerprint=\[` + fingerprint + `\] trust=\[\]`)
	deed("fingerprint", "0", "4")
	s.expect(`^notify .* Forgotten \| account=\[prpl-jabber:alice@server\.test/\] buddy=\[bob@server\.test\] fingerprint=\[` + fingerprint + `\] protocol.* pidgin_otr=\[0\]`)
	const typed = "89abcdef 01234567 89ABCDEF 01234567 89ABCDEF" // compared by the helper
	s.do("forms", "1")
	s.do("answer", "typed", typed) // before the form is there, which is answered at once
	deed("fingerprint", "0", "2")
	s.expect(`^notify .*Verified \| .*fingerprint=\[` + fingerprint + `\] trust=\[verified\] typed=\[` + typed + `\]`)
	s.quit()
}

// A secret account's conversations and chats are not logged, from the first
// line on and whoever turns it on; another account's are.
func TestLogs(t *testing.T) {
	for _, lvl := range []string{"secret", "tor", "none"} {
		t.Run(lvl, func(t *testing.T) {
			t.Parallel()
			x := &xmppServer{room: room}
			s := online(t, x, lvl, true)
			enter(s, x)
			s.do("type", s.id, bob, "logged one")
			x.message(bob+"/x", "logged two")
			s.expect(`recv \| logged two`)
			s.do("type", s.id, room, "logged three")
			want := fmt.Sprint(map[bool]int{true: 0, false: 1}[lvl == "secret"])
			for _, who := range []string{bob, room} {
				s.do("logging", s.id, who)
				s.expect(`^logging .* ` + want)
				s.do("logging", s.id, who, "1")
				s.expect(`^logging .* ` + want)
			}
			s.do("type", s.id, bob, "logged four")
			s.sync("written")
			s.quit()
			found := 0
			for name, text := range filesOf(t, s.dir) {
				if strings.Contains(text, "logged ") {
					found++
					if lvl == "secret" {
						t.Errorf("%s: %s", name, text)
					}
				}
			}
			if lvl != "secret" && found == 0 {
				t.Error("the control wrote no log: this test shows nothing")
			}
		})
	}
}

// A conversation from before the level was set is not logged either.
func TestLogsOfBefore(t *testing.T) {
	t.Parallel()
	x := &xmppServer{}
	s := online(t, x, "tor", true)
	s.do("type", s.id, bob, "before")
	s.do("logging", s.id, bob)
	s.expect(`^logging .* 1`)
	s.do("disconnect", s.id)
	s.do("set", s.id, "purple-onion/protection", "string", "secret")
	s.do("connect", s.id)
	s.expect(`^signed-on`)
	s.do("logging", s.id, bob)
	s.expect(`^logging .* 0`)
	s.quit()
}
