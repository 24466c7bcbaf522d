// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"errors"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Error is a failure with the policy reason that it comes to. Its text holds
// no credential.
type Error struct {
	Code policy.Reason
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Reason is what the policy calls it.
func (e *Error) Reason() policy.Reason { return e.Code }

// What LookupSRV ends in where the answer itself is clear.
var (
	// ErrNoService: the one target is ".", the domain says that it has no such
	// service (RFC 2782). It comes with policy.ReasonNoSuchService.
	ErrNoService = errors.New("the domain says that it has no such service")
	// ErrNoRecords: the domain has no SRV records; domain:port is the next way.
	ErrNoRecords = errors.New("the domain has no SRV records")
)
