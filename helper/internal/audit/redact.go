// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
)

// Redacted gives the report with tags for names, paths and proxy hosts, to be
// shown to somebody else. A tag is a number by first appearance ("account-2"):
// the same at each run on the same accounts, and nothing to calculate a name
// from. A hash would not do: addresses are few enough to try them all.
func (r *Report) Redacted() *Report {
	t := &tagger{tags: map[string]string{}, numbers: map[string]int{}}
	for _, path := range r.asked {
		t.userDir(path)
	}
	out := *r
	out.UserDirs = nil
	for _, d := range r.UserDirs {
		out.UserDirs = append(out.UserDirs, t.dir(d))
	}
	if out.UserDirs == nil {
		out.UserDirs = []UserDir{}
	}
	out.Findings = []Finding{}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, t.finding(f))
	}
	out.Errors = []Problem{}
	for _, p := range r.Errors {
		p.Path = t.path(p.Path)
		p.Message = t.text(p.Message)
		out.Errors = append(out.Errors, p)
	}
	return &out
}

// tagger remembers which text got which tag. Kinds have numbers of their own.
type tagger struct {
	tags    map[string]string // kind, NUL, text
	numbers map[string]int
	dirs    []string
	pairs   [][2]string // what is replaced in sentences and commands
}

func (t *tagger) tag(kind, text string) string {
	key := kind + "\x00" + text
	if _, ok := t.tags[key]; !ok {
		t.numbers[kind]++
		t.tags[key] = fmt.Sprintf("%s-%d", kind, t.numbers[kind])
	}
	return t.tags[key]
}

func (t *tagger) userDir(path string) string {
	if path == "" {
		return ""
	}
	tag := t.tag("user-dir", path)
	t.dirs = append(t.dirs, path)
	t.hide(path, tag)
	return tag
}

func (t *tagger) hide(text, tag string) {
	t.pairs = append(t.pairs, [2]string{quote(text), tag}, [2]string{text, tag})
}

func (t *tagger) dir(d UserDir) UserDir {
	out := UserDir{Path: t.userDir(d.Path), Accounts: []Account{}}
	for _, a := range d.Accounts {
		tag := t.tag("account", a.Name)
		t.hide(a.Protocol+":"+a.Name, a.Protocol+":"+tag)
		a.Name = tag
		if a.Proxy.Host != "" && !loopback(a.Proxy.Host) {
			a.Proxy.Host = t.tag("host", a.Proxy.Host)
		}
		out.Accounts = append(out.Accounts, a)
	}
	return out
}

func (t *tagger) finding(f Finding) Finding {
	subjects := []string{}
	for _, s := range f.Subjects {
		if rel, ok := strings.CutPrefix(s, "file:"); ok {
			tag := t.relative(rel)
			t.hide(filepath.Join(f.UserDir, filepath.FromSlash(rel)), t.userDir(f.UserDir)+"/"+tag)
			subjects = append(subjects, "file:"+tag)
			continue
		}
		subjects = append(subjects, t.text(s))
	}
	sort.Strings(subjects)
	f.Subjects = subjects
	f.Message, f.Remedy = t.text(f.Message), t.text(f.Remedy)
	f.UserDir = t.userDir(f.UserDir)
	return f
}

// text replaces all that is known, the longest first.
func (t *tagger) text(s string) string {
	sort.SliceStable(t.pairs, func(i, j int) bool { return len(t.pairs[i][0]) > len(t.pairs[j][0]) })
	var flat []string
	for _, p := range t.pairs {
		flat = append(flat, p[0], p[1])
	}
	return strings.NewReplacer(flat...).Replace(s)
}

// path hides where a file is, and keeps what it is.
func (t *tagger) path(path string) string {
	for _, d := range t.dirs {
		if path == d {
			return t.userDir(d)
		}
		if rel, err := filepath.Rel(d, path); err == nil && filepath.IsLocal(rel) {
			return t.userDir(d) + "/" + t.relative(filepath.ToSlash(rel))
		}
	}
	if strings.HasPrefix(path, "/etc/") {
		return path
	}
	return t.tag("path", path)
}

// plainNames are the parts of a path that say nothing about a person.
var plainNames = map[string]bool{
	"accounts.xml": true, "prefs.xml": true, "blist.xml": true, "status.xml": true, "pounces.xml": true, "xmpp-caps.xml": true,
	"otr.private_key": true, "otr.fingerprints": true, "otr.instance_tags": true, "otr.max_message_size": true,
	"logs": true, "jabber": true, "irc": true, "icons": true, "smileys": true, "plugins": true, "backup": true, "purple-onion": true,
	"certificates": true, "x509": true, "tls_peers": true, "ca": true, ".": true,
}

func (t *tagger) relative(rel string) string {
	parts := strings.Split(rel, "/")
	for i, p := range parts {
		if !plainNames[p] {
			parts[i] = t.tag("name", p)
		}
	}
	return strings.Join(parts, "/")
}
