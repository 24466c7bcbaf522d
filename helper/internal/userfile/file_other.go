// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package userfile

import "io/fs"

const (
	openNonblock = 0
	openNoFollow = 0
)

// Owner is a file's user id; -1 where the system has none.
func Owner(fs.FileInfo) int { return -1 }
