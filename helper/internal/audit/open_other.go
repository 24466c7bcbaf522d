// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package audit

const openNonblock = 0
