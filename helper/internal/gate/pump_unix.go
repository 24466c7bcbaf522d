// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package gate

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

const chunk = 128 << 10 // bytes moved at a time

var chunks = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// pump copies until src ends (nil) or either side fails. A connection on which
// nothing moves holds no buffer: one is taken when src has something to read.
func pump(dst, src net.Conn) error {
	sc, ok := src.(syscall.Conn)
	if !ok {
		return pumpPlain(dst, src)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	for {
		b, n, err := readSome(raw)
		if n > 0 {
			_, err = dst.Write((*b)[:n])
		}
		if b != nil {
			chunks.Put(b)
		}
		if n == 0 || err != nil {
			return eofIsNil(err)
		}
	}
}

// readSome waits without a buffer, and reads once. The caller puts b back.
func readSome(raw syscall.RawConn) (b *[]byte, n int, err error) {
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		b, _ = chunks.Get().(*[]byte)
		for {
			n, readErr = syscall.Read(int(fd), *b)
			if !errors.Is(readErr, syscall.EINTR) {
				break
			}
		}
		if errors.Is(readErr, syscall.EAGAIN) {
			chunks.Put(b)
			b = nil
			return false
		}
		return true
	})
	if err == nil {
		err = readErr
	}
	return b, max(n, 0), err
}

func eofIsNil(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
