// SPDX-License-Identifier: GPL-3.0-or-later

// Package otr speaks OTR (version 3, and 2 where that is asked for) around the
// library otr3: what the wire brings (fragments, instance tags, versions,
// queries, errors) is read here, and otr3 is given only whole, well-formed
// messages, a conversation of its own for each AKE. It reads and writes
// libotr's three files, otr.private_key, otr.fingerprints and
// otr.instance_tags, which pidgin-otr uses too. It decides nothing about what
// may be sent, and reaches no network. It must never give a text to another key
// than the one that it was meant for, change in a file more than what it was
// asked to, or show a key. It upholds I4, I6 and I7.
package otr
