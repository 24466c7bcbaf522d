// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package audit

import "syscall"

// openNonblock keeps a FIFO, or a device, from holding the audit up.
const openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY
