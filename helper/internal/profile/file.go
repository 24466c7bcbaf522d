// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What can be wrong with a file before it is parsed; they stand in a FileError.
var (
	ErrSymlink    = errors.New("it is a symbolic link")
	ErrForeign    = errors.New("it belongs to another user")
	ErrNotRegular = errors.New("it is not a regular file")
	ErrTooLarge   = fmt.Errorf("it is larger than %d MiB", maxFileBytes>>20)
	ErrTooMany    = fmt.Errorf("the directory has more than %d entries", maxEntries)
)

// maxEntries bounds the listing; logs are the most numerous.
const maxEntries = 500_000

// readFile reads a regular file of bounded size. It opens without waiting, so
// that a FIFO does not hang it, and looks at what it opened, not at the name.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, ErrNotRegular
	case info.Size() > maxFileBytes:
		return nil, nil, ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = ErrTooLarge
	}
	return data, info, err
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

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
	d.Files = append(d.Files, File{filepath.ToSlash(rel), info.Mode(), ownerOf(info)})
	return nil
}
