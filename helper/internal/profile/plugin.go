// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// pluginPrefs are where Pidgin and Finch keep the plugins that they load.
var pluginPrefs = []string{"/pidgin/plugins/loaded", "/finch/plugins/loaded"}

// minimalPrefs is a prefs.xml that says nothing; libpurple's defaults stay.
const minimalPrefs = "<?xml version='1.0' encoding='UTF-8' ?>\n\n<pref version='1' name='/'>\n</pref>\n"

// enablePlugin adds the plugin to the lists of what is loaded.
func (j *job) enablePlugin() error {
	if j.Shim == "" {
		j.warn("the plugin is not installed here: these accounts will be refused until it is")
		return nil
	}
	if !filepath.IsAbs(j.Shim) {
		return fmt.Errorf("cannot enable the plugin: its path %q is not absolute", j.Shim)
	}
	data := j.prefs.old
	if !j.prefs.exists {
		data = seedPrefs()
	}
	out, undo, added, err := addPlugin(data, j.Shim)
	if err != nil {
		return fileError(j.prefs.path, err)
	}
	if len(added) == 0 {
		return nil
	}
	j.prefs.new, j.result.Prefs = out, added
	if j.record.Prefs == nil {
		j.record.Prefs = &prefsEnt{Created: !j.prefs.exists, Item: j.Shim}
	}
	p := j.record.Prefs
	p.Added = append(p.Added, added...)
	p.Undo = append(p.Undo, undo)
	j.touched = true
	return nil
}

// seedPrefs is what a new prefs.xml starts from: libpurple reads the system's
// only while the user has none.
func seedPrefs() []byte {
	if data, _, err := userfile.Read(SystemPrefs); err == nil {
		if _, err := parseXML(data); err == nil {
			return data
		}
	}
	return []byte(minimalPrefs)
}

func addPlugin(data []byte, shim string) (out []byte, undo []splice, added []string, err error) {
	root, err := parseXML(data)
	if err != nil {
		return nil, nil, nil, err
	}
	if name, _ := root.attr("name"); root.name != "pref" || name != "/" {
		return nil, nil, nil, &syntaxError{root.line, "its root is not <pref name='/'>"}
	}
	prefs := readPrefs(root)
	e := &editor{data: data}
	var missing []string
	for _, path := range pluginPrefs {
		if hasPlugin(prefs.List(path), shim) {
			continue
		}
		added = append(added, path)
		missing = append(missing, e.addItem(root, prefs, path, shim)...)
	}
	e.insert(root, missing...)
	out, undo, err = apply(data, e.edits)
	if err == nil {
		err = checkPlugin(prefs, out, added, shim)
	}
	return out, undo, added, err
}

// hasPlugin compares base names without suffix, as libpurple does when it
// loads the list (plugin.c, purple_plugins_load_saved).
func hasPlugin(list []string, shim string) bool {
	for _, path := range list {
		if pluginName(path) == pluginName(shim) {
			return true
		}
	}
	return false
}

func pluginName(path string) string {
	base := path[strings.LastIndexAny(path, `/\`)+1:]
	base, _, _ = strings.Cut(base, ".")
	return base
}

// addItem adds the plugin to one list, making the elements above it that are
// missing; what belongs directly below the root is given back.
func (e *editor) addItem(root *node, prefs Prefs, path, shim string) []string {
	item := "<item value='" + escape(shim) + "'/>"
	if list, ok := prefs.Lookup(path); ok {
		e.insert(list.node, item)
		return nil
	}
	names := strings.Split(path[1:], "/")
	above, have := root, 0
	for i := len(names) - 1; i > 0; i-- {
		if p, ok := prefs.Lookup("/" + strings.Join(names[:i], "/")); ok {
			above, have = p.node, i
			break
		}
	}
	sep, _ := e.indent(above)
	text := nest(names[have:], item, sep)
	if above == root {
		return []string{text}
	}
	e.insert(above, text)
	return nil
}

// nest writes pref elements inside each other, the last one a pathlist.
func nest(names []string, item, sep string) string {
	deeper := ""
	if sep != "" {
		deeper = sep + "\t"
	}
	if len(names) == 1 {
		return "<pref name='" + names[0] + "' type='pathlist'>" + deeper + item + sep + "</pref>"
	}
	return "<pref name='" + names[0] + "'>" + deeper + nest(names[1:], item, deeper) + sep + "</pref>"
}

// checkPlugin reads the outcome again: the lists have the plugin, and every
// other preference is as it was.
func checkPlugin(before Prefs, out []byte, added []string, shim string) error {
	root, err := parseXML(out)
	if err != nil {
		return err
	}
	after := readPrefs(root)
	for _, path := range added {
		if !hasPlugin(after.List(path), shim) {
			return fmt.Errorf("the plugin could not be added to %s", path)
		}
	}
	for _, p := range before.all {
		now, ok := after.Lookup(p.Path)
		was, _ := before.Lookup(p.Path)
		if !ok || now.Type != was.Type || now.Value != was.Value || !now.Secret.Equal(was.Secret) || len(now.List) < len(was.List) {
			return fmt.Errorf("an edit changed a preference that it should not")
		}
	}
	return nil
}

// disablePlugin takes out what enablePlugin added, once no account is
// protected any more. Until then the plugin has to be loaded. What cannot be
// taken out is left: a plugin without a protected account does nothing.
func (j *job) disablePlugin() error {
	p := j.record.Prefs
	if p == nil || len(j.record.Accounts) > 0 {
		return nil
	}
	j.record.Prefs, j.touched = nil, true
	if !j.prefs.exists {
		return nil
	}
	text, whole := j.prefs.old, true
	for i := len(p.Undo) - 1; i >= 0 && whole; i-- {
		text, whole = revert(text, p.Undo[i])
	}
	switch {
	case whole && p.Created && (bytes.Equal(text, seedPrefs()) || string(text) == minimalPrefs):
		j.prefs.deleted, j.result.Prefs = true, p.Added
	case whole:
		j.prefs.new, j.result.Prefs = text, p.Added
	default:
		j.removeItems(p)
	}
	return nil
}

func (j *job) removeItems(p *prefsEnt) {
	root, err := parseXML(j.prefs.old)
	if err != nil {
		j.warn("the plugin stays enabled: %v", fileError(j.prefs.path, err))
		return
	}
	prefs, e := readPrefs(root), &editor{data: j.prefs.old}
	for _, path := range p.Added {
		list, ok := prefs.Lookup(path)
		if !ok || !list.isList() {
			continue
		}
		for _, c := range list.node.children {
			if v, _ := c.attr("value"); c.name == "item" && v == p.Item {
				e.remove(c)
				j.result.Prefs = append(j.result.Prefs, path)
			}
		}
	}
	if out, _, err := apply(j.prefs.old, e.edits); err == nil {
		j.prefs.new = out
	}
}
