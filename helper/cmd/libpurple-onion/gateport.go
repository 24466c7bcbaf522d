// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !nogate

package main

// Port implements engine.Gate: where the account is sent.
func (l *lateGate) Port() uint16 {
	if g := l.gate.Load(); g != nil {
		return g.Port()
	}
	return 0
}
