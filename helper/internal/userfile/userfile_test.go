// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package userfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestReplaceAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "two, longer", ""} {
		if err := Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		data, err := ReadOwn(path)
		info, err2 := os.Stat(path)
		if err != nil || err2 != nil || string(data) != text || info.Mode() != 0o600 {
			t.Errorf("%q, mode %v, %v, %v", data, info.Mode(), err, err2)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// TestReadOwnRefuses holds what is to be replaced against what is only read.
func TestReadOwnRefuses(t *testing.T) {
	dir := t.TempDir()
	file, link, fifo := filepath.Join(dir, "f"), filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Symlink(file, link), syscall.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadOwn(link); !errors.Is(err, ErrSymlink) {
		t.Errorf("link: %v", err)
	}
	if _, _, err := Read(link); err != nil {
		t.Errorf("a link is read: %v", err)
	}
	if _, err := ReadOwn(fifo); !errors.Is(err, ErrNotRegular) {
		t.Errorf("FIFO: %v", err)
	}
	if _, err := ReadOwn("/proc/1/status"); os.Geteuid() != 0 && !errors.Is(err, ErrForeign) {
		t.Errorf("another's file: %v", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path, 0); !errors.Is(err, ErrLocked) {
		t.Errorf("taken twice: %v", err)
	}
	first.Close()
	second, err := Lock(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}
