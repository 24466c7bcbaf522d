// SPDX-License-Identifier: GPL-3.0-or-later

package gate

// guarded is the only place of this package that starts a goroutine: a panic
// in one would end the program that we are loaded into. onPanic makes what is
// left behind fail closed.
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
