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

// candidates are the directories that a program may use. With all set it uses
// no other: so it is for Pidgin and Finch, and for -c. Of another program, one
// that is named by an argument is taken for the one that it uses; without one
// nothing is known, as a program may set any directory (purple_util_set_user_dir).
func (c commandLine) candidates(cwd string) (home, named []string, all bool) {
	absolute := func(dir string) string {
		if filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(cwd, dir)
	}
	if dir := c.userDir(); dir != "" {
		return nil, []string{absolute(dir)}, true
	}
	for _, name := range []string{"HOME", "PURPLEHOME"} { // the second counts on Windows only; a wrapper may know it
		if base := c.env[name]; base != "" {
			home = append(home, filepath.Join(base, ".purple"))
		}
	}
	if purpleName(c.program) {
		return home, nil, len(home) > 0
	}
	for i, arg := range c.args {
		if i > 0 && arg != "" {
			named = append(named, absolute(arg))
		}
	}
	return home, named, false
}

func purpleName(program string) bool { return program == "pidgin" || program == "finch" }
