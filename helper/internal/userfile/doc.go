// SPDX-License-Identifier: GPL-3.0-or-later

// Package userfile reads and replaces single files that belong to the user:
// bounded, without waiting for a FIFO, atomically, locked. What it writes has
// mode 0600, and goes neither through a symbolic link nor over another user's
// file. It knows nothing of what stands in a file, and upholds I6.
package userfile
