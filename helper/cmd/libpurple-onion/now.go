// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !testclock

package main

import "time"

// now is the engine's clock.
func now() time.Time { return time.Now() }
