// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"path/filepath"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// inPidgin is a remedy that no command has: the line starts Pidgin, and a
// shell passes over the rest.
func inPidgin(what string) string { return "pidgin  # " + what }

const proxyByHand = "Accounts, Manage Accounts, Modify, Proxy: Tor/Privacy (SOCKS5), 127.0.0.1, 9050, own user name and password"

// remedy is a line to type. protect is for XMPP and IRC; it cures what is
// wrong with proxy and TLS.
func (a *auditor) remedy(check string, d *userDir, subjects []*account) string {
	if check == "password-stored" {
		return inPidgin("Accounts, Manage Accounts, Modify: untick \"Remember password\"")
	}
	words := []string{"purple-onion", "protect"}
	if d.Path != a.Default {
		words = append(words, "--user-dir", quote(d.Path))
	}
	proven := []*account{}
	for _, x := range subjects {
		if policy.ProtocolProven(x.Protocol) {
			proven = append(proven, x)
		}
	}
	otherwise := proxyByHand
	if check == "below-floor" {
		otherwise = "Accounts, Manage Accounts: delete it, as its protocol cannot be protected"
	}
	if len(proven) == 0 {
		return inPidgin(otherwise)
	}
	if check == "protection-broken" && anySecret(proven) || check == "below-floor" && a.floor == policy.LevelSecret {
		words = append(words, "--level", "secret")
	}
	for _, name := range names(proven) {
		words = append(words, quote(name))
	}
	line := strings.Join(words, " ")
	if len(proven) < len(subjects) {
		line += "  # the others: " + otherwise
	}
	return line
}

// anySecret keeps a remedy from making an account's level weaker.
func anySecret(accounts []*account) bool {
	for _, x := range accounts {
		if x.protection() == policy.LevelSecret.String() {
			return true
		}
	}
	return false
}

// quote gives a word to a shell: as it is, in single quotes, or, where it has
// bytes that do not print, in $'...', which bash, zsh and ksh read.
func quote(word string) string {
	plain := word != ""
	prints := true
	for _, r := range word {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_", r) {
			plain = false
		}
		if !printable(r) {
			prints = false
		}
	}
	switch {
	case plain && word[0] != '-':
		return word
	case prints:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if c := word[i]; c < 0x20 || c >= 0x7f || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}

func inDir(dir, name string) string { return quote(filepath.Join(dir, filepath.FromSlash(name))) }
