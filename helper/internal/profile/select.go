// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// AccountError is that an argument names no account, or more than one.
type AccountError struct {
	Arg     string
	Matches []policy.Account // empty: none
}

func (e *AccountError) Error() string {
	if len(e.Matches) == 0 {
		return fmt.Sprintf("cannot find account %q", e.Arg)
	}
	names := make([]string, len(e.Matches))
	for i, m := range e.Matches {
		names[i] = m.String()
	}
	return fmt.Sprintf("cannot tell which account %q is: %s", e.Arg, strings.Join(names, ", "))
}

// RefusedError is that accounts may not be changed as asked.
type RefusedError struct {
	Accounts []policy.Account
	Err      error
}

func (e *RefusedError) Error() string {
	names := make([]string, len(e.Accounts))
	for i, a := range e.Accounts {
		names[i] = a.String()
	}
	return fmt.Sprintf("cannot protect %s: %v", strings.Join(names, ", "), e.Err)
}

// Unwrap gives the cause, such as ErrProtocol.
func (e *RefusedError) Unwrap() error { return e.Err }

// ExitCode is the command line's for an error of Select, Protect or Release: 0
// for none, 1 refused, 2 no such account, 3 could not.
func ExitCode(err error) int {
	var account *AccountError
	var refused *RefusedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refused):
		return 1
	case errors.As(err, &account):
		return 2
	}
	return 3
}

// Select finds the account that an argument names: exactly as protocol:name,
// or by a name, with or without a last "/", that only one account has.
func Select(d *Dir, arg string) (policy.Account, error) {
	var matches []policy.Account
	for _, a := range d.Accounts {
		if a.Account.String() == arg {
			return a.Account, nil
		}
		if arg != "" && strings.TrimSuffix(a.Name, "/") == strings.TrimSuffix(arg, "/") {
			matches = append(matches, a.Account)
		}
	}
	if len(matches) == 1 {
		return matches[0], nil
	}
	return policy.Account{}, &AccountError{arg, matches}
}
