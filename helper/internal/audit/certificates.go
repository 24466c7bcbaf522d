// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Where libpurple keeps certificates of servers (certificate.c, tls_peers): a
// PEM file for each, named after the host.
const tlsPeers = "certificates/x509/tls_peers"

const maxCertificateBytes = 1 << 20

// certificates separates those that cannot have been in order when they were
// kept from those that may have been.
func (a *auditor) certificates(d *userDir) {
	byHand, undecided := []string{}, []string{}
	for _, f := range d.Files {
		if path.Dir(f.Path) != tlsPeers || f.Mode.IsDir() {
			continue
		}
		subject := "file:" + f.Path
		file := filepath.Join(d.Path, filepath.FromSlash(f.Path))
		data, kept, err := readCertificate(file)
		switch {
		case err != nil:
			a.problem(file, 0, err)
		case inOrder(data, path.Base(f.Path), kept):
			undecided = append(undecided, subject)
		default:
			byHand = append(byHand, subject)
		}
	}
	if len(byHand) > 0 {
		a.findAs("certificate-accepted-by-hand", d.Path, sorted(byHand), count(len(byHand), "kept certificate was", "kept certificates were")+" not in order", removal(d, byHand))
	}
	if len(undecided) > 0 {
		a.findAs("certificate-accepted-by-hand", d.Path, sorted(undecided), count(len(undecided), "certificate is", "certificates are")+" kept that may have been in order, or accepted by hand", removal(d, undecided))
		last := &a.report.Findings[len(a.report.Findings)-1]
		last.Severity, last.Why = Info, "libpurple keeps those that it found in order and those that a person accepted in one place."
	}
}

func removal(d *userDir, subjects []string) string {
	words := []string{"rm", "--"}
	for _, s := range subjects {
		words = append(words, inDir(d.Path, strings.TrimPrefix(s, "file:")))
	}
	return strings.Join(words, " ")
}

func sorted(s []string) []string {
	sort.Strings(s)
	return s
}

// readCertificate gives the file and when it was written.
func readCertificate(file string) ([]byte, time.Time, error) {
	info, err := os.Lstat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	f, err := os.OpenFile(file, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, time.Time{}, &fs.PathError{Op: "read", Path: file, Err: errors.New("it changed while it was read")}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCertificateBytes))
	return data, info.ModTime(), err
}

// certificate is the part of RFC 5280's Certificate that is looked at. Package
// crypto/x509 would bring the net package with it.
type certificate struct {
	TBS struct {
		Version    int `asn1:"optional,explicit,default:0,tag:0"`
		Serial     *big.Int
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		Validity   struct{ NotBefore, NotAfter time.Time }
		Subject    asn1.RawValue
		Key        asn1.RawValue
		IssuerID   asn1.BitString   `asn1:"optional,tag:1"`
		SubjectID  asn1.BitString   `asn1:"optional,tag:2"`
		Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

var (
	altName      = asn1.ObjectIdentifier{2, 5, 29, 17}
	embeddedSCTs = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962 3.3
)

// inOrder says whether the certificate may have been accepted by libpurple
// itself for this host at that time. False is certain, true is not.
func inOrder(file []byte, host string, kept time.Time) bool {
	block, _ := pem.Decode(file)
	if block == nil || block.Type != "CERTIFICATE" {
		return false
	}
	var c certificate
	if rest, err := asn1.Unmarshal(block.Bytes, &c); err != nil || len(rest) > 0 {
		return false
	}
	v := c.TBS.Validity
	if bytes.Equal(c.TBS.Issuer.FullBytes, c.TBS.Subject.FullBytes) || kept.Before(v.NotBefore) || kept.After(v.NotAfter) {
		return false
	}
	return c.extension(embeddedSCTs) != nil && namesHost(c.extension(altName), host)
}

func (c certificate) extension(id asn1.ObjectIdentifier) []byte {
	for _, e := range c.TBS.Extensions {
		if e.Id.Equal(id) {
			return e.Value
		}
	}
	return nil
}

// namesHost looks for host in a SubjectAltName (RFC 5280 4.2.1.6), by the
// rules of RFC 6125 with a wildcard for the first label only.
func namesHost(san []byte, host string) bool {
	var entries []asn1.RawValue
	if rest, err := asn1.Unmarshal(san, &entries); err != nil || len(rest) > 0 {
		return false
	}
	host = asciiLower(strings.TrimSuffix(host, "."))
	addr, addrErr := netip.ParseAddr(host)
	for _, e := range entries {
		if e.Class != asn1.ClassContextSpecific {
			continue
		}
		const dnsName, ipAddress = 2, 7
		switch e.Tag {
		case dnsName:
			name := asciiLower(string(e.Bytes))
			_, parent, _ := strings.Cut(host, ".")
			if name == host || parent != "" && name == "*."+parent {
				return true
			}
		case ipAddress:
			if addrErr == nil && bytes.Equal(e.Bytes, addr.Unmap().AsSlice()) {
				return true
			}
		}
	}
	return false
}
