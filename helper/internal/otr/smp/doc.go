// SPDX-License-Identifier: GPL-3.0-or-later

// Package smp is the Socialist Millionaires' Protocol of OTR (OTRv3, "Socialist
// Millionaires' Protocol (SMP)"): two people find out whether they gave the
// same secret, and nothing else about it. It stands in the place of otr3's, whose
// arithmetic takes a time that depends on the secret, and which tells a libotr
// user whose answer was wrong that the other side gave up. It decides what is
// answered to a message; it knows no conversation, network, file or clock. It
// must never say that the secrets are the same where they are not (I4 rests on
// it where only verified fingerprints may pass), and never panics on a message.
//
// Powers are constbn's, sums and products bigmod's: the time that they take
// does not depend on a secret. Public values, which anybody saw on the wire,
// are inverted by math/big.
package smp
