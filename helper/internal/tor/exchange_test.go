// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// authority makes a certificate for one name, and the pool that trusts it.
func authority(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestExchangeChecksTheCertificateAndTheTime(t *testing.T) {
	cert, trusted := authority(t, "dns.test")
	for _, c := range []struct {
		name   string
		tls    string
		roots  *x509.CertPool
		answer []byte
		want   string // empty: an error
	}{
		{"good", "dns.test", trusted, []byte{0, 3, 'y', 'e', 's'}, "yes"},
		{"another name", "other.test", trusted, []byte{0, 3, 'y', 'e', 's'}, ""},
		{"unknown authority", "dns.test", x509.NewCertPool(), []byte{0, 3, 'y', 'e', 's'}, ""},
		{"cut short", "dns.test", trusted, []byte{0, 9, 'y'}, ""},
		{"silent", "dns.test", trusted, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			asked := make(chan []byte, 1)
			go func() {
				server := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}})
				b := make([]byte, 7)
				if _, err := io.ReadFull(server, b); err == nil {
					asked <- b
					if c.answer != nil {
						_, _ = server.Write(c.answer)
						_ = server.Close()
					}
				}
			}()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			got, err := exchange(ctx, ours, &tls.Config{ServerName: c.tls, RootCAs: c.roots, MinVersion: tls.VersionTLS12}, []byte("query"))
			if (err == nil) != (c.want != "") || err == nil && string(got) != c.want {
				t.Errorf("%q %v", got, err)
			}
			if c.want != "" && !bytes.Equal(<-asked, []byte("\x00\x05query")) {
				t.Error("the question did not arrive")
			}
		})
	}
}
