// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package profile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

func TestHostileFilesAreErrorsAndChangeNothing(t *testing.T) {
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			o := options(t, t.TempDir())
			put(t, o.UserDir, AccountsFile, c.text)
			d, err := read(o.UserDir, "")
			if err != nil || len(d.Errors) != 1 || d.Errors[0].Line != c.line {
				t.Fatalf("%v %v", err, d.Errors)
			}
			if !strings.Contains(d.Errors[0].Error(), filepath.Join(o.UserDir, AccountsFile)) {
				t.Errorf("%v does not name the file", d.Errors[0])
			}
			var fe *FileError
			if _, err := Protect(o); ExitCode(err) != 3 || !errors.As(err, &fe) || fe.Line != c.line {
				t.Errorf("protect: %v", err)
			}
			untouched(t, o, c.text)
		})
	}
}

func TestTheRestIsRead(t *testing.T) {
	dir := sample(t, "sample")
	put(t, dir, AccountsFile, "<account>")
	d, err := read(dir, "")
	if err != nil || len(d.Errors) != 1 || len(d.Buddies) != 1 || d.Prefs.String("/purple/proxy/type", "") != "tor" {
		t.Errorf("%v %+v", err, d)
	}
}

func TestUnusualFiles(t *testing.T) {
	other := t.TempDir()
	put(t, other, "real.xml", "<account>\n</account>")
	for name, c := range map[string]struct {
		make func(path string) error
		want error
	}{
		"symlink":          {func(p string) error { return os.Symlink(filepath.Join(other, "real.xml"), p) }, userfile.ErrSymlink},
		"dangling symlink": {func(p string) error { return os.Symlink("/nowhere/x", p) }, os.ErrNotExist},
		"FIFO":             {func(p string) error { return syscall.Mkfifo(p, 0o600) }, userfile.ErrNotRegular},
		"device":           {func(p string) error { return os.Symlink("/dev/zero", p) }, userfile.ErrNotRegular},
		"directory":        {func(p string) error { return os.Mkdir(p, 0o700) }, userfile.ErrNotRegular},
		"100 MB": {func(p string) error {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(p, 100<<20)
		}, userfile.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, t.TempDir())
			if err := c.make(filepath.Join(o.UserDir, AccountsFile)); err != nil {
				t.Fatal(err)
			}
			d, err := read(o.UserDir, "")
			if err != nil || len(d.Errors) != 1 || !errors.Is(d.Errors[0], c.want) {
				t.Fatalf("%v %v", err, d.Errors)
			}
			if _, err := Protect(o); ExitCode(err) != 3 {
				t.Errorf("protect: %v", err)
			}
		})
	}
	if got := get(t, other, "real.xml"); got != "<account>\n</account>" {
		t.Error("the file behind the link was changed")
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := userfile.CheckOwn("/etc/passwd", false); !errors.Is(err, userfile.ErrForeign) { // who is not root cannot give a file away
			t.Errorf("root's file: %v", err)
		}
		return
	}
	o := oneAccount(t, "prpl-jabber", "")
	path := filepath.Join(o.UserDir, AccountsFile)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := Protect(o); ExitCode(err) != 3 || !errors.Is(err, userfile.ErrForeign) {
		t.Errorf("protect: %v", err)
	}
}

func TestNoSuchDirectory(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	put(t, t.TempDir(), "file", "")
}

func TestFilesAreListedWithModes(t *testing.T) {
	dir := sample(t, "sample")
	if err := os.MkdirAll(filepath.Join(dir, "logs", "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "logs", "a"), "x.html", "")
	if err := os.Chmod(filepath.Join(dir, PrefsFile), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := read(dir, "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	found := map[string]os.FileMode{}
	for _, f := range d.Files {
		found[f.Path] = f.Mode
	}
	if d.Files[0].Path != "." || found["prefs.xml"] != 0o644 || found["accounts.xml"] != 0o600 || !found["logs/a"].IsDir() || !found["logs/a/x.html"].IsRegular() {
		t.Errorf("%v", found)
	}
}
