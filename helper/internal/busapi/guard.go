// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

// guarded starts the only goroutines of this package.
func guarded(do, broken func()) {
	go func() {
		defer func() {
			if recover() != nil {
				broken()
			}
		}()
		do()
	}()
}
