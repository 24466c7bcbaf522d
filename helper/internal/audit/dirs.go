// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"os"
	"path/filepath"
	"runtime"
)

// HomeUserDir is the user directory of this environment, whether or not it
// exists; empty where there is no home.
func HomeUserDir(getenv func(string) string) string {
	if home := getenv("PURPLEHOME"); home != "" {
		return filepath.Join(home, ".purple")
	}
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		home = getenv("APPDATA")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".purple")
}

// DefaultUserDirs gives the user directories that exist where libpurple
// programs keep theirs: the home's, and Flathub's Pidgin's.
func DefaultUserDirs(getenv func(string) string) []string {
	var dirs []string
	candidates := []string{HomeUserDir(getenv)}
	if home := getenv("HOME"); home != "" && runtime.GOOS != "windows" {
		candidates = append(candidates, filepath.Join(home, ".var/app/im.pidgin.Pidgin/.purple"))
	}
	for _, dir := range candidates {
		if dir == "" {
			continue
		}
		if _, err := os.Lstat(dir); !os.IsNotExist(err) {
			dirs = append(dirs, dir) // what cannot be looked at is for the audit to say
		}
	}
	return dirs
}
