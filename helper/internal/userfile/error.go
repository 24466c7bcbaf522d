// SPDX-License-Identifier: GPL-3.0-or-later

package userfile

import (
	"errors"
	"fmt"
	"io/fs"
)

// Error says which file could not be read or edited, and where in it.
type Error struct {
	Path string // as it was opened
	Line int    // 0 where no line is to blame
	Err  error
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("cannot read %s: line %d: %v", e.Path, e.Line, e.Err)
	}
	return fmt.Sprintf("cannot read %s: %v", e.Path, e.Err)
}

// Unwrap gives the cause, such as fs.ErrPermission.
func (e *Error) Unwrap() error { return e.Err }

// ErrorOf names the file once: a cause that is an fs.PathError names it too.
func ErrorOf(path string, err error) *Error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &Error{Path: path, Err: err}
}
