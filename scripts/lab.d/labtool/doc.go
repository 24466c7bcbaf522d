// SPDX-License-Identifier: GPL-3.0-or-later

// Command labtool is the lab's small tools in one program: it waits for
// events (a port, a log line, a consensus, an uploaded onion descriptor),
// makes the lab's certificates, opens a connection through a SOCKS port,
// asks a name server, logs in to an XMPP server, captures what arrives at an
// interface, and judges a capture.
//
// It is a test tool: it is not part of purple-onion and nothing of
// purple-onion may import it. It upholds none of I1..I8; its judge is how I2
// is measured, and so reads strictly: what it does not understand counts as a
// packet that went elsewhere, or as a capture not to be trusted.
package main
