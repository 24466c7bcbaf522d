// SPDX-License-Identifier: GPL-3.0-or-later

// Package dbus holds what stands on the bus and beside it: the interfaces, as
// the service serves them and as they are installed.
package dbus

import _ "embed"

// Helper and Account are the interfaces' documents.
var (
	//go:embed org.purpleonion.Helper1.xml
	Helper string
	//go:embed org.purpleonion.Account1.xml
	Account string
)
