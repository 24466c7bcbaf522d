// SPDX-License-Identifier: GPL-3.0-or-later

package main

// #include <string.h>
// #include "ponion.h"
import "C"

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// text copies borrowed text: NUL-terminated, bounded, bad UTF-8 replaced.
func text(p *C.char) string {
	if p == nil {
		return ""
	}
	n := C.strnlen(p, C.PONION_TEXT_MAX)
	return strings.ToValidUTF8(string(unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))), "\uFFFD")
}

// put writes s into a fixed array, always NUL-terminated, cut between
// characters.
func put(dst []C.char, s string) {
	if len(s) >= len(dst) {
		s = s[:len(dst)-1]
		for len(s) > 0 && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	for i := range s {
		if s[i] == 0 {
			s = s[:i]
			break
		}
	}
	for i := 0; i < len(s); i++ {
		dst[i] = C.char(s[i])
	}
	dst[len(s)] = 0
}
