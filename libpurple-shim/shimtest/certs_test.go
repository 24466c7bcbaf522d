// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chain makes n certificates, leaf first, the last one an authority that
// nobody knows. libpurple does not look at them before the plugin does.
func chain(t *testing.T, n int) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := tls.Certificate{PrivateKey: key}
	var parent *x509.Certificate
	for i := n; i > 0; i-- {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: fmt.Sprint("number ", i)},
			NotAfter: time.Now().Add(time.Hour), IsCA: i > 1, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		if parent == nil {
			parent = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		made.Certificate = append([][]byte{der}, made.Certificate...)
		if parent, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// xmpp stands where the gate does, and is the server too: SOCKS, then XMPP up
// to TLS with cert. It gives what the client said inside TLS.
func xmpp(t *testing.T, cert tls.Certificate) (port string, said chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	said = make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(deadline))
		said <- serveXMPP(c, cert)
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, said
}

func serveXMPP(c net.Conn, cert tls.Certificate) string {
	r := bufio.NewReader(c)
	take := func(n int) byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(r, b)
		return b[n-1]
	}
	take(int(take(2))) // greeting
	_, _ = c.Write([]byte{5, 2})
	take(int(take(2))) // user
	take(int(take(1))) // password
	_, _ = c.Write([]byte{1, 0})
	take(int(take(5)) + 2) // CONNECT by name, and the port
	_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	for !strings.HasSuffix(until(r, '>'), "version='1.0'>") {
		if _, err := r.Peek(1); err != nil {
			return "no stream"
		}
	}
	_, _ = io.WriteString(c, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' from='192.0.2.7' version='1.0'>"+
		"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>")
	until(r, '>')
	_, _ = io.WriteString(c, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	inside, err := io.ReadAll(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}))
	var alert tls.AlertError
	if err != nil && !errors.As(err, &alert) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return string(inside) + err.Error()
	}
	return string(inside)
}

func until(r *bufio.Reader, end byte) string {
	s, _ := r.ReadString(end)
	return s
}

// The helper gets the whole chain, byte for byte, and no file is needed for
// it: there is no folder for temporary files here.
func TestChain(t *testing.T) {
	for name, n := range map[string]int{"one": 1, "sixteen": 16} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert := chain(t, n)
			port, said := xmpp(t, cert)
			got := filepath.Join(t.TempDir(), "chain")
			h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER=allow:"+port, "FAKE_CHAIN="+got, "FAKE_WIRE=ALLOW", "TMPDIR=/nonexistent")
			h.do("enable", alice, "1")
			h.expect(`^error ` + alice + ` fatal purple-onion: .*certificate-invalid`)
			h.quit()
			if inside := take(t, said); inside != "" {
				t.Errorf("the client said %q to a server that it does not trust", inside)
			}
			rest, err := os.ReadFile(got)
			if err != nil {
				t.Fatal("the helper was not asked:", err)
			}
			for i, der := range cert.Certificate {
				var block *pem.Block
				if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" || !bytes.Equal(block.Bytes, der) {
					t.Fatalf("certificate %d is not the server's", i)
				}
			}
			if len(bytes.TrimSpace(rest)) > 0 {
				t.Errorf("more than the server sent: %q", rest)
			}
		})
	}
}

// More than any server needs is not looked at.
func TestChainTooLong(t *testing.T) {
	t.Parallel()
	port, said := xmpp(t, chain(t, 17))
	got := filepath.Join(t.TempDir(), "chain")
	h := start(t, userDir(t, protected(away)), install(t, fake), "FAKE_HELPER=allow:"+port, "FAKE_CHAIN="+got, "FAKE_WIRE=ALLOW")
	h.do("enable", alice, "1")
	h.expect(`^error ` + alice + ` fatal purple-onion: .*certificate-invalid`)
	h.quit()
	if inside := take(t, said); inside != "" {
		t.Errorf("the client said %q", inside)
	}
	if _, err := os.Stat(got); err == nil {
		t.Error("the helper was asked about 17 certificates")
	}
}
