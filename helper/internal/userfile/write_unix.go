// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package userfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// Replace writes a file of mode 0600 in place of another: a temporary file
// in the same folder, fsync, rename, fsync of the folder. After an error the
// old file stands there, or, where only the last step failed, the new one.
func Replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := renameio.TempFile(dir, path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // after the rename it does nothing
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir has what was done in a folder survive a crash.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// CheckOwn refuses a file or folder that is a symbolic link or another user's.
func CheckOwn(path string, folder bool) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return ErrSymlink
	case folder && !info.IsDir():
		return errors.New("it is not a folder")
	case !folder && !info.Mode().IsRegular():
		return ErrNotRegular
	case Owner(info) != os.Geteuid():
		return ErrForeign
	}
	return nil
}

// MakeOwnDir makes a folder for this user alone.
func MakeOwnDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if err := CheckOwn(path, true); err != nil {
		return &fs.PathError{Op: "use", Path: path, Err: err}
	}
	return os.Chmod(path, 0o700)
}

// ErrLocked is that the lock was not to be had in time.
var ErrLocked = errors.New("another purple-onion is writing it")

// Lock takes an exclusive lock on a file that is there for nothing else, and
// waits for it at most so long; the caller closes the file to let it go.
func Lock(path string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|openNoFollow|openNonblock, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, err
		}
		if time.Now().After(end) {
			f.Close()
			return nil, ErrLocked
		}
	}
}
