// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// Config is config.toml with defaults filled in, and what the administrator's
// policy.toml wants stricter. Keys lists every key.
type Config struct {
	NewAccounts            policy.NewAccounts // new_accounts
	Floor                  policy.Level       // floor
	RequireProvenIsolation bool               // require_proven_isolation
	RequireVerified        bool               // require_verified
	DropPlaintext          bool               // drop_plaintext
	TorBrowser             bool               // tor_browser: links are opened in Tor Browser, where there is one
	Autologin              bool               // autologin: secret accounts sign on at the program's start
	SignonDelayMax         time.Duration      // signon_delay_max: protected accounts do things apart by up to this
	NotifyNames            bool               // notify_names
	SRVResolver            string             // srv_resolver, "host:853#tls-name"; empty: no SRV look-ups
	Tor                    Tor                // [tor]
	Onions                 map[string]string  // [onions], domain = "v3 address.onion"
	Accounts               map[string]Account // [accounts."protocol:name"]
}

// Tor is the [tor] table.
type Tor struct {
	Mode            string // auto, system or private
	Socks           string // "127.0.0.1:9050"; empty: look for it
	Control         string // "127.0.0.1:9051" or "unix:/path"; empty: look for it
	ControlPassword redact.Secret
	Program         string   // the tor program for a private Tor; empty: from PATH
	Torrc           []string // lines added to a private Tor's configuration
}

// Account is what the user set for one account.
type Account struct {
	OnionOnly      bool   // onion_only: never by an exit
	CAFile         string // ca_file: PEM of an own authority that this account's server is checked against
	CertificatePin string // certificate_pin: "sha256:HEX" of the server's certificate (DER)

	Autologin       bool     // autologin
	Resource        string   // resource: of the XMPP address; empty: the server chooses
	RequireVerified bool     // require_verified: nothing is encrypted to a key that was not compared
	OTRv2           []string // otr_v2: the buddies with whom OTR's version 2 is spoken too
}

// Default is what a missing file comes to.
func Default() Config {
	return Config{NewAccounts: policy.NewAccountsAsk, Floor: policy.LevelNone, TorBrowser: true, SignonDelayMax: 90 * time.Second, Tor: Tor{Mode: "auto"}, Onions: map[string]string{}, Accounts: map[string]Account{}}
}

// MustVerify says whether an account's messages go to compared keys alone.
func (c Config) MustVerify(id string) bool {
	return c.RequireVerified || c.ForAccount(id).RequireVerified
}

// MayBegin says whether a secret account may sign on without a person's word.
func (c Config) MayBegin(id string) bool { return c.Autologin || c.ForAccount(id).Autologin }

// ForAccount gives what the user set for an account, named as "protocol:name"
// with or without the last "/" that libpurple puts after an XMPP address.
func (c Config) ForAccount(id string) Account {
	for name, a := range c.Accounts {
		if strings.TrimSuffix(name, "/") == strings.TrimSuffix(id, "/") {
			return a
		}
	}
	return Account{}
}
