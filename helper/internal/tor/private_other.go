// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !unix

package tor

import (
	"context"
	"errors"
	"io/fs"
)

// privateTor needs unix sockets with an owner and locks; there is none here.
type privateTor struct{ privateFiles }

func ownedByUs(fs.FileInfo) bool { return false }

func startPrivate(context.Context, Settings) (*privateTor, error) {
	return nil, errors.New("not on this system: start Tor or Tor Browser")
}

func (p *privateTor) release(bool) {}
