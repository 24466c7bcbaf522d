// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// At a terminal the person is asked before protection is made weaker, and
// only then; a no, or nothing, changes nothing.
func TestWeakerIsAskedForAtATerminal(t *testing.T) {
	const name = "prpl-jabber:none@xmpp.example/"
	tests := []struct {
		name     string
		args     []string
		terminal bool
		answer   string
		asked    bool
		code     int
		level    string
	}{
		{"no", []string{"release", name}, true, "n\n", true, 1, ">secret<"},
		{"nothing", []string{"release", name}, true, "", true, 1, ">secret<"},
		{"lower", []string{"protect", "--level", "tor", name}, true, "\n", true, 1, ">secret<"},
		{"yes", []string{"protect", "--level", "tor", name}, true, "y\n", true, 0, ">tor<"},
		{"--yes", []string{"release", "--yes", name}, true, "", false, 0, ""},
		{"no terminal", []string{"release", name}, false, "", false, 0, ""},
		{"only told", []string{"release", "--dry-run", name}, true, "", false, 0, ">secret<"},
		{"the same", []string{"protect", "--level", "secret", name}, true, "", false, 0, ">secret<"},
		{"all, of which one is weaker", []string{"release", "--all"}, true, "n\n", true, 1, ">secret<"},
	}
	for _, tt := range tests {
		home := t.TempDir()
		if err := os.CopyFS(filepath.Join(home, ".purple"), os.DirFS("../../internal/profile/testdata/sample")); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		w := world{out: &out, err: &errs, in: strings.NewReader(tt.answer), terminal: tt.terminal, root: "/",
			getenv: func(key string) string { return map[string]string{"HOME": home}[key] }}
		if code := run([]string{"protect", "--level", "secret", name}, w); code != 0 {
			t.Fatalf("%s: protect: %d %s", tt.name, code, errs.String())
		}
		errs.Reset()
		if code := run(tt.args, w); code != tt.code {
			t.Errorf("%s: exit %d, want %d: %s", tt.name, code, tt.code, errs.String())
		}
		if asked := strings.Contains(errs.String(), "[y/N]"); asked != tt.asked {
			t.Errorf("%s: asked %v: %s", tt.name, asked, errs.String())
		}
		accounts, err := os.ReadFile(filepath.Join(home, ".purple/accounts.xml"))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(accounts), "purple-onion/protection")
		if tt.level == "" && found || tt.level != "" && !strings.Contains(strings.SplitN(rest, "\n", 2)[0], tt.level) {
			t.Errorf("%s: accounts.xml has %q", tt.name, strings.SplitN(rest, "\n", 2)[0])
		}
	}
}
