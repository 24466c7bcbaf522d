// SPDX-License-Identifier: GPL-3.0-or-later

// Package archtest holds the project to its shape: imports.allow is the list
// of which of our packages may import which, with reasons, and bans.go what
// no package, or only some, may use. It reads the source alone, decides
// nothing at run time, and is imported by nothing. It keeps watch over all of
// I1..I8, most of all I2 (only tor dials) and I7 (nothing is printed).
package archtest
