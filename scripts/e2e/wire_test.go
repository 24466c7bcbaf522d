// SPDX-License-Identifier: GPL-3.0-or-later

//go:build encryption

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server is what a lab's server writes down for the tests, and how it is told
// to be hostile.
var server = func() func(t testing.TB) map[string]string {
	var env map[string]string
	return func(t testing.TB) map[string]string {
		if env == nil {
			env = environment(t, "env")
		}
		return env
	}
}()

// received is everything that clients of a bare JID sent since they logged
// in, as the server had it from TLS.
func received(t testing.TB, jid string) string {
	t.Helper()
	log := server(t)["LAB_WIRE_A"]
	if strings.HasSuffix(jid, "@b.test") {
		log = server(t)["LAB_WIRE_B"]
	}
	var all strings.Builder
	eachLine(t, log, func(line []byte) {
		var chunk struct{ Jid, Data string }
		if json.Unmarshal(line, &chunk) == nil && bare(chunk.Jid) == jid {
			all.WriteString(chunk.Data)
		}
	})
	return all.String()
}

func bare(jid string) string {
	jid, _, _ = strings.Cut(jid, "/")
	return jid
}

// receivedIRC is every line that a connection sent which called itself nick.
func receivedIRC(t testing.TB, nick string) string {
	t.Helper()
	lines, ours := map[int][]string{}, map[int]bool{}
	eachLine(t, server(t)["LAB_IRC_TAP_LOG"], func(line []byte) {
		var one struct {
			Conn int
			Line string
		}
		if json.Unmarshal(line, &one) != nil {
			return
		}
		lines[one.Conn] = append(lines[one.Conn], one.Line)
		ours[one.Conn] = ours[one.Conn] || one.Line == "NICK "+nick || one.Line == "NICK :"+nick
	})
	var all []string
	for conn := range ours {
		if ours[conn] {
			all = append(all, lines[conn]...)
		}
	}
	return strings.Join(all, "\n")
}

func eachLine(t testing.TB, path string, do func(line []byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		do(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// arrives waits until the server has received the text from an account.
func arrives(t testing.TB, from func() string, text string) {
	t.Helper()
	until(t, fmt.Sprintf("the server gets %q", text), 30*time.Second, func() bool { return strings.Contains(from(), text) })
}

// rule is what the hostile server does with a message of one of its users
// (scripts/lab.d/prosody/mod_lab_hostile.lua).
type rule struct {
	To   string `json:"to,omitempty"`
	Has  string `json:"has,omitempty"`
	Drop bool   `json:"drop,omitempty"`
	Body string `json:"body,omitempty"`
}

func hostile(t testing.TB, jid string) string {
	if strings.HasSuffix(bare(jid), "@b.test") {
		return server(t)["LAB_HOSTILE_B"]
	}
	return server(t)["LAB_HOSTILE_A"]
}

// rules has the server treat messages of a user so, from now on.
func rules(t testing.TB, from string, list ...rule) {
	t.Helper()
	data, err := json.Marshal(append([]rule{}, list...))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(hostile(t, from), "rules", from+".json"), data)
}

// put replaces a file at once: the server reads it at any time.
func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

var injected atomic.Int64

// inject has the server deliver a message that nobody sent, and waits until
// it has.
func inject(t testing.TB, from, to, body string) {
	t.Helper()
	data, err := json.Marshal(map[string]string{"from": from, "to": to, "body": body})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(hostile(t, to), "inject", fmt.Sprintf("%s-%d.json", t.Name()[:4], injected.Add(1)))
	put(t, path, data)
	until(t, "the server injects", 20*time.Second, func() bool {
		_, err := os.Stat(path)
		return os.IsNotExist(err)
	})
}
