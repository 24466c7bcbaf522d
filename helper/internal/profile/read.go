// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// The files of a user directory that this package understands.
const (
	AccountsFile = "accounts.xml"
	PrefsFile    = "prefs.xml"
	BuddiesFile  = "blist.xml"
)

// SystemPrefs is what libpurple reads where prefs.xml is missing (prefs.c,
// purple_prefs_load). Debian installs one there.
const SystemPrefs = "/etc/purple/prefs.xml"

// Dir is a user directory as libpurple would load it.
type Dir struct {
	Path     string // as it was given
	Accounts []Account
	Prefs    Prefs
	Buddies  []Buddy
	Statuses []policy.Account // that have a status of their own in status.xml
	Files    []File           // everything in it, "." first; symbolic links are not followed
	Errors   []*FileError     // what could not be read; all the rest was
}

// File is a regular file, a directory or something else in a user directory.
type File struct {
	Path string      // relative to the user directory, with "/"; "." is itself
	Mode fs.FileMode // type and permissions
	UID  int         // owner; -1 where the system has none
}

// FileError says which file could not be read or edited, and where in it.
type FileError = userfile.Error

// Read reads a user directory. The error is not nil only where the directory
// itself is missing or cannot be listed; what is wrong inside is in Errors.
// A missing file is no error: libpurple starts with its defaults then.
func Read(path string) (*Dir, error) { return read(path, SystemPrefs) }

func read(path, systemPrefs string) (*Dir, error) {
	d := &Dir{Path: path}
	if err := d.list(); err != nil {
		return nil, fmt.Errorf("cannot read user directory: %w", err)
	}
	if root := d.parse(filepath.Join(path, AccountsFile)); root != nil {
		d.Accounts = readAccounts(root)
	}
	if root := d.parse(filepath.Join(path, BuddiesFile)); root != nil {
		d.Buddies = readBuddies(root)
	}
	if root := d.parse(filepath.Join(path, StatusFile)); root != nil {
		d.Statuses = readStatuses(root)
	}
	d.readPrefs(systemPrefs)
	return d, nil
}

func (d *Dir) readPrefs(systemPrefs string) {
	path := filepath.Join(d.Path, PrefsFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		path = systemPrefs
	}
	if root := d.parse(path); root != nil {
		d.Prefs = readPrefs(root)
		d.Prefs.Path = path
	}
}

// parse gives the root element, or nil where the file is missing or, with an
// error noted, cannot be understood.
func (d *Dir) parse(path string) *node {
	data, info, err := userfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) && !userfile.IsLink(path) {
		return nil
	}
	if err != nil {
		d.note(path, err)
		return nil
	}
	if err := d.wary(path, info); err != nil {
		d.note(path, err)
	}
	root, err := parseXML(data)
	if err != nil {
		d.note(path, err)
		return nil
	}
	return root
}

// wary names what libpurple reads all the same, and what a person should know:
// another user can change a file that is theirs, or where a link leads.
func (d *Dir) wary(path string, info fs.FileInfo) error {
	inside := filepath.Dir(path) == filepath.Clean(d.Path)
	if !inside {
		return nil
	}
	if userfile.IsLink(path) {
		return userfile.ErrSymlink
	}
	if uid := userfile.Owner(info); uid != os.Geteuid() && len(d.Files) > 0 && uid != d.Files[0].UID {
		return userfile.ErrForeign
	}
	return nil
}

// AccountsError says what is wrong with accounts.xml, if anything: what is to be
// done to accounts needs it whole.
func (d *Dir) AccountsError() error {
	for _, e := range d.Errors {
		if filepath.Base(e.Path) == AccountsFile {
			return e
		}
	}
	return nil
}

func (d *Dir) note(path string, err error) {
	d.Errors = append(d.Errors, fileError(path, err))
}

func fileError(path string, err error) *FileError {
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		return &FileError{Path: path, Line: syntax.line, Err: err}
	}
	return userfile.ErrorOf(path, err)
}
