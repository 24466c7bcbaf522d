// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"crypto/sha3"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// The value types. Each is a struct, since go-toml sets a string kind without
// asking UnmarshalText. An empty string is the default, "not set".
type (
	mode     struct{ text string }
	address  struct{ text string }
	path     struct{ text string }
	line     struct{ text string }
	resolver struct{ text string }
	onion    struct{ text string }
	pin      struct{ text string }
	name     struct{ text string }
	browser  struct{ text string }
	resource struct{ text string }
	delay    struct{ length time.Duration }

	level       struct{ level policy.Level }
	newAccounts struct{ what policy.NewAccounts }
)

func (l *level) UnmarshalText(b []byte) error {
	if l.level = policy.ParseLevel(string(b)); l.level == policy.LevelUnknown {
		return errors.New(`floor is "none", "tor" or "secret"`)
	}
	return nil
}

func (n *newAccounts) UnmarshalText(b []byte) error {
	if n.what = policy.ParseNewAccounts(string(b)); n.what == policy.NewAccountsNotAsked {
		return errors.New(`new_accounts is "none", "ask", "tor" or "secret"`)
	}
	return nil
}

// longestDelay is more than a person waits for an account.
const longestDelay = time.Hour

func (d *delay) UnmarshalText(b []byte) error {
	var err error
	if d.length, err = time.ParseDuration(string(b)); err != nil || d.length < 0 || d.length > longestDelay {
		return errors.New(`signon_delay_max is a time of at most an hour, such as "90s" or "0s"`)
	}
	return nil
}

func (w *browser) UnmarshalText(b []byte) error {
	if w.text = string(b); w.text != "auto" && w.text != "never" {
		return errors.New(`tor_browser is "auto" or "never"`)
	}
	return nil
}

// A resource stands in an address (RFC 7622 section 3.4).
func (r *resource) UnmarshalText(b []byte) error {
	r.text = string(b)
	if len(r.text) > 1023 || strings.ContainsFunc(r.text, func(c rune) bool { return c < ' ' || c == 0x7f }) || !utf8.ValidString(r.text) {
		return errors.New("a resource has no control characters, and at most 1023 bytes")
	}
	return nil
}

func (n *name) UnmarshalText(b []byte) error {
	n.text = string(b)
	if n.text == "" || strings.ContainsAny(n.text, "\r\n\t\x00") || len(n.text) > 3071 {
		return errors.New("a buddy's name has no line end or tab, and is not empty")
	}
	return nil
}

func (m *mode) UnmarshalText(b []byte) error {
	switch m.text = string(b); m.text {
	case "auto", "system", "private":
		return nil
	}
	return errors.New(`tor.mode is "auto", "system" or "private"`)
}

// An address has an IP literal, never a name: a name would be looked up.
func (a *address) UnmarshalText(b []byte) error {
	a.text = string(b)
	if a.text == "" {
		return nil
	}
	if unix, ok := strings.CutPrefix(a.text, "unix:"); ok && filepath.IsAbs(unix) {
		return nil
	}
	if ap, err := netip.ParseAddrPort(a.text); err == nil && ap.Port() != 0 {
		return nil
	}
	return errors.New(`it must be an IP address and port, such as "127.0.0.1:9050", or "unix:" and an absolute path`)
}

func (p *path) UnmarshalText(b []byte) error {
	p.text = string(b)
	if p.text != "" && !filepath.IsAbs(p.text) {
		return errors.New("it must be an absolute path")
	}
	return nil
}

func (l *line) UnmarshalText(b []byte) error {
	l.text = string(b)
	if strings.ContainsAny(l.text, "\r\n\x00") || len(l.text) > 4096 {
		return errors.New("each string of tor.torrc is one line of at most 4096 bytes")
	}
	return nil
}

// host:port#name; the name is the one that the certificate is checked for.
func (r *resolver) UnmarshalText(b []byte) error {
	r.text = string(b)
	if r.text == "" {
		return nil
	}
	at, name, found := strings.Cut(r.text, "#")
	colon := strings.LastIndexByte(at, ':')
	if !found || colon < 0 || !validHost(at[:colon]) || !validPort(at[colon+1:]) || !validDomain(strings.ToLower(name)) {
		return errors.New(`srv_resolver is "host:port#tls-name", such as "9.9.9.9:853#dns.quad9.net"`)
	}
	return nil
}

func validHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6()
	}
	return validDomain(strings.ToLower(host))
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// validDomain takes ASCII host names (RFC 1123, and "_"), in lower case.
func validDomain(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func (o *onion) UnmarshalText(b []byte) error {
	o.text = strings.ToLower(string(b))
	if !ValidOnion(o.text) {
		return errors.New("it is not a v3 onion address (56 letters and digits, with a checksum, and .onion)")
	}
	return nil
}

// ValidOnion says whether host is a v3 onion address in lower case, without a
// subdomain, whose checksum is right (rend-spec-v3 6: ENCODING-ONION-ADDRESS).
func ValidOnion(host string) bool {
	label, ok := strings.CutSuffix(host, ".onion")
	raw, err := base32.StdEncoding.DecodeString(strings.ToUpper(label))
	if !ok || err != nil || len(raw) != 35 || label != strings.ToLower(label) {
		return false
	}
	key, sum, version := raw[:32], raw[32:34], raw[34]
	want := sha3.Sum256(append(append([]byte(".onion checksum"), key...), version))
	return version == 3 && sum[0] == want[0] && sum[1] == want[1]
}

func (p *pin) UnmarshalText(b []byte) error {
	p.text = strings.ToLower(string(b))
	if p.text == "" {
		return nil
	}
	digits, ok := strings.CutPrefix(p.text, "sha256:")
	if sum, err := hex.DecodeString(digits); !ok || err != nil || len(sum) != 32 {
		return errors.New(`certificate_pin is "sha256:" and 64 hexadecimal digits`)
	}
	return nil
}
