// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// Running looks for a libpurple program that runs on a user directory; nil is
// none. Where one runs whose directory cannot be told it is given as that one,
// with Certain false. It sees the processes that /proc shows to this user, and
// not those in a container that is hidden from it or on another machine.
func Running(userDir string) (*Process, error) { return runningIn("/proc", userDir) }

func runningIn(proc, userDir string) (*Process, error) {
	want, err := os.Stat(userDir)
	if err != nil {
		return nil, fmt.Errorf("cannot look for running programs: %w", err)
	}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCannotTell, err)
	}
	if _, err := os.Stat(filepath.Join(proc, "self", "maps")); err != nil {
		return nil, fmt.Errorf("%w: %w", errCannotTell, err)
	}
	var unsure *Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p := process{filepath.Join(proc, e.Name()), want}
		switch found, certain := p.uses(); {
		case found && certain:
			return &Process{pid, p.name(), true}, nil
		case found && unsure == nil:
			unsure = &Process{pid, p.name(), false}
		}
	}
	return unsure, nil
}

// process is one folder of /proc, and the directory that is asked about.
type process struct {
	dir  string
	want fs.FileInfo
}

// uses says whether the process is a libpurple program on the directory, or
// may be (not certain).
func (p process) uses() (found, certain bool) {
	isPurple, err := p.isPurple()
	if !isPurple {
		return err != nil && p.mine() && purpleName(p.name()), false
	}
	c, cwd, err := p.started()
	if err != nil {
		return !p.gone(), false
	}
	home, named, known := c.candidates(cwd)
	for i, dir := range append(named, home...) {
		same, exists, err := p.is(dir)
		switch {
		case same:
			return true, true
		case err != nil:
			return true, false
		case exists && i < len(named):
			known = true
		}
	}
	if known {
		return false, false
	}
	// A process that ends meanwhile has no arguments any more, and maps nothing.
	still, err := p.isPurple()
	return still || err != nil, false
}

// isPurple looks for libpurple among the files that the process has mapped.
func (p process) isPurple() (bool, error) {
	f, err := os.Open(filepath.Join(p.dir, "maps"))
	if err != nil {
		return false, p.unlessGone(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if bytes.Contains(data, []byte("/libpurple.so")) || len(data) > 0 && purpleName(p.name()) {
		return true, nil
	}
	return false, p.unlessGone(err)
}

func (p process) unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

func (p process) gone() bool {
	_, err := os.Stat(p.dir)
	return errors.Is(err, fs.ErrNotExist)
}

// mine says whether the process is this user's: another user's program cannot
// open a directory of mode 0700, and /proc does not show what it maps.
func (p process) mine() bool {
	info, err := os.Stat(p.dir)
	return err == nil && userfile.Owner(info) == os.Geteuid()
}

// name is the program's: /proc shows comm to everyone, and exe to its user.
func (p process) name() string {
	if exe, err := os.Readlink(filepath.Join(p.dir, "exe")); err == nil {
		return strings.TrimSuffix(filepath.Base(exe), " (deleted)")
	}
	comm, _ := os.ReadFile(filepath.Join(p.dir, "comm"))
	return strings.TrimSpace(string(comm))
}

func (p process) started() (commandLine, string, error) {
	c := commandLine{program: p.name(), env: map[string]string{}}
	args, err := readSome(filepath.Join(p.dir, "cmdline"))
	if err != nil {
		return c, "", err
	}
	c.args = args
	env, err := readSome(filepath.Join(p.dir, "environ"))
	if err != nil {
		return c, "", err
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if name == "HOME" || name == "PURPLEHOME" {
			c.env[name] = value
		}
	}
	cwd, err := os.Readlink(filepath.Join(p.dir, "cwd"))
	return c, cwd, err
}

// readSome reads a list of strings that end in NUL.
func readSome(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 4<<20))
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00"), err
}

// is says whether a path, as the process sees it, is the directory, and
// whether it is one at all. A Flatpak's ~/.purple is found this way too.
func (p process) is(dir string) (same, exists bool, err error) {
	info, err := os.Stat(filepath.Join(p.dir, "root", dir))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	return os.SameFile(info, p.want), info.IsDir(), nil
}
