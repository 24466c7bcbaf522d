// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path/filepath"
	"strconv"
)

// opLink answers how a link is opened: [program] 0, 1, ... are the words of a
// command; without one the link is shown with the text.
func (h *helper) opLink(k *keyFile) (*keyFile, error) {
	link, _ := k.get("request", "uri")
	program, told := h.engine.Link(link)
	answer := okAnswer(told)
	answer.group("program")
	for i, word := range program {
		answer.set(strconv.Itoa(i), word)
	}
	return answer, nil
}

func (h *helper) opDelay(*keyFile) (*keyFile, error) {
	answer := okAnswer("")
	answer.set("ms", strconv.FormatInt(h.engine.Apart().Milliseconds(), 10))
	return answer, nil
}

// browserPlaces are where Tor Browser's own start script lies, below the home
// directory or the root: what torbrowser-launcher unpacks, and an archive that
// was unpacked by hand.
var browserPlaces = []string{
	"HOME/.local/share/torbrowser/tbb/*/tor-browser*/Browser/start-tor-browser",
	"HOME/tor-browser*/Browser/start-tor-browser",
	"HOME/*/tor-browser*/Browser/start-tor-browser",
	"/opt/tor-browser*/Browser/start-tor-browser",
}

// browserPrograms are what distributions call it.
var browserPrograms = []string{"tor-browser", "torbrowser", "torbrowser-launcher"}

// torBrowser finds Tor Browser; empty where there is none.
func torBrowser() string {
	home := os.Getenv("HOME")
	for _, pattern := range browserPlaces {
		if pattern[0] != '/' {
			if !filepath.IsAbs(home) {
				continue
			}
			pattern = filepath.Join(home, pattern[len("HOME"):])
		}
		found, _ := filepath.Glob(pattern) // the patterns are good ones
		for _, path := range found {
			if startable(path) {
				return path
			}
		}
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		for _, name := range browserPrograms {
			if path := filepath.Join(dir, name); filepath.IsAbs(dir) && startable(path) {
				return path
			}
		}
	}
	return ""
}

// startable says whether a file is a program that not everybody may change.
func startable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 && info.Mode().Perm()&0o002 == 0
}
