// SPDX-License-Identifier: GPL-3.0-or-later

//go:build sabotage

package policy

// overTor lets pass what must not. It is the control arm of scripts/leaks: a
// program that goes on without Tor. Nothing that is installed is built so.
func overTor(TorState, Isolation, Answer) Decision { return allow("") }
