// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"crypto/rand"
	"encoding/hex"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// NewCredentials makes the isolation credentials of one sign-on: 128 random
// bits each, in hexadecimal. So they never begin with "<torS0X>", which Tor
// reserves (proposal 351), and mean the same to every version of Tor.
func NewCredentials() (user, password redact.Secret) {
	return randomSecret(), randomSecret()
}

func randomSecret() redact.Secret {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24: it ends the program instead
	return redact.New(hex.EncodeToString(b[:]))
}
