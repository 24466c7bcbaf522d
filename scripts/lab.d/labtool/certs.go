// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// An authority signs leaf certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certs writes ca.crt and, for each NAME, NAME.crt and NAME.key (PEM). A NAME
// may say what is wrong with its certificate:
//
//	NAME=other:NAME2   good in itself, but for NAME2
//	NAME=expired       over since yesterday
//	NAME=selfsigned    signed by its own key
//	NAME=unknownca     signed by a CA that nobody trusts
//
// The CA's key is never written: nobody can make more of these certificates.
func certs(args []string) (int, error) {
	dir := args[0]
	lab, err := newAuthority("Lab test CA")
	if err != nil {
		return 1, err
	}
	unknown, err := newAuthority("Unknown CA")
	if err != nil {
		return 1, err
	}
	if err := writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", lab.cert.Raw, 0o644); err != nil {
		return 1, err
	}
	for _, arg := range args[1:] {
		name, wrong, _ := strings.Cut(arg, "=")
		if err := leaf(dir, name, wrong, lab, unknown); err != nil {
			return 1, fmt.Errorf("cannot make the certificate of %s: %w", name, err)
		}
	}
	return 0, nil
}

func newAuthority(name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	t, err := template(name)
	if err != nil {
		return authority{}, err
	}
	t.IsCA = true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

func template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	common := name[:min(len(name), 64)] // X.520 allows no more
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: common},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(365 * 24 * time.Hour),
		BasicConstraintsValid: true,
	}, err
}

func leaf(dir, name, wrong string, lab, unknown authority) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	other, isOther := strings.CutPrefix(wrong, "other:")
	subject := name
	if isOther {
		subject = other
	}
	t, err := template(subject)
	if err != nil {
		return err
	}
	t.DNSNames = []string{subject}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	signer := lab
	switch {
	case wrong == "" || isOther:
	case wrong == "expired":
		t.NotAfter = time.Now().Add(-24 * time.Hour)
	case wrong == "selfsigned":
		signer = authority{t, key}
	case wrong == "unknownca":
		signer = unknown
	default:
		return fmt.Errorf("no such fault: %q", wrong)
	}
	return writeLeaf(filepath.Join(dir, name), t, key, signer)
}

func writeLeaf(path string, t *x509.Certificate, key *ecdsa.PrivateKey, signer authority) error {
	der, err := x509.CreateCertificate(rand.Reader, t, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(path+".crt", "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	return writePEM(path+".key", "PRIVATE KEY", private, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
