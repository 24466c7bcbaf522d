// SPDX-License-Identifier: GPL-3.0-or-later

package gate

import (
	"crypto/sha3"
	_ "embed"
	"encoding/base32"
	"fmt"
	"strings"
	"sync"
)

//go:embed onions.tsv
var onionsTSV string

// known is read once; a broken line leaves the whole list out, and the test
// that the list is whole fails.
var known = sync.OnceValues(func() (map[string]string, error) { return parseOnions(onionsTSV) })

// KnownOnion is the v3 onion address that a domain is known to have, or "".
func KnownOnion(domain string) string {
	list, _ := known()
	return list[strings.ToLower(strings.TrimSuffix(domain, "."))]
}

func parseOnions(text string) (map[string]string, error) {
	list := make(map[string]string)
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		domain, onion, ok := strings.Cut(line, "\t")
		if !ok || !hostLike(domain) || domain != strings.ToLower(domain) || list[domain] != "" {
			return nil, fmt.Errorf("cannot read onions.tsv: line %d", number)
		}
		if !ValidOnion(onion) {
			return nil, fmt.Errorf("cannot read onions.tsv: line %d: not a v3 onion address", number)
		}
		list[domain] = onion
	}
	return list, nil
}

// ValidOnion says whether text is a v3 onion address with its right checksum
// (rend-spec-v3, "Encoding onion addresses"): base32 of the 32-byte key, the
// first two bytes of SHA3-256(".onion checksum" key version), and version 3. A
// name before it is refused.
func ValidOnion(text string) bool {
	label, ok := strings.CutSuffix(strings.ToLower(text), ".onion")
	if !ok || len(label) != 56 {
		return false
	}
	raw, err := base32.StdEncoding.DecodeString(strings.ToUpper(label))
	if err != nil || len(raw) != 35 || raw[34] != 3 {
		return false
	}
	sum := sha3.Sum256([]byte(".onion checksum" + string(raw[:32]) + "\x03"))
	return raw[32] == sum[0] && raw[33] == sum[1]
}
