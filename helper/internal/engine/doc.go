// SPDX-License-Identifier: GPL-3.0-or-later

// Package engine is the application behind all doors: one method for each
// question, which gathers the facts, asks package policy, and records what
// follows. It holds no rule of its own, dials nothing and reads no file; what
// it needs it takes through the interfaces in engine.go. It upholds I1 (no
// fact, no allow), I3 (fresh credentials for each sign-on) and I7.
package engine
