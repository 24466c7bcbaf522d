// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// commit writes what was planned: backups, then prefs.xml, record and
// accounts.xml. After a crash in between, at worst
//   - the plugin is enabled and nothing else was done,
//   - or the record has a level that the account does not have (protect), or
//     the other way about (release, where accounts.xml comes before the
//     record): they disagree, the account is blocked, and the same command
//     given again settles it.
//
// So at no point does an account that was or is to be protected connect
// without its protection. After an error what was written is put back.
func (j *job) commit() error {
	for _, f := range []file{j.accounts, j.prefs} {
		if err := j.keep(f); err != nil {
			return err
		}
	}
	if err := j.stillAsRead(); err != nil {
		return err
	}
	return j.write()
}

func (j *job) write() error {
	steps := []func() (undo func() error, err error){j.writePrefs, j.writeRecord, j.writeAccounts}
	if j.giveBack {
		steps = []func() (func() error, error){j.writeAccounts, j.writeRecord, j.writePrefs}
	}
	var undo []func() error
	for _, step := range steps {
		back, err := step()
		if err == nil {
			undo = append(undo, back)
			continue
		}
		for i := len(undo) - 1; i >= 0; i-- {
			if again := undo[i](); again != nil {
				return fmt.Errorf("%w; putting back what was written before it failed too: %w", err, again)
			}
		}
		return err
	}
	return nil
}

// keep makes the backup of a file that is about to change.
func (j *job) keep(f file) error {
	if !f.exists || !f.changed() {
		return nil
	}
	path, err := backup(j.UserDir, filepath.Base(f.path), f.old, j.now)
	if err != nil {
		return fmt.Errorf("cannot back up %s: %w", f.path, err)
	}
	j.result.Backups = append(j.result.Backups, path)
	return nil
}

// stillAsRead looks again, just before writing, for a program that started or
// a file that changed.
func (j *job) stillAsRead() error {
	if err := j.mayEdit(); err != nil {
		return err
	}
	for _, f := range []file{j.accounts, j.prefs} {
		now, err := readOwn(f.path)
		if err != nil {
			return err
		}
		if now.exists != f.exists || !bytes.Equal(now.old, f.old) {
			return fileError(f.path, errChanged)
		}
	}
	return nil
}

func (j *job) writeAccounts() (func() error, error) { return j.accounts.write() }
func (j *job) writePrefs() (func() error, error)    { return j.prefs.write() }

// write carries a file's change out, and gives what takes it back.
func (f file) write() (func() error, error) {
	if !f.changed() {
		return func() error { return nil }, nil
	}
	var err error
	if f.deleted {
		if err = os.Remove(f.path); err == nil {
			err = userfile.SyncDir(filepath.Dir(f.path))
		}
	} else {
		err = userfile.Replace(f.path, f.new)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", f.path, err)
	}
	return f.putBack, nil
}

func (f file) putBack() error {
	if !f.exists {
		return os.Remove(f.path)
	}
	return userfile.Replace(f.path, f.old)
}

func (j *job) writeRecord() (func() error, error) {
	if !j.touched {
		return func() error { return nil }, nil
	}
	before, err := loadRecord(j.recPath)
	if err == nil {
		err = writeRecord(j.recPath, j.record)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the record %s: %w", j.recPath, err)
	}
	return func() error { return writeRecord(j.recPath, before) }, nil
}
