// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package config

import "io/fs"

const (
	openNonblock = 0
	openNoFollow = 0
)

// Windows guards the profile folder by access lists, which are not looked at.
func ownOrRoots(fs.FileInfo) bool    { return true }
func worldWritable(fs.FileInfo) bool { return false }

// There is no /etc either: a policy file is refused, not trusted.
func ownedBy(fs.FileInfo, int) bool { return false }
func othersWrite(fs.FileInfo) bool  { return true }
