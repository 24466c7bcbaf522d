// SPDX-License-Identifier: GPL-3.0-or-later

// Command libpurple-onion is the helper: the c-shared library that the plugin
// (libpurple-shim) loads. It is a door: it translates between ponion.h, the
// contract, and package engine, wires the parts together (wire.go), and
// catches every panic, whose answer is block (I1). It writes nothing to file
// descriptors 1 and 2, which are the program's that loaded it.
package main
