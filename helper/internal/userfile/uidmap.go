// SPDX-License-Identifier: GPL-3.0-or-later

package userfile

import (
	"strconv"
	"strings"
)

// MapsUID says whether uid is a user of the namespace with this uid_map
// (user_namespaces(7)). A map that cannot be read counts as mapping it.
func MapsUID(uidMap string, uid uint64) bool {
	read := false
	for line := range strings.Lines(uidMap) {
		f := strings.Fields(line)
		if len(f) != 3 {
			return true
		}
		first, err1 := strconv.ParseUint(f[0], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil || uid >= first && uid < first+count {
			return true
		}
		read = true
	}
	return !read
}
