// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// broken is set by the first panic. State behind a panic cannot be trusted,
// so that from then on every protected account blocks until the next start.
var broken atomic.Bool

// guard runs one export. A panic ends in blocked, closes every stream, and is
// told to the debug log by its place alone: its value may hold a secret.
func guard(export string, blocked, do func()) {
	defer func() {
		if r := recover(); r != nil {
			blocked()
			fell(export)
		}
	}()
	if sabotage(export) {
		panic("sabotage")
	}
	if broken.Load() && export != "next_event" && export != "stop" {
		blocked()
		return
	}
	do()
}

// fell marks the helper broken and closes what is open.
func fell(where string) {
	broken.Store(true)
	events.push(engine.Event{Kind: engine.EventLog, Text: fmt.Sprintf("panic in %s:\n%s", where, debug.Stack())})
	if h := current.Load(); h != nil {
		h.shutGate(policy.ReasonInternal)
	}
}

// background starts the only goroutines of this package.
func background(name string, do func()) {
	go func() {
		defer func() {
			if r := recover(); r != nil {
				fell(name)
			}
		}()
		do()
	}()
}

// sabotage lets the tests see what a panic does. It is compiled into every
// build, so that what is tested is what ships; it can only make the helper
// block.
func sabotage(export string) bool {
	return os.Getenv("PURPLE_ONION_TEST_PANIC") == export
}
