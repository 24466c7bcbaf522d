// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// elements gives each account element of accounts.xml that libpurple loads.
func elements(root *node) map[policy.Account]*node {
	found := map[policy.Account]*node{}
	for _, n := range root.children {
		if n.name != "account" {
			continue
		}
		if name, ok := accountName(n); ok {
			found[name] = n
		}
	}
	return found
}

// editAccount carries changes out on one account element.
func (e *editor) editAccount(n *node, changes []Change) {
	var added []string // children that the account does not have yet
	var settings []string
	gone := map[*node]bool{}
	for _, c := range changes {
		switch {
		case c.Name == ProxyChange:
			added = append(added, e.setProxy(n, c.NewProxy)...)
		case !c.New.Present:
			for _, s := range settingNodes(n, c.Name) {
				gone[s] = true
			}
		default:
			settings = append(settings, e.setSetting(n, c.Name, c.New)...)
		}
	}
	e.removeSettings(n, gone, len(settings) == 0)
	if len(settings) > 0 {
		if own := ownSettings(n); own != nil {
			e.insert(own, settings...)
		} else {
			added = append(added, e.element(n, "settings", settings))
		}
	}
	e.insert(n, added...)
}

// element writes a new child of n that has children itself.
func (e *editor) element(n *node, name string, children []string) string {
	sep, _ := e.indent(n)
	text := "<" + name + ">"
	for _, c := range children {
		if sep != "" {
			text += sep + "\t"
		}
		text += c
	}
	return text + sep + "</" + name + ">"
}

// setProxy gives the proxy element that the account needs and does not have.
func (e *editor) setProxy(n *node, p *Proxy) []string {
	have := n.child("proxy")
	if p == nil {
		e.removeChildren(n, "proxy")
		return nil
	}
	fields := [][2]string{{"type", p.Type}, {"host", p.Host}, {"port", ""}, {"username", p.User}, {"password", p.Password.Reveal()}}
	if p.RawType != "" {
		fields[0][1] = p.RawType
	}
	if p.Port != 0 {
		fields[2][1] = strconv.Itoa(p.Port)
	}
	if have == nil {
		have = &node{name: "proxy"}
		return []string{e.element(n, "proxy", e.setFields(have, fields))}
	}
	e.insert(have, e.setFields(have, fields)...)
	return nil
}

func (e *editor) setFields(proxy *node, fields [][2]string) []string {
	var missing []string
	for _, f := range fields {
		if _, stands := proxy.childText(f[0]); f[1] == "" && stands {
			e.removeChildren(proxy, f[0])
		} else if f[1] != "" {
			missing = append(missing, e.setChild(proxy, f[0], f[1])...)
		}
	}
	return missing
}

// ownSettings is the last settings element that is not a user interface's:
// what stands there wins.
func ownSettings(n *node) *node {
	var last *node
	for _, c := range n.children {
		if _, ui := c.attr("ui"); c.name == "settings" && !ui {
			last = c
		}
	}
	return last
}

// settingNodes are the elements of one setting, of which the last is taken.
func settingNodes(n *node, name string) []*node {
	var list []*node
	for _, c := range n.children {
		if _, ui := c.attr("ui"); c.name != "settings" || ui {
			continue
		}
		for _, s := range c.children {
			if key, _, ok := readSetting(s); ok && key == name {
				list = append(list, s)
			}
		}
	}
	return list
}

// setSetting gives the setting element that the account needs and does not
// have.
func (e *editor) setSetting(n *node, name string, v Value) []string {
	whole := fmt.Sprintf("<setting name='%s' type='%s'>%s</setting>", escape(name), v.Type, escape(v.Text))
	nodes := settingNodes(n, name)
	if len(nodes) == 0 {
		return []string{whole}
	}
	last := nodes[len(nodes)-1]
	if kind, _ := last.attr("type"); kind == v.Type {
		e.setText(last, v.Text)
	} else {
		e.replace(last.start, last.end, whole)
	}
	return nil
}

// removeSettings takes settings out, and where nothing is left of a settings
// element that too: libpurple writes none, and an empty one is not without
// effect (migrate).
func (e *editor) removeSettings(n *node, gone map[*node]bool, whole bool) {
	for _, c := range n.children {
		var own []*node
		for _, s := range c.children {
			if gone[s] {
				own = append(own, s)
			}
		}
		if whole && len(own) > 0 && len(own) == len(c.children) && e.onlyChildren(c) {
			e.remove(c)
			continue
		}
		for _, s := range own {
			e.remove(s)
		}
	}
}

// onlyChildren says whether an element has nothing but children and space.
func (e *editor) onlyChildren(n *node) bool {
	at := n.innerStart
	for _, c := range n.children {
		if len(bytes.TrimSpace(e.data[at:c.start])) > 0 {
			return false
		}
		at = c.end
	}
	return len(bytes.TrimSpace(e.data[at:n.innerE])) == 0
}

// edited is what became of one account element.
type edited struct {
	account policy.Account
	undo    []splice // offsets in the new element
}

// edit changes accounts of accounts.xml, or where reverted has one's bytes of
// before puts these there, which must come to the same. It checks the outcome
// by reading it again: those named have their new values, and all others are as
// they were.
func edit(data []byte, changes map[policy.Account][]Change, reverted map[policy.Account][]byte) ([]byte, []edited, error) {
	root, err := parseXML(data)
	if err != nil {
		return nil, nil, err
	}
	whole := &editor{data: data}
	var done []edited
	for account, n := range elements(root) {
		old := data[n.start:n.end]
		if text := reverted[account]; text != nil {
			whole.replace(n.start, n.end, string(text))
			continue
		}
		if len(changes[account]) == 0 {
			continue
		}
		e := &editor{data: data}
		e.editAccount(n, changes[account])
		for i := range e.edits {
			e.edits[i].At -= n.start
		}
		text, undo, err := apply(old, e.edits)
		if err != nil {
			return nil, nil, err
		}
		whole.replace(n.start, n.end, string(text))
		done = append(done, edited{account, undo})
	}
	out, _, err := apply(data, whole.edits)
	if err != nil {
		return nil, nil, err
	}
	return out, done, check(root, out, changes)
}

// check holds what edit promises.
func check(before *node, out []byte, changes map[policy.Account][]Change) error {
	root, err := parseXML(out)
	if err != nil {
		return fmt.Errorf("an edit broke it: %w", err)
	}
	old, now := readAccounts(before), readAccounts(root)
	if len(old) != len(now) {
		return fmt.Errorf("an edit changed the number of accounts")
	}
	for i := range old {
		if err := checkOne(old[i], now[i], changes); err != nil {
			return err
		}
	}
	return nil
}

func checkOne(old, now Account, changes map[policy.Account][]Change) error {
	list, edited := changes[old.Account]
	old.Line, now.Line = 0, 0
	if !edited {
		if !same(old, now) {
			return fmt.Errorf("an edit changed an account that it should not")
		}
		return nil
	}
	old.Settings, now.Settings = written(old.Settings), written(now.Settings)
	for _, c := range list {
		if c.Name == ProxyChange {
			old.Proxy = c.NewProxy
			continue
		}
		delete(old.Settings, c.Name)
		if c.New.Present {
			old.Settings[c.Name] = Setting{Type: c.New.Type, Value: c.New.Text}
		}
	}
	if !same(old, now) {
		return fmt.Errorf("an edit did not give the account its new settings")
	}
	return nil
}

// written copies the settings that stand in the file.
func written(settings map[string]Setting) map[string]Setting {
	out := map[string]Setting{}
	for name, s := range settings {
		if !s.Migrated {
			out[name] = s
		}
	}
	return out
}

// same compares what libpurple would load.
func same(a, b Account) bool {
	return a.Account == b.Account && a.Enabled == b.Enabled && a.PasswordStored == b.PasswordStored && a.Twice == b.Twice &&
		sameProxy(a.Proxy, b.Proxy) && sameSettings(a.Settings, b.Settings) && reflect.DeepEqual(keys(a.UI), keys(b.UI))
}

func keys(ui map[string]map[string]Setting) map[string]map[string]Value {
	out := map[string]map[string]Value{}
	for name, settings := range ui {
		out[name] = map[string]Value{}
		for key, s := range settings {
			out[name][key] = Value{true, s.Type, s.Value + s.Secret.Reveal()}
		}
	}
	return out
}

func sameSettings(a, b map[string]Setting) bool {
	if len(a) != len(b) {
		return false
	}
	for name, s := range a {
		t, ok := b[name]
		if !ok || s.Type != t.Type || s.Type != "bool" && s.Value != t.Value || s.Bool() != t.Bool() || !s.Secret.Equal(t.Secret) {
			return false
		}
	}
	return true
}

func sameProxy(a, b *Proxy) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.Host == b.Host && a.Port == b.Port && a.User == b.User && a.Password.Equal(b.Password)
}
