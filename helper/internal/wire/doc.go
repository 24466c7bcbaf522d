// SPDX-License-Identifier: GPL-3.0-or-later

// Package wire reads strictly what is about to leave an account: an XMPP
// element, other text on an XMPP stream, or a line of IRC. It says what each
// tells those on the way, as a fact for package policy, and makes the form in
// which what may go does go: rebuilt from the parts that were understood, so
// that nothing rides along.
//
// It decides nothing, and trusts no prefix: what it does not understand is
// readable content (I1, I4).
package wire
