// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"purpleonion.org/purple-onion/helper/internal/profile"
)

const (
	shimFile   = "purple-onion.so"
	helperFile = "../purple-onion/libpurple-onion.so" // from the shim's folder
)

// ourABI is the contract of ponion.h that this version was built with.
const ourABI = "2"

// plugin is a shim, or a helper, that was found.
type plugin struct {
	path   string
	marker marker
}

// marker is what shim and helper carry to be read without being loaded: code
// that is loaded to be looked at has run.
type marker struct{ abi, version string }

// systemFolders are where libpurple's own plugins are installed.
var systemFolders = []string{
	"usr/lib/*/purple-2", "usr/lib/purple-2", "usr/lib64/purple-2",
	"usr/local/lib/*/purple-2", "usr/local/lib/purple-2", "usr/local/lib64/purple-2",
}

// plugins gives the installed shims, the user's own first, as libpurple looks.
func plugins(w world, userDir string) []plugin {
	files := []string{filepath.Join(userDir, "plugins", shimFile)}
	for _, folder := range systemFolders {
		found, _ := filepath.Glob(filepath.Join(w.root, folder, shimFile)) // only a bad pattern fails
		files = append(files, found...)
	}
	var list []plugin
	for _, f := range files {
		if m, err := readMarker(f); err == nil || !errors.Is(err, os.ErrNotExist) {
			list = append(list, plugin{f, m})
		}
	}
	return list
}

// helper is the helper that a shim would load.
func (p plugin) helper() (plugin, error) {
	path := filepath.Join(filepath.Dir(p.path), helperFile)
	m, err := readMarker(path)
	return plugin{path, m}, err
}

var markerText = regexp.MustCompile(`purple-onion-abi=([0-9]{1,9}) version=([!-~]{0,64})`)

var errNoMarker = errors.New("it is not purple-onion's")

// maxProgram is far above the size of either.
const maxProgram = 256 << 20

func readMarker(path string) (marker, error) {
	f, err := os.Open(path)
	if err != nil {
		return marker{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return marker{}, err
	}
	if !info.Mode().IsRegular() {
		return marker{}, errNoMarker
	}
	data, err := io.ReadAll(bufio.NewReader(io.LimitReader(f, maxProgram)))
	if err != nil {
		return marker{}, err
	}
	m := markerText.FindSubmatch(data)
	if m == nil {
		return marker{}, errNoMarker
	}
	return marker{string(m[1]), string(m[2])}, nil
}

// enabledIn names the programs that load one of these plugins at their start.
func enabledIn(prefs profile.Prefs, shims []plugin) []string {
	var in []string
	for _, ui := range []struct{ name, path string }{{"Pidgin", "/pidgin/plugins/loaded"}, {"Finch", "/finch/plugins/loaded"}} {
		for _, loaded := range prefs.List(ui.path) {
			for _, s := range shims {
				if sameFile(loaded, s.path) {
					in = append(in, ui.name)
				}
			}
		}
	}
	return in
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
