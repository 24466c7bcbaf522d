// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package tor

// withOpenSignals matters where our threads' signal mask is set: on Linux.
func withOpenSignals(start func() error) error { return start() }
