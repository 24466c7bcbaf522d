// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// BackupDir is where backups stand, inside the user directory.
const BackupDir = "purple-onion/backup"

// keptBackups is how many are kept of each file.
const keptBackups = 10

const backupNote = "<!-- purple-onion's backup: stored passwords, and comments that speak of one, were left out -->"

// backupTime sorts as text in the order of time.
const backupTime = "20060102T150405.000000000Z"

// backup keeps a copy of a file before it is changed, without its passwords,
// and gives the copy's path.
func backup(userDir, name string, data []byte, now time.Time) (string, error) {
	dir := filepath.Join(userDir, filepath.FromSlash(BackupDir))
	copied, err := withoutSecrets(data)
	if err != nil {
		return "", err
	}
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := checkNotLink(d); err != nil {
			return "", err
		}
	}
	if err := userfile.MakeOwnDir(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+"."+now.UTC().Format(backupTime))
	if err := userfile.Replace(path, copied); err != nil {
		return "", err
	}
	return path, prune(dir, name)
}

func checkNotLink(path string) error {
	if userfile.IsLink(path) {
		return &os.PathError{Op: "use", Path: path, Err: userfile.ErrSymlink}
	}
	return nil
}

// prune removes the oldest backups of a file.
func prune(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), name+".")
		if _, err := time.Parse(backupTime, stamp); ok && err == nil {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	for len(names) > keptBackups {
		if err := os.Remove(filepath.Join(dir, names[0])); err != nil {
			return err
		}
		names = names[1:]
	}
	return nil
}

// withoutSecrets is a document with the text of every password element, the
// value of every preference and setting whose name looks like a secret's, and
// every comment that names one taken out.
func withoutSecrets(data []byte) ([]byte, error) {
	p := &parser{data: data, line: 1}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	e := &editor{data: data}
	for _, c := range p.comments {
		if secretName(string(data[c[0]:c[1]])) {
			e.replace(c[0], c[1], "")
		}
	}
	e.hide(root, "")
	at := root.start
	e.replace(at, at, backupNote+"\n")
	out, _, err := apply(data, e.edits)
	return out, err
}

func (e *editor) hide(n *node, path string) {
	name, _ := n.attr("name")
	path += "/" + name
	secret := secretName(n.name) || secretName(path)
	if secret && n.innerE > n.innerStart && (n.text.Len() > 0 || len(n.children) > 0) {
		e.dropWithin(n.innerStart, n.innerE)
		e.replace(n.innerStart, n.innerE, "")
		return
	}
	if value, ok := n.attr("value"); secret && ok && value != "" {
		e.setValue(n, "")
	}
	for _, c := range n.children {
		e.hide(c, path)
	}
}

// dropWithin forgets edits of comments inside what is taken out whole.
func (e *editor) dropWithin(from, to int) {
	kept := e.edits[:0]
	for _, s := range e.edits {
		if s.At < from || s.At >= to {
			kept = append(kept, s)
		}
	}
	e.edits = kept
}
