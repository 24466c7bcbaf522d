// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"io/fs"
	"path"
	"runtime"
	"sort"
)

const groupOrOthersRead = 0o044

// filesReadable judges a file in the user directory itself by its own
// permissions: copies and backups keep those, and the directory's change. A
// file further down counts where group or others get through the folders, as
// libpurple writes logs 0644 into folders of 0700.
func (a *auditor) filesReadable(d *userDir) {
	if runtime.GOOS == "windows" {
		return // its permissions are access lists, which are not looked at
	}
	through := map[string]fs.FileMode{".": groupOrOthersRead}
	subjects := []string{}
	for _, f := range d.Files { // a folder comes before what is in it
		if f.Path == "." {
			continue
		}
		open, known := through[path.Dir(f.Path)]
		if !known {
			continue
		}
		switch {
		case f.Mode.IsDir():
			// x lets a class in: shifted to where its r stands
			through[f.Path] = open & (f.Mode.Perm() << 2)
		case f.Mode.IsRegular() && f.Mode.Perm()&open != 0:
			subjects = append(subjects, "file:"+f.Path)
		}
	}
	if len(subjects) > 0 {
		sort.Strings(subjects)
		a.findAs("files-readable", d.Path, subjects, "Group or others may read "+count(len(subjects), "file", "files"), "chmod -R go= "+quote(d.Path))
	}
}
