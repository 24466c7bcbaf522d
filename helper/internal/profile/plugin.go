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

// editPrefs adds the plugin to the lists of what is loaded, and sets off what
// asks the network for the computer's address.
func (j *job) editPrefs() error {
	if j.Shim == "" {
		j.warn("the plugin is not installed here: these accounts will be refused until it is")
	} else if !filepath.IsAbs(j.Shim) {
		return fmt.Errorf("cannot enable the plugin: its path %q is not absolute", j.Shim)
	}
	data := j.prefs.old
	if !j.prefs.exists {
		data = seedPrefs()
	}
	edit, err := prefsForProtection(data, j.Shim)
	if err != nil {
		return fileError(j.prefs.path, err)
	}
	if len(edit.undo) == 0 {
		return nil
	}
	j.prefs.new, j.result.Prefs = edit.out, append(edit.added, edit.stopped...)
	if j.record.Prefs == nil {
		j.record.Prefs = &prefsEnt{Created: !j.prefs.exists}
	}
	p := j.record.Prefs
	if len(edit.added) > 0 {
		p.Item = j.Shim
	}
	p.Added = append(p.Added, edit.added...)
	p.Undo = append(p.Undo, edit.undo)
	j.record.keepProbes(edit.probes)
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

// prefsEdit is what protection makes of a prefs.xml.
type prefsEdit struct {
	out     []byte
	undo    []splice
	added   []string         // lists that the plugin was added to
	stopped []string         // preferences that were set off
	probes  map[string]Value // ... and what they were
}

// prefsForProtection adds the plugin, where there is one, to the lists that
// lack it, and sets off what asks the network.
func prefsForProtection(data []byte, shim string) (prefsEdit, error) {
	root, err := parseXML(data)
	if err != nil {
		return prefsEdit{}, err
	}
	if name, _ := root.attr("name"); root.name != "pref" || name != "/" {
		return prefsEdit{}, &syntaxError{root.line, "its root is not <pref name='/'>"}
	}
	prefs := readPrefs(root)
	e, edit := &editor{data: data}, prefsEdit{probes: prefs.Probes()}
	edit.stopped = e.setProbes(prefs, off(edit.probes))
	var missing []string
	for _, path := range pluginPrefs {
		if shim == "" || hasPlugin(prefs.List(path), shim) {
			continue
		}
		edit.added = append(edit.added, path)
		missing = append(missing, e.addItem(root, prefs, path, shim)...)
	}
	e.insert(root, missing...)
	edit.out, edit.undo, err = apply(data, e.edits)
	if err == nil {
		err = edit.check(prefs, shim)
	}
	return edit, err
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

// check reads the outcome again: the lists have the plugin, nothing asks the
// network, and every other preference is as it was.
func (edit prefsEdit) check(before Prefs, shim string) error {
	root, err := parseXML(edit.out)
	if err != nil {
		return err
	}
	after := readPrefs(root)
	for _, path := range edit.added {
		if !hasPlugin(after.List(path), shim) {
			return fmt.Errorf("the plugin could not be added to %s", path)
		}
	}
	if left := after.Probes(); len(left) > 0 {
		return fmt.Errorf("a preference that asks the network could not be set off")
	}
	for _, p := range before.all {
		now, ok := after.Lookup(p.Path)
		was, _ := before.Lookup(p.Path)
		if _, stopped := edit.probes[p.Path]; stopped {
			was.Value = now.Value
		}
		if !ok || now.Type != was.Type || now.Value != was.Value || !now.Secret.Equal(was.Secret) || len(now.List) < len(was.List) {
			return fmt.Errorf("an edit changed a preference that it should not")
		}
	}
	return nil
}

// givePrefsBack takes back what editPrefs did, once no account is protected any
// more. Until then the plugin has to be loaded. What cannot be taken out is
// left: a plugin without a protected account does nothing.
func (j *job) givePrefsBack() error {
	p := j.record.Prefs
	if p == nil || len(j.record.Accounts) > 0 {
		return nil
	}
	j.record.Prefs, j.touched = nil, true
	if !j.prefs.exists {
		return nil
	}
	text, whole := j.prefs.old, len(p.Undo) > 0
	for i := len(p.Undo) - 1; i >= 0 && whole; i-- {
		text, whole = revert(text, p.Undo[i])
	}
	switch {
	case whole && p.Created && (bytes.Equal(text, seedPrefs()) || string(text) == minimalPrefs):
		j.prefs.deleted, j.result.Prefs = true, append(p.Added, sortedPaths(p.Probes)...)
		return nil
	case whole:
		j.result.Prefs = append(p.Added, sortedPaths(p.Probes)...)
	default:
		text = j.removeItems(p)
	}
	out, changed, err := giveProbesBack(text, p.Probes)
	if err != nil {
		return fileError(j.prefs.path, err)
	}
	if j.prefs.new = out; !whole {
		j.result.Prefs = append(j.result.Prefs, changed...)
	}
	return nil
}

// removeItems gives prefs.xml without the plugin where protection added it.
func (j *job) removeItems(p *prefsEnt) []byte {
	root, err := parseXML(j.prefs.old)
	if err != nil {
		j.warn("the preferences stay as they are: %v", fileError(j.prefs.path, err))
		return j.prefs.old
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
	out, _, err := apply(j.prefs.old, e.edits)
	if err != nil {
		return j.prefs.old
	}
	return out
}
