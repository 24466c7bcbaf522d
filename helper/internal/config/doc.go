// SPDX-License-Identifier: GPL-3.0-or-later

// Package config reads the user's config.toml and the administrator's
// policy.toml. It decides nothing but which of two is the stricter; a key it
// does not know, or a value out of range, is an error with file and line, so
// that a mistyped restriction never silently falls away.
//
// It must never write, never read a file that another user can change, and
// never put a value of control_password into an error. It upholds I1 (what it
// cannot read is an error, not a default) and I7.
package config
