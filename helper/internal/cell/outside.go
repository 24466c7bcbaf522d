// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"slices"
	"strconv"
	"strings"
)

// mount is a line of mountinfo (proc_pid_mountinfo(5)).
type mount struct{ point, kind, source string }

// mounts reads mountinfo. Of several on one point the last one, which is on
// top, is given.
func mounts(table string) []mount {
	var list []mount
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if len(f) < 5 || dash < 0 || len(f) < dash+3 {
			continue
		}
		m := mount{unescape(f[4]), f[dash+1], unescape(f[dash+2])}
		list = slices.DeleteFunc(list, func(x mount) bool { return x.point == m.point })
		list = append(list, m)
	}
	return list
}

// unescape undoes the octal escapes of /proc's mount tables.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// remote says whether a file system keeps its files on another computer, or
// behind a program of this one that may.
func (m mount) remote() bool {
	switch m.kind {
	case "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "coda", "davfs", "lustre", "gfs2", "ocfs2", "orangefs", "beegfs", "gpfs":
		return true
	case "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs", "fuse.mergerfs", "fuse.bindfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.squashfuse":
		return false
	}
	return m.kind == "fuse" || strings.HasPrefix(m.kind, "fuse.")
}

// below says whether path is dir or under it.
func below(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
