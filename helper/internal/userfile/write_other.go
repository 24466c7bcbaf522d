// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package userfile

import (
	"errors"
	"os"
	"time"
)

var errNotHere = errors.New("purple-onion cannot edit user directories on this system yet")

// Replace writes nothing here.
func Replace(string, []byte) error { return errNotHere }

// SyncDir does nothing here.
func SyncDir(string) error { return errNotHere }

// CheckOwn refuses everything here.
func CheckOwn(string, bool) error { return errNotHere }

// MakeOwnDir makes nothing here.
func MakeOwnDir(string) error { return errNotHere }

// Lock locks nothing here.
func Lock(string, time.Duration) (*os.File, error) { return nil, errNotHere }
