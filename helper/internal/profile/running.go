// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Process is a running libpurple program.
type Process struct {
	PID     int
	Name    string // of its program file, such as "pidgin"
	Certain bool   // false: its user directory could not be told
}

// RunningError is that a libpurple program runs on a user directory, or may.
type RunningError struct {
	Process Process
	UserDir string
}

func (e *RunningError) Error() string {
	p := e.Process
	if p.Certain {
		return fmt.Sprintf("cannot edit %s: %s (process %d) runs on it; quit it first", e.UserDir, p.Name, p.PID)
	}
	return fmt.Sprintf("cannot edit %s: %s (process %d) uses libpurple, and its user directory cannot be told; quit it first", e.UserDir, p.Name, p.PID)
}

var errCannotTell = errors.New("cannot tell on this system whether a libpurple program runs")

// commandLine is what a process was started with.
type commandLine struct {
	program string // base name of its program file
	args    []string
	env     map[string]string
}

// userDir reads -c and --config as getopt_long does in Pidgin and Finch: in a
// cluster of short options, abbreviated, and the last one wins. It is empty
// where there is none.
func (c commandLine) userDir() string {
	dir := ""
	for i := 1; i < len(c.args); i++ {
		arg := c.args[i]
		next := ""
		if i+1 < len(c.args) {
			next = c.args[i+1]
		}
		switch value, taken, found := configOption(arg, next); {
		case found:
			dir = value
			if taken {
				i++
			}
		case arg == "--":
			return dir
		}
	}
	return dir
}

// configOption says whether an argument is the option, its value, and whether
// that is the next argument.
func configOption(arg, next string) (value string, taken, found bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, value, joined := strings.Cut(long, "=")
		if name == "" || !strings.HasPrefix("config", name) {
			return "", false, false
		}
		if joined {
			return value, false, true
		}
		return next, true, true
	}
	if len(arg) < 2 || arg[0] != '-' {
		return "", false, false
	}
	for i, option := range arg[1:] {
		switch option {
		case 'c':
			if rest := arg[1+i+1:]; rest != "" {
				return rest, false, true
			}
			return next, true, true
		case 's', 'l': // these take the rest
			return "", false, false
		}
	}
	return "", false, false
}

// candidates are the directories that a program may use, and whether they are
// all. Only Pidgin and Finch are known to take no other.
func (c commandLine) candidates(cwd string) (dirs []string, all bool) {
	absolute := func(dir string) string {
		if filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(cwd, dir)
	}
	known := c.program == "pidgin" || c.program == "finch"
	if dir := c.userDir(); dir != "" {
		return []string{absolute(dir)}, true
	}
	if !known {
		for _, arg := range c.args[min(1, len(c.args)):] {
			dirs = append(dirs, absolute(arg))
		}
	}
	home := ""
	for _, name := range []string{"HOME", "PURPLEHOME"} { // the second on Windows only, but a wrapper may set HOME from it
		if base := c.env[name]; base != "" {
			dirs = append(dirs, filepath.Join(base, ".purple"))
			home = base
		}
	}
	return dirs, known && home != ""
}
