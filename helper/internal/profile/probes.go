// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"maps"
	"slices"
)

// probePrefs are the preferences by which libpurple asks the network for the
// computer's address (network.c): at its start, before any plugin runs, and
// past every proxy. off is the value that asks nothing. One that stands in no
// file is off: so libpurple has it since 2.14.5.
var probePrefs = []struct{ path, kind, off string }{
	{"/purple/network/auto_ip", "bool", "0"},
	{"/purple/network/map_ports", "bool", "0"},
	{"/purple/network/stun_server", "string", ""},
	{"/purple/network/turn_server", "string", ""},
}

func probing(v Value) bool {
	return v.Present && (v.Type == "bool" && atoi(v.Text) != 0 || v.Type == "string" && v.Text != "")
}

// Probes gives the preferences that have libpurple ask the network for the
// computer's address, with their values, by path.
func (p Prefs) Probes() map[string]Value {
	found := map[string]Value{}
	for _, t := range probePrefs {
		if pref, ok := p.Lookup(t.path, t.kind); ok {
			if v := (Value{true, t.kind, pref.Value}); probing(v) {
				found[t.path] = v
			}
		}
	}
	return found
}

// keepProbes notes the values that are about to be set off. The newest counts:
// one that was set while an account was protected is the user's wish, too.
func (c *content) keepProbes(values map[string]Value) {
	if len(values) == 0 {
		return
	}
	if c.Prefs == nil {
		c.Prefs = &prefsEnt{}
	}
	if c.Prefs.Probes == nil {
		c.Prefs.Probes = map[string]Value{}
	}
	maps.Copy(c.Prefs.Probes, values)
}

// forgetProbes is after their values were given back in a running program. What
// the file was byte for byte is no longer what it is to be.
func (c *content) forgetProbes() {
	if c.Prefs == nil {
		return
	}
	c.Prefs.Probes, c.Prefs.Undo = nil, nil
	if len(c.Prefs.Added) == 0 {
		c.Prefs = nil
	}
}

// Probes says what a running program sets of the preferences that ask the
// network for the computer's address, given what they are now: off while an
// account is protected, else what they were before. Off is noted in the record
// first. The caller saves it where changed.
func (r *Record) Probes(now map[string]Value) (set map[string]Value, changed bool, err error) {
	protected, before, err := r.probes()
	if err != nil {
		return nil, false, err
	}
	set, keep := map[string]Value{}, map[string]Value{}
	for _, t := range probePrefs {
		v, old := now[t.path], before[t.path]
		if v.Type != t.kind {
			continue
		}
		if protected && probing(v) {
			set[t.path] = Value{true, t.kind, t.off}
			if v != old {
				keep[t.path] = v
			}
		} else if !protected && !probing(v) && probing(old) {
			if set[t.path] = old; t.kind == "bool" {
				set[t.path] = yes(true)
			}
		}
	}
	switch {
	case len(keep) > 0:
		return set, true, r.do(func(c *content) { c.keepProbes(keep) })
	case !protected && len(before) > 0:
		return set, true, r.do((*content).forgetProbes)
	}
	return set, false, nil
}

// probes says whether an account is protected, and the values of before.
func (r *Record) probes() (protected bool, before map[string]Value, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return false, nil, fmt.Errorf("cannot read the record %s: %w", r.path, r.err)
	}
	if r.content.Prefs != nil {
		before = maps.Clone(r.content.Prefs.Probes)
	}
	return len(r.content.Accounts) > 0, before, nil
}

// setProbes edits the preferences that are there to these values, and gives
// the paths of those that changed.
func (e *editor) setProbes(prefs Prefs, values map[string]Value) []string {
	var changed []string
	for _, t := range probePrefs {
		v, wanted := values[t.path]
		pref, found := prefs.Lookup(t.path, t.kind)
		if wanted && found && pref.Value != v.Text && e.setValue(pref.node, v.Text) {
			changed = append(changed, t.path)
		}
	}
	return changed
}

// sortedPaths are the paths of values.
func sortedPaths(values map[string]Value) []string { return slices.Sorted(maps.Keys(values)) }

// off gives the same preferences' values that ask nothing.
func off(probes map[string]Value) map[string]Value {
	out := map[string]Value{}
	for _, t := range probePrefs {
		if _, ok := probes[t.path]; ok {
			out[t.path] = Value{true, t.kind, t.off}
		}
	}
	return out
}

// giveProbesBack puts values of before where nobody set others meanwhile.
func giveProbesBack(data []byte, before map[string]Value) ([]byte, []string, error) {
	root, err := parseXML(data)
	if err != nil {
		return nil, nil, err
	}
	prefs, back := readPrefs(root), maps.Clone(before)
	for path := range prefs.Probes() {
		delete(back, path)
	}
	e := &editor{data: data}
	changed := e.setProbes(prefs, back)
	out, _, err := apply(data, e.edits)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot give preferences back: %w", err)
	}
	return out, changed, nil
}
