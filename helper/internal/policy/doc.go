// SPDX-License-Identifier: GPL-3.0-or-later

// Package policy turns facts into decisions. It is pure and total: no clock,
// no file, no network, no state; the same facts always give the same answer,
// and any facts give one. The zero value of everything in it means "not
// asked", and a fact that was not asked blocks. It upholds I1, and states the
// rules of I2, I3 and I5 for the packages that carry them out.
package policy
