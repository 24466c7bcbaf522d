// SPDX-License-Identifier: GPL-3.0-or-later

// Package libotrtest is the real libotr, the oracle of package otr's tests: it
// holds conversations, and reads and writes libotr's three files, so that what
// is ours can be held against what the other programs do. Only tests use it,
// under the build tag `libotr` (without the tag it is empty); cgo cannot stand
// in a _test.go file, so it is a package. It keeps watch over I4 and I6.
package libotrtest
