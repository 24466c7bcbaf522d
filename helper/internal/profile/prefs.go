// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"slices"
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

	node *node
}

// Lookup gives a preference; the last one of the file wins. Its type is that
// of the first: libpurple reads prefs.xml before it sets its own defaults, and
// ignores what would change a type (prefs.c). Where types are given, one of
// another type is not found.
func (p Prefs) Lookup(path string, types ...string) (Pref, bool) {
	at := p.at[path]
	if len(at) == 0 {
		return Pref{}, false
	}
	pref := p.all[at[len(at)-1]]
	return pref, len(types) == 0 || slices.Contains(types, pref.Type)
}

// String gives a string preference, or def where there is none. Here and
// below, one of another type gives what libpurple gives: nothing.
func (p Prefs) String(path, def string) string {
	switch pref, ok := p.Lookup(path); {
	case !ok:
		return def
	case pref.Type == "string":
		return pref.Value
	}
	return ""
}

// Secret gives a string preference whose name looks like a secret's.
func (p Prefs) Secret(path string) redact.Secret {
	if pref, ok := p.Lookup(path); ok && pref.Type == "string" {
		return pref.Secret
	}
	return redact.Secret{}
}

// Int gives an int preference, or def.
func (p Prefs) Int(path string, def int) int {
	switch pref, ok := p.Lookup(path); {
	case !ok:
		return def
	case pref.Type == "int":
		return atoi(pref.Value)
	}
	return 0
}

// Bool gives a bool preference, or def.
func (p Prefs) Bool(path string, def bool) bool {
	pref, ok := p.Lookup(path)
	if !ok {
		return def
	}
	return pref.Type == "bool" && atoi(pref.Value) != 0
}

// List gives a pathlist or stringlist preference, such as the plugins in
// /pidgin/plugins/loaded.
func (p Prefs) List(path string) []string {
	if pref, ok := p.Lookup(path); ok && pref.isList() {
		return pref.List
	}
	return nil
}

func (p Pref) isList() bool { return p.Type == "pathlist" || p.Type == "stringlist" }

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
	r.add(Pref{Path: "/" + strings.Join(r.stack, "/"), Type: kind, Value: value, Line: n.line, node: n})
}

var prefTypes = map[string]bool{"bool": true, "int": true, "string": true, "stringlist": true, "path": true, "pathlist": true}

func (r *prefsReader) add(pref Pref) {
	first := r.prefs.at[pref.Path]
	if !r.hasParent(pref.Path) || len(first) > 0 && r.prefs.all[first[0]].Type != pref.Type {
		return
	}
	if secretName(pref.Path) {
		pref.Value, pref.Secret = "", redact.New(pref.Value)
	}
	r.prefs.at[pref.Path] = append(r.prefs.at[pref.Path], len(r.prefs.all))
	r.prefs.all = append(r.prefs.all, pref)
}

// hasParent says whether libpurple would take a preference of that path: it
// makes no parents (find_pref_parent), and knows "/purple" before it reads.
func (r *prefsReader) hasParent(path string) bool {
	parent := path[:strings.LastIndexByte(path, '/')]
	return parent == "" || len(r.prefs.at[parent]) > 0 || strings.HasPrefix(path, "/purple/")
}

func (r *prefsReader) item(value string) {
	at := r.prefs.at["/"+strings.Join(r.stack, "/")]
	if len(at) == 0 {
		return
	}
	pref := &r.prefs.all[at[len(at)-1]]
	if pref.isList() {
		pref.List = append(pref.List, value)
	}
}
