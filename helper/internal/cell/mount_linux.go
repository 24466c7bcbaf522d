// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	plain    = unix.MS_NOSUID | unix.MS_NODEV
	stateDir = "/run/cell" // files of our own
)

// tree is a part of the outside's file system, taken before what it lies in
// is covered.
type tree struct {
	fd  int
	dir bool
}

// take clones the mounts at a path, with all below it: where those are not
// ours to part from it, the kernel wants it so.
func take(path string) (tree, error) {
	st, err := os.Stat(path)
	if err != nil {
		return tree{}, err
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return tree{}, fmt.Errorf("cannot take %s in: %w", path, err)
	}
	return tree{fd, st.IsDir()}, nil
}

// put mounts a tree, once; where there is nothing at the path, it makes what
// to mount on.
func (t tree) put(path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := mountPoint(path, t.dir); err != nil {
			return err
		}
	}
	if err := unix.MoveMount(t.fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return fmt.Errorf("cannot put %s in: %w", path, err)
	}
	return unix.Close(t.fd)
}

func mountPoint(path string, dir bool) error {
	if dir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

// fresh mounts an empty file system.
func fresh(path, mode string, flags uintptr) error {
	if err := unix.Mount("tmpfs", path, "tmpfs", flags, "mode="+mode); err != nil {
		return fmt.Errorf("cannot mount an empty file system on %s: %w", path, err)
	}
	return nil
}

// mountAll is everything about files. The order matters: what is let in is
// taken first, and covers come before what is put on them.
func mountAll(p plan) error {
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	in, err := takeAll(p)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		freshDirs,
		func() error { return devices(p.GPU, in) },
		kernelFiles,
		func() error { return homes(p, in) },
		func() error { return p.names() },
		func() error { return p.bindAll(in) },
		func() error { return p.cover() },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// deviceNodes are what programs expect of /dev; every other node (raw disks,
// USB, modems, tun, vsock, kvm) is left out.
var deviceNodes = []string{"null", "zero", "full", "random", "urandom", "tty"}

func takeAll(p plan) (map[string]tree, error) {
	wanted := []string{}
	for _, d := range deviceNodes {
		wanted = append(wanted, "/dev/"+d)
	}
	for _, b := range p.Binds {
		wanted = append(wanted, b.From)
	}
	if !p.EmptyHome {
		wanted = append(wanted, p.Home)
	}
	if p.UserDir != "" {
		wanted = append(wanted, p.UserDir)
	}
	in := make(map[string]tree)
	for _, path := range wanted {
		t, err := take(path)
		if err != nil {
			return nil, err
		}
		in[path] = t
	}
	if p.GPU {
		if t, err := take("/dev/dri"); err == nil { // many computers have none
			in["/dev/dri"] = t
		}
	}
	return in, nil
}

func freshDirs() error {
	if err := fresh("/tmp", "1777", plain); err != nil {
		return err
	}
	if st, err := os.Lstat("/var/run"); err == nil && st.IsDir() {
		if err := fresh("/var/run", "0755", plain); err != nil {
			return err
		}
	}
	return fresh("/run", "0755", plain)
}

func devices(gpu bool, in map[string]tree) error {
	if err := fresh("/dev", "0755", unix.MS_NOSUID|unix.MS_NOEXEC); err != nil {
		return err
	}
	for _, d := range deviceNodes {
		if err := in["/dev/"+d].put("/dev/" + d); err != nil {
			return err
		}
	}
	if t, ok := in["/dev/dri"]; ok && gpu {
		if err := t.put("/dev/dri"); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/dev/shm", "/dev/pts"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make %s: %w", dir, err)
		}
	}
	if err := fresh("/dev/shm", "1777", plain); err != nil {
		return err
	}
	if err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"); err != nil {
		return fmt.Errorf("cannot mount terminals: %w", err)
	}
	for link, to := range map[string]string{"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, "/dev/"+link); err != nil {
			return fmt.Errorf("cannot make /dev/%s: %w", link, err)
		}
	}
	return nil
}

// switches are the parts of /proc that change the kernel, for root without any
// capability: core_pattern names a program that is run outside.
var switches = []string{"sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"}

// kernelFiles mounts /proc and /sys of the new namespaces: the old ones show
// the outside's processes and network devices. A /sys that may not be mounted
// is left empty. No user namespaces can be made from here on: in one a program
// has much more of the kernel to try.
func kernelFiles() error {
	if err := unix.Mount("proc", "/proc", "proc", plain|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		return fmt.Errorf("cannot forbid user namespaces inside: %w", err)
	}
	for _, name := range switches {
		path := "/proc/" + name
		err := unix.Mount(path, path, "", unix.MS_BIND, "")
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|plain|unix.MS_NOEXEC, "")
		}
		if err != nil {
			return fmt.Errorf("cannot make %s read-only: %w", path, err)
		}
	}
	if unix.Mount("sysfs", "/sys", "sysfs", plain|unix.MS_NOEXEC|unix.MS_RDONLY, "") == nil {
		return nil
	}
	return fresh("/sys", "0555", plain|unix.MS_RDONLY)
}

// homes puts the home back where it was covered, or an empty one, and the
// user directory.
func homes(p plan, in map[string]tree) error {
	switch {
	case p.EmptyHome:
		if _, err := os.Stat(p.Home); err != nil {
			if err := mountPoint(p.Home, true); err != nil {
				return fmt.Errorf("cannot make the home: %w", err)
			}
		}
		if err := fresh(p.Home, "0700", plain); err != nil {
			return err
		}
	default:
		if _, err := os.Stat(p.Home); err != nil {
			if err := in[p.Home].put(p.Home); err != nil {
				return err
			}
		}
	}
	if p.UserDir == "" {
		return nil
	}
	at := p.purple()
	if _, err := os.Stat(at); errors.Is(err, os.ErrNotExist) {
		if err := os.Mkdir(at, 0o700); err != nil {
			return fmt.Errorf("cannot make %s: %w", at, err)
		}
	}
	return in[p.UserDir].put(at)
}

// etc are the files that decide how names are found; nothing but files is asked.
var etc = map[string]string{
	"resolv.conf": "# A cell of purple-onion: no name server can be reached.\n",
	"nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\n" +
		"protocols: files\nservices: files\nethers: files\nrpc: files\nnetgroup: files\n",
	"hosts":    "127.0.0.1 localhost\n::1 localhost\n",
	"hostname": "localhost\n",
}

// names puts those files over /etc's. One that is not there is not needed:
// the rest says "files" by itself, or finds no server.
func (p plan) names() error {
	if err := os.Mkdir(stateDir, 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w", stateDir, err)
	}
	texts := maps.Clone(etc)
	user := fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh\n", p.User, os.Geteuid(), os.Getegid(), p.Home)
	group := fmt.Sprintf("%s:x:%d:\n", p.User, os.Getegid())
	for file, line := range map[string]string{"passwd": user, "group": group} {
		if text, err := os.ReadFile("/etc/" + file); err == nil && !knows(string(text), line) {
			texts[file] = strings.TrimRight(string(text), "\n") + "\n" + line
		}
	}
	for file, text := range texts {
		ours := filepath.Join(stateDir, file)
		if err := os.WriteFile(ours, []byte(text), 0o644); err != nil {
			return fmt.Errorf("cannot write %s: %w", ours, err)
		}
		at, err := landing("/etc/" + file)
		if err != nil {
			return err
		}
		if at == "" {
			continue
		}
		if err := unix.Mount(ours, at, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot replace /etc/%s: %w", file, err)
		}
	}
	return nil
}

// knows says whether passwd or group has a line with the number of this one: a
// user may come from elsewhere (LDAP), where nobody is asked inside.
func knows(table, line string) bool {
	number := strings.Split(line, ":")[2]
	for l := range strings.Lines(table) {
		if f := strings.Split(strings.TrimSpace(l), ":"); len(f) > 2 && f[2] == number {
			return true
		}
	}
	return false
}

// landing follows a file's symbolic links to where it is, or would be in a
// folder that is fresh now (/run/systemd/resolve): there it makes the file.
func landing(path string) (string, error) {
	for range 40 {
		st, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist) && private(path):
			return path, mountPoint(path, false)
		case errors.Is(err, os.ErrNotExist):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("cannot look at %s: %w", path, err)
		case st.Mode()&os.ModeSymlink == 0:
			return path, nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", fmt.Errorf("cannot look at %s: %w", path, err)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("cannot look at %s: its links have no end", path)
}

// bindAll makes the runtime folder, and puts the chosen sockets in.
func (p plan) bindAll(in map[string]tree) error {
	if err := os.MkdirAll(filepath.Dir(p.RuntimeDir), 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w", p.RuntimeDir, err)
	}
	if err := os.Mkdir(p.RuntimeDir, 0o700); err != nil {
		return fmt.Errorf("cannot make %s: %w", p.RuntimeDir, err)
	}
	if len(p.Cookies) > 0 {
		if err := os.WriteFile(filepath.Join(p.RuntimeDir, "Xauthority"), p.Cookies, 0o600); err != nil {
			return fmt.Errorf("cannot write the X authority file: %w", err)
		}
	}
	for _, b := range p.Binds {
		if err := in[b.From].put(b.To); err != nil {
			return err
		}
	}
	return nil
}

// cover puts empty folders over those to hide, and over automounters: touching
// a name below one has a program outside ask for it.
func (p plan) cover() error {
	dirs := p.HideDirs
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("cannot list the mounts: %w", err)
	}
	for _, m := range mounts(string(table)) {
		if m.kind == "autofs" {
			dirs = append(dirs, m.point)
		}
	}
	for _, dir := range dirs {
		if st, err := os.Lstat(dir); err != nil || !st.IsDir() {
			continue
		}
		if err := fresh(dir, "0700", plain); err != nil {
			return err
		}
	}
	return nil
}
