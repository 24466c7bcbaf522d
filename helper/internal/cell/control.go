// SPDX-License-Identifier: GPL-3.0-or-later

package cell

// Filter is the control port inside.
type Filter struct{}
