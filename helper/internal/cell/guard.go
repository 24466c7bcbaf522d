// SPDX-License-Identifier: GPL-3.0-or-later

package cell

// guarded is the only place of this package that starts a goroutine. onPanic
// makes what is left behind fail closed.
func guarded(f, onPanic func()) {
	go func() {
		defer func() {
			if recover() != nil {
				onPanic()
			}
		}()
		f()
	}()
}
