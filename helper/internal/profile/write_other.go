// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package profile

import (
	"errors"
	"os"
	"time"
)

var errNotHere = errors.New("purple-onion cannot edit user directories on this system yet")

func replaceFile(string, []byte) error                 { return errNotHere }
func syncDir(string) error                             { return errNotHere }
func checkOwn(string, bool) error                      { return errNotHere }
func makeOwnDir(string) error                          { return errNotHere }
func lockFile(string, time.Duration) (*os.File, error) { return nil, errNotHere }
