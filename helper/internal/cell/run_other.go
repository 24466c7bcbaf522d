// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package cell

import (
	"context"
	"errors"
)

// Available says whether cells can be made on this system.
func Available() error {
	return errors.New("cannot make a cell: it is made of Linux namespaces, and this is not Linux")
}

// Run fails: there are no cells on this system.
func Run(context.Context, Config) (int, error) { return CodeNotMade, Available() }

// Stage is the part of a cell that this process is to be: none.
func Stage([]string) (code int, isStage bool) { return 0, false }
