// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// ErrTooMany is that a user directory holds more than anyone's does; it stands
// in a FileError.
var ErrTooMany = fmt.Errorf("the directory has more than %d entries", maxEntries)

// maxEntries bounds the listing; logs are the most numerous.
const maxEntries = 500_000

// list fills Files. What it may not look into is noted, not passed over.
func (d *Dir) list() error {
	root, err := filepath.EvalSymlinks(d.Path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(root); err != nil {
		return err
	} else if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: d.Path, Err: errors.New("not a directory")}
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if path == root {
				return err
			}
			d.note(path, err)
			return nil
		}
		if len(d.Files) >= maxEntries {
			d.note(d.Path, ErrTooMany)
			return filepath.SkipAll
		}
		return d.listOne(root, path, entry)
	})
}

func (d *Dir) listOne(root, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since it was listed
	}
	if err != nil {
		d.note(path, err)
		return nil
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	d.Files = append(d.Files, File{filepath.ToSlash(rel), info.Mode(), userfile.Owner(info)})
	return nil
}
