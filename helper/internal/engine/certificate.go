// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// maxChain bounds what a server may make us look at.
const maxChain = 16

// DecideCertificate says whether a chain (DER, leaf first) that the server
// of the account showed is valid for the account's own domain (RFC 6125; RFC
// 6120, 13.7), whatever name libpurple connected to. What was accepted by
// hand in libpurple does not count; an own authority or pin in config.toml
// does. The text says what is wrong with it.
func (e *Engine) DecideCertificate(handle uint64, chain [][]byte) (policy.Decision, string) {
	a, ok := e.accountOf(handle)
	if !ok {
		return policy.Decision{Reason: policy.ReasonFactMissing}, policy.ReasonFactMissing.Text()
	}
	own := e.parts.Config.ForAccount(a.Account.String())
	if err := e.verify(a.Domain, chain, own); err != nil {
		return policy.Decision{Reason: policy.ReasonCertificateInvalid}, err.Error()
	}
	return policy.Decision{Verdict: policy.Allow}, ""
}

// accountOf finds the account of the newest sign-on under handle.
func (e *Engine) accountOf(handle uint64) (Account, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var newest uint64
	for n, s := range e.sessions {
		if s.account.Handle == handle && n > newest {
			newest = n
		}
	}
	if newest == 0 {
		return Account{}, false
	}
	return e.sessions[newest].account, true
}

func (e *Engine) verify(domain string, chain [][]byte, own config.Account) error {
	if len(chain) == 0 || len(chain) > maxChain || domain == "" {
		return errors.New("the server showed no certificate, or too many")
	}
	if own.CertificatePin != "" {
		return checkPin(chain[0], own.CertificatePin)
	}
	roots, err := e.roots(own.CAFile)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return errors.New("the server's certificate cannot be read")
	}
	middle := x509.NewCertPool()
	for _, der := range chain[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			middle.AddCert(c)
		}
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		DNSName: strings.TrimSuffix(domain, "."), Roots: roots, Intermediates: middle,
		CurrentTime: e.parts.Now(),
	})
	return describe(err, domain)
}

func (e *Engine) roots(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return e.parts.Roots()
	}
	pem, err := e.parts.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read ca_file of config.toml: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("cannot use ca_file of config.toml: no certificate in it")
	}
	return pool, nil
}

// checkPin compares the leaf with "sha256:HEX".
func checkPin(leaf []byte, pin string) error {
	text, found := strings.CutPrefix(pin, "sha256:")
	want, err := hex.DecodeString(text)
	if !found || err != nil || len(want) != sha256.Size {
		return errors.New("cannot use certificate_pin of config.toml: not sha256:HEX")
	}
	have := sha256.Sum256(leaf)
	if subtle.ConstantTimeCompare(have[:], want) != 1 {
		return errors.New("the server's certificate is not the pinned one")
	}
	return nil
}

// describe says which of the usual faults it is, without the certificate's
// own words: those are the server's, or an attacker's.
func describe(err error, domain string) error {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &name):
		return fmt.Errorf("the server's certificate is for another name than %q", domain)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("the server's certificate has expired or is not yet valid")
	case errors.As(err, &unknown):
		return errors.New("the server's certificate is self-signed, or by an authority that this computer does not know")
	default:
		return errors.New("the server's certificate chain is not valid")
	}
}
