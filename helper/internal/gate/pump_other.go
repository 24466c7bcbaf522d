// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package gate

import "net"

// pump copies until src ends (nil) or either side fails.
func pump(dst, src net.Conn) error { return pumpPlain(dst, src) }
