// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// maxSocketPath is what a unix socket's path may have (sun_path) on every system.
const maxSocketPath = 100

// privateFiles are the files of a private Tor's folder.
type privateFiles struct{ dir string }

func (f privateFiles) socks() string   { return filepath.Join(f.dir, "socks") }
func (f privateFiles) control() string { return filepath.Join(f.dir, "control") }
func (f privateFiles) cookie() string  { return filepath.Join(f.dir, "cookie") }
func (f privateFiles) torrc() string   { return filepath.Join(f.dir, "torrc") }
func (f privateFiles) log() string     { return filepath.Join(f.dir, "start.log") }

// candidate is the private Tor as a place to look at.
func (f privateFiles) candidate() candidate {
	return candidate{socks: address{"unix", f.socks()}, controls: []address{{"unix", f.control()}}, cookie: f.cookie(), chosen: true}
}

// torrcText is the configuration. Ours comes last: where Tor takes one value
// of an option, the last one holds.
func (f privateFiles) torrcText(added []string) (string, error) {
	var b strings.Builder
	b.WriteString("# Written by purple-onion at each start; lines of your own belong into config.toml, [tor] torrc.\n")
	for _, line := range added {
		if strings.ContainsAny(line, "\r\n\x00") || strings.HasSuffix(line, `\`) {
			return "", errors.New("cannot use a line of [tor] torrc: it holds or joins several lines")
		}
		b.WriteString(line + "\n")
	}
	for _, option := range [][2]string{
		{"DataDirectory", quoted(filepath.Join(f.dir, "data"))},
		{"SocksPort", "unix:" + quoted(f.socks())},
		{"ControlPort", "unix:" + quoted(f.control())},
		{"CookieAuthentication", "1"},
		{"CookieAuthFile", quoted(f.cookie())},
		{"ClientOnly", "1"},
		{"RunAsDaemon", "0"},
		{"Log", "notice stdout"},
	} {
		b.WriteString(option[0] + " " + option[1] + "\n")
	}
	return b.String(), nil
}

func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}

// prepare makes the folder, and refuses one that others could look into or
// that is not ours.
func (f privateFiles) prepare() error {
	if !filepath.IsAbs(f.dir) || strings.ContainsAny(f.dir, "\r\n\x00\"") {
		return fmt.Errorf("cannot use the folder %q", f.dir)
	}
	if len(f.control()) > maxSocketPath {
		return fmt.Errorf("cannot use the folder %s: a socket in it would have a longer name than the system allows", f.dir)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder: %w", err)
	}
	st, err := os.Lstat(f.dir)
	if err != nil {
		return fmt.Errorf("cannot look at the folder: %w", err)
	}
	if !st.IsDir() || !ownedByUs(st) {
		return fmt.Errorf("cannot use the folder %s: not a folder of ours", f.dir)
	}
	if err = os.Chmod(f.dir, 0o700); err != nil { // a folder: 0700 is meant
		return fmt.Errorf("cannot close the folder to others: %w", err)
	}
	return nil
}

// findProgram looks in PATH, and where distributions keep Tor outside a user's PATH.
func findProgram(named, path string) (string, error) {
	if named != "" {
		return exec.LookPath(named)
	}
	for _, dir := range append(filepath.SplitList(path), "/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin") {
		if !filepath.IsAbs(dir) {
			continue
		}
		if p, err := exec.LookPath(filepath.Join(dir, "tor")); err == nil {
			return p, nil
		}
	}
	return "", errors.New("no tor program was found")
}

// lastComplaint is what Tor said when it would not start: its last error, or
// the warning that the error points back to.
func (f privateFiles) lastComplaint() string {
	text, err := os.ReadFile(f.log())
	if err != nil || len(text) > 1<<20 {
		return ""
	}
	complaint := ""
	for line := range strings.Lines(string(text)) {
		if _, after, ok := strings.Cut(line, "[warn] "); ok {
			complaint = strings.TrimSpace(after)
		} else if _, after, ok := strings.Cut(line, "[err] "); ok && !strings.Contains(after, "see warnings above") {
			complaint = strings.TrimSpace(after)
		}
	}
	return complaint
}
