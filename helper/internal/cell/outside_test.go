// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func TestMounts(t *testing.T) {
	t.Parallel()
	table := `22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw
40 22 0:35 / /net rw - autofs auto.net rw,fd=6
41 22 0:36 / /home rw master:1 - autofs systemd-1 rw
42 41 0:37 / /home rw - nfs4 box:/home rw
43 22 0:38 / /mnt/with\040space rw - fuse.sshfs u@h: rw
broken
`
	got := mounts(table)
	want := []mount{{"/proc", "proc", "proc"}, {"/net", "autofs", "auto.net"}, {"/home", "nfs4", "box:/home"}, {"/mnt/with space", "fuse.sshfs", "u@h:"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got[0].remote() || got[1].remote() || !got[2].remote() || !got[3].remote() {
		t.Error("which are remote is not told apart")
	}
	for kind, want := range map[string]bool{"fuse.unheard-of": true, "fuse": true, "fuseblk": false, "fuse.gocryptfs": false, "fusectl": false, "lustre": true, "ext4": false} {
		if (mount{kind: kind}).remote() != want {
			t.Errorf("%s: %v", kind, !want)
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files map[string]string
		says  []string
	}{
		{nil, nil},
		{map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0"}, []string{"kernel.unprivileged_userns_clone=1"}},
		{map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "1", "/proc/sys/user/max_user_namespaces": "1000"}, nil},
		{map[string]string{"/proc/sys/user/max_user_namespaces": "0"}, []string{"user.max_user_namespaces"}},
		{map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, []string{"AppArmor", "apparmor_parser", "install -m 644 /usr/share/profile /etc/apparmor.d/"}},
		{map[string]string{"/proc/sys/kernel/yama/ptrace_scope": "3"}, []string{"kernel.yama.ptrace_scope is 3"}},
		{map[string]string{"/proc/sys/kernel/yama/ptrace_scope": "1"}, nil},
		{map[string]string{"/proc/1/cgroup": "0::/docker/abc"}, []string{"container"}},
		{map[string]string{"/proc/1/environ": "PATH=/bin\x00container=podman\x00"}, []string{"container"}},
		{map[string]string{"/run/systemd/container": "lxc"}, []string{"container"}},
	} {
		got := hints(func(path string) string { return c.files[path] }, false, "/usr/share/profile")
		if c.says == nil && got != "" {
			t.Errorf("%v: %q", c.files, got)
		}
		for _, s := range c.says {
			if !strings.Contains(got, s) {
				t.Errorf("%v: %q lacks %q", c.files, got, s)
			}
		}
	}
}

// entry is one of an Xauthority file's.
func entry(family uint16, fields ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, family)
	for _, f := range fields {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(f))), f...)
	}
	return b
}

func TestCookies(t *testing.T) {
	t.Parallel()
	file := slices.Concat(entry(256, "box", "0", "MIT", "zero"), entry(256, "box", "10", "MIT", "ten"), entry(0, "\x7f\x00\x00\x01", "0", "MIT", "tcp"), entry(65535, "", "", "MIT", "any"))
	want := slices.Concat(entry(65535, "", "0", "MIT", "zero"), entry(65535, "", "0", "MIT", "tcp"), entry(65535, "", "", "MIT", "any"))
	got, err := cookiesFor(file, "0")
	if err != nil || string(got) != string(want) {
		t.Errorf("%v %q", err, got)
	}
	for n := 1; n < len(entry(256, "box", "0", "MIT", "zero")); n++ {
		if got, err := cookiesFor(file[:n], "0"); err == nil || got != nil {
			t.Errorf("cut at %d: %q %v", n, got, err)
		}
	}
}

// What is taken from an Xauthority file is one again, of the display alone.
func FuzzCookies(f *testing.F) {
	f.Add(slices.Concat(entry(256, "box", "0", "MIT", "zero"), entry(65535, "", "", "MIT", "any")), "0")
	f.Add([]byte{1}, "")
	f.Fuzz(func(t *testing.T, file []byte, display string) {
		got, err := cookiesFor(file, display)
		if err != nil {
			if got != nil {
				t.Error("an error and cookies")
			}
			return
		}
		again, err := cookiesFor(got, display)
		if err != nil || string(again) != string(got) {
			t.Errorf("read again: %v %q, not %q", err, again, got)
		}
	})
}

// A credential is found in what passes as it would be in one piece.
func FuzzSocksCredentials(f *testing.F) {
	f.Add([]byte("\x05\x01\x02\x01\x01u\x01pDATA"))
	f.Add([]byte("\x04\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		user, password, more := socksCredentials(b)
		if more && (user != "" || password != "" || len(b) > 2+255+3+255+255) {
			t.Errorf("%q: not read, and %q %q", b, user, password)
		}
		for n := range b {
			u, p, m := socksCredentials(b[:n])
			if !m && (u != user || p != password || more) {
				t.Errorf("%q cut at %d: %q %q %v, whole %q %q %v", b, n, u, p, m, user, password, more)
			}
		}
	})
}

func TestAuto(t *testing.T) {
	t.Parallel()
	if !leads("http_proxy") || !leads("RSYNC_PROXY") || !leads("DBUS_SESSION_BUS_ADDRESS") || leads("HOME") || leads("LANG") || leads("DISPLAYS") {
		t.Error("which variables lead out is not told apart")
	}
	for name, want := range map[string]string{"": "user", "u:0:0": "user", "a\nb": "user", "wren": "wren", "Wren": "user"} {
		if got := userName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
