// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
)

// keyFile is GLib's key file format, as far as GKeyFile writes it by itself:
// groups, keys, values with \s \n \t \r \\ escaped. Both sides read it with
// what they have, so that the shim needs no parser of its own for JSON.
type keyFile struct {
	groups map[string]map[string]string
	out    strings.Builder
}

var unescape = strings.NewReplacer(`\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`)

// escape hides leading spaces too: GKeyFile strips them.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`)

// parseKeyFile reads a request. A line that is neither group nor key is an
// error; later keys replace earlier ones, as in GKeyFile.
func parseKeyFile(text string) (*keyFile, error) {
	k := &keyFile{groups: map[string]map[string]string{}}
	group := map[string]string(nil)
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		switch name, value, found := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			group = k.groups[line[1:len(line)-1]]
			if group == nil {
				group = map[string]string{}
				k.groups[line[1:len(line)-1]] = group
			}
		case found && group != nil:
			group[strings.TrimSpace(name)] = unescape.Replace(strings.TrimLeft(value, " \t"))
		default:
			return nil, fmt.Errorf("cannot read line %d of a key file", i+1)
		}
	}
	return k, nil
}

func (k *keyFile) get(group, key string) (string, bool) {
	v, ok := k.groups[group][key]
	return v, ok
}

// group and set write an answer.
func (k *keyFile) group(name string) { fmt.Fprintf(&k.out, "[%s]\n", name) }

func (k *keyFile) set(key, value string) {
	value = strings.ToValidUTF8(strings.ReplaceAll(value, "\x00", ""), "\uFFFD")
	trimmed := strings.TrimLeft(value, " ")
	lead := strings.Repeat(`\s`, len(value)-len(trimmed))
	fmt.Fprintf(&k.out, "%s=%s%s\n", key, lead, escape.Replace(trimmed))
}

func (k *keyFile) String() string { return k.out.String() }
