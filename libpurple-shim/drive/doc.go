// SPDX-License-Identifier: GPL-3.0-or-later

// Package drive starts and drives the test host (libpurple-shim/test/host.c),
// a libpurple program without a face, for tests. It asserts nothing by itself.
package drive
