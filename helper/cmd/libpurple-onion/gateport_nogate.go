// SPDX-License-Identifier: GPL-3.0-or-later

//go:build nogate

package main

// Port sends accounts past the gate, straight to the SOCKS port of scripts/lab's
// Tor: in scripts/leaks the hooks have to hold by themselves. Nothing that is
// installed is built so.
func (l *lateGate) Port() uint16 { return 9050 }
