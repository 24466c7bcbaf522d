// SPDX-License-Identifier: GPL-3.0-or-later

package archtest

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// hookRows are the rows of the plugin's table: threat, hook, level, test.
func hookRows(t *testing.T, root fs.FS) (rows [][]string) {
	t.Helper()
	data, err := fs.ReadFile(root, "libpurple-shim/hooks.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows
}

// The table of hooks and the one in the document are the same.
func TestHooksAreDocumented(t *testing.T) {
	root := os.DirFS("../../..")
	data, err := fs.ReadFile(root, "THREATS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## Hooks\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, line := range strings.Split(section, "\n") {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| threat |") {
			documented = append(documented, line)
		}
	}
	var rows []string
	for _, r := range hookRows(t, root) {
		if len(r) != 4 || slices.Contains(r, "") {
			t.Fatalf("not four cells: %q", r)
		}
		rows = append(rows, "| "+strings.Join(r, " | ")+" |")
	}
	if len(rows) < 20 || !slices.Equal(rows, documented) {
		t.Errorf("hooks.tsv:\n%s\nTHREATS.md:\n%s", strings.Join(rows, "\n"), strings.Join(documented, "\n"))
	}
}

// Every test that a hook names is there.
func TestHooksHaveTheirTests(t *testing.T) {
	root := os.DirFS("../../..")
	var text strings.Builder
	for _, dir := range []string{"libpurple-shim/shimtest", "helper/internal/gate"} {
		files, err := fs.Glob(root, dir+"/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := fs.ReadFile(root, f)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(data)
		}
	}
	for _, r := range hookRows(t, root) {
		if !strings.Contains(text.String(), "\nfunc "+r[3]+"(t *testing.T) {") {
			t.Errorf("%s: no test %s", r[0], r[3])
		}
	}
}
