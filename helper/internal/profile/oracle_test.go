// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// purplecheck builds the host on the real libpurple once for all tests.
var purplecheck = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "purplecheck")
	if err != nil {
		return "", err
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "purple").Output()
	if err != nil {
		return "", fmt.Errorf("pkg-config purple: %w", err)
	}
	out := filepath.Join(dir, "purplecheck")
	args := append([]string{"-o", out, "testdata/purplecheck.c"}, strings.Fields(string(flags))...)
	if text, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w: %s", err, text)
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := purplecheck(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func host(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := purplecheck()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-c", dir}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}
	return cmd
}

// theirs is what libpurple makes of a directory, in lines that ours gives too.
func theirs(t testing.TB, dir string) []string {
	t.Helper()
	cmd := host(t, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("purplecheck: %v %s", err, stderr.String())
	}
	return group(strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"))
}

// group prefixes each line with its account's and sorts.
func group(lines []string) []string {
	var list []string
	account := ""
	for _, line := range lines {
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "account "):
			account = line
		case strings.HasPrefix(line, "pref "):
			account = ""
		}
		list = append(list, account+"|"+line)
	}
	sort.Strings(list)
	return list
}

var checkedPrefs = map[string]string{
	"/purple/proxy/type": "string", "/purple/proxy/host": "string", "/purple/proxy/port": "int",
	"/purple/proxy/username": "string", "/purple/proxy/password": "string",
	"/purple/network/auto_ip": "bool", "/purple/network/map_ports": "bool", "/purple/network/stun_server": "string",
	"/purple/network/turn_server": "string",
}

// oursOf is what Read makes of a directory, in the same lines.
func oursOf(d *Dir) []string {
	var lines []string
	for _, a := range d.Accounts {
		lines = append(lines, fmt.Sprintf("account %s %s %d %d", esc(a.Protocol), esc(a.Name), bit(a.Enabled), bit(a.PasswordStored)))
		if p := a.Proxy; p != nil && (p.Type != "global" || p.Host != "" || p.Port != 0 || p.User != "" || !p.Password.Empty()) {
			lines = append(lines, fmt.Sprintf("proxy %s %s \"%d\" %s %s", esc(p.Type), esc(p.Host), p.Port, esc(p.User), esc(p.Password.Reveal())))
		}
		for name, s := range a.Settings {
			value := s.Value + s.Secret.Reveal()
			switch s.Type {
			case "int":
				value = strconv.Itoa(atoi(value))
			case "bool":
				value = strconv.Itoa(bit(value[0] != '0'))
			}
			lines = append(lines, fmt.Sprintf("setting %s %s %s", esc(name), s.Type, esc(value)))
		}
	}
	for path, kind := range checkedPrefs {
		value := ""
		if pref, ok := d.Prefs.Lookup(path); ok {
			kind = pref.Type
		}
		switch {
		case strings.HasSuffix(path, "/password"):
			value = d.Prefs.Secret(path).Reveal()
		case kind == "int":
			value = strconv.Itoa(d.Prefs.Int(path, 0))
		case kind == "bool":
			value = strconv.Itoa(bit(d.Prefs.Bool(path, false)))
		case strings.HasSuffix(path, "/type"):
			value = d.Prefs.String(path, "none")
		default:
			value = d.Prefs.String(path, "")
		}
		lines = append(lines, fmt.Sprintf("pref %q %s %s", path, kind, esc(value)))
	}
	for _, path := range pluginPrefs {
		for _, item := range d.Prefs.List(path) {
			lines = append(lines, fmt.Sprintf("pref %q item %s", path, esc(item)))
		}
	}
	return group(lines)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// esc is g_strescape between quotes.
func esc(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if i := strings.IndexByte("\b\f\n\r\t\v\\\"", c); i >= 0 {
			b.WriteString("\\" + string("bfnrtv\\\""[i]))
		} else if c < 0x20 || c >= 0x7f {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	return `"` + b.String() + `"`
}

// agree compares libpurple's reading of a directory with ours.
func agree(t *testing.T, dir string) {
	t.Helper()
	d, err := read(dir, "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	got, want := oursOf(d), theirs(t, dir)
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("ours:\n%s\nlibpurple's:\n%s", only(got, want), only(want, got))
	}
}

func only(a, b []string) string {
	in := map[string]bool{}
	for _, line := range b {
		in[line] = true
	}
	var list []string
	for _, line := range a {
		if !in[line] {
			list = append(list, line)
		}
	}
	return strings.Join(list, "\n")
}

// waitFor waits for an event, up to a deadline.
func waitFor(t *testing.T, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen within a minute")
		}
	}
}
