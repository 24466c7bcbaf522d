// SPDX-License-Identifier: GPL-3.0-or-later

package userfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 16 << 20

// What can be wrong with a file before it is parsed.
var (
	ErrSymlink    = errors.New("it is a symbolic link")
	ErrForeign    = errors.New("it belongs to another user")
	ErrNotRegular = errors.New("it is not a regular file")
	ErrTooLarge   = fmt.Errorf("it is larger than %d MiB", MaxBytes>>20)
)

// Read reads a regular file of at most MaxBytes. It opens without waiting, so
// that a FIFO does not hang it, and looks at what it opened, not at the name.
func Read(path string) ([]byte, fs.FileInfo, error) { return read(path, os.O_RDONLY) }

// ReadOwn is Read of a file that is to be replaced: one that is not this user's,
// or a symbolic link, is refused.
func ReadOwn(path string) ([]byte, error) {
	if err := CheckOwn(path, false); err != nil {
		return nil, err
	}
	data, info, err := read(path, os.O_RDONLY|openNoFollow)
	if err == nil && Owner(info) != os.Geteuid() {
		return nil, ErrForeign // put there since
	}
	return data, err
}

func read(path string, flag int) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|openNonblock, 0)
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
	case info.Size() > MaxBytes:
		return nil, nil, ErrTooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(data) > MaxBytes {
		err = ErrTooLarge
	}
	return data, info, err
}

// IsLink says whether the path itself is a symbolic link.
func IsLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
