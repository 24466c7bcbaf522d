// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"strings"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Prefs are the preferences of a user directory.
type Prefs struct {
	Path string // the file that they come from; empty: libpurple's defaults alone
	all  []Pref
	at   map[string][]int // path -> indices in all
}

// Pref is one preference as prefs.xml has it.
type Pref struct {
	Path   string // "/purple/proxy/type"
	Type   string // bool, int, string, path, stringlist or pathlist; empty: a folder
	Value  string // empty for a name that looks like a secret's
	Secret redact.Secret
	List   []string // of a stringlist or pathlist
	Line   int
}

// Lookup gives a preference of one of these types; the last one that was
// loaded wins. Where a preference has a type of its own in libpurple, one of
// another type in the file is ignored (prefs.c), so callers name the type.
func (p Prefs) Lookup(path string, types ...string) (Pref, bool) {
	at := p.at[path]
	for i := len(at) - 1; i >= 0; i-- {
		pref := p.all[at[i]]
		for _, t := range types {
			if pref.Type == t {
				return pref, true
			}
		}
	}
	return Pref{}, false
}

// String gives a string preference, or def.
func (p Prefs) String(path, def string) string {
	if pref, ok := p.Lookup(path, "string"); ok {
		return pref.Value
	}
	return def
}

// Secret gives a string preference whose name looks like a secret's.
func (p Prefs) Secret(path string) redact.Secret {
	pref, _ := p.Lookup(path, "string")
	return pref.Secret
}

// Int gives an int preference, or def.
func (p Prefs) Int(path string, def int) int {
	if pref, ok := p.Lookup(path, "int"); ok {
		return atoi(pref.Value)
	}
	return def
}

// Bool gives a bool preference, or def.
func (p Prefs) Bool(path string, def bool) bool {
	if pref, ok := p.Lookup(path, "bool"); ok {
		return atoi(pref.Value) != 0
	}
	return def
}

// List gives a pathlist or stringlist preference, such as the plugins in
// /pidgin/plugins/loaded.
func (p Prefs) List(path string) []string {
	pref, _ := p.Lookup(path, "pathlist", "stringlist")
	return pref.List
}

// All gives every preference in the order of the file.
func (p Prefs) All() []Pref { return p.all }

// prefsReader is prefs.c's start and end handlers with their one oddity: an
// element of unknown type is not put on the stack and yet taken off it.
type prefsReader struct {
	prefs Prefs
	stack []string
}

func readPrefs(root *node) Prefs {
	r := &prefsReader{prefs: Prefs{at: map[string][]int{}}}
	r.element(root)
	return r.prefs
}

func (r *prefsReader) element(n *node) {
	r.start(n)
	for _, c := range n.children {
		r.element(c)
	}
	if n.name == "pref" && len(r.stack) > 0 {
		r.stack = r.stack[:len(r.stack)-1]
	}
}

func (r *prefsReader) start(n *node) {
	if n.name != "pref" && n.name != "item" {
		return
	}
	kind, typed := n.attr("type")
	if typed && !prefTypes[kind] {
		return
	}
	value, _ := n.attr("value")
	if n.name == "item" {
		r.item(value)
		return
	}
	name, _ := n.attr("name")
	if name == "" || name == "/" {
		return
	}
	r.stack = append(r.stack, name)
	r.add(Pref{Path: "/" + strings.Join(r.stack, "/"), Type: kind, Value: value, Line: n.line})
}

var prefTypes = map[string]bool{"bool": true, "int": true, "string": true, "stringlist": true, "path": true, "pathlist": true}

func (r *prefsReader) add(pref Pref) {
	if secretName(pref.Path) {
		pref.Value, pref.Secret = "", redact.New(pref.Value)
	}
	r.prefs.at[pref.Path] = append(r.prefs.at[pref.Path], len(r.prefs.all))
	r.prefs.all = append(r.prefs.all, pref)
}

func (r *prefsReader) item(value string) {
	at := r.prefs.at["/"+strings.Join(r.stack, "/")]
	if len(at) == 0 {
		return
	}
	pref := &r.prefs.all[at[len(at)-1]]
	if pref.Type == "stringlist" || pref.Type == "pathlist" {
		pref.List = append(pref.List, value)
	}
}
