// SPDX-License-Identifier: GPL-3.0-or-later

package constbn

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecret has valgrind's memcheck follow an exponent: it reports branches
// and addresses that depend on it. math/big is the control that must fail.
func TestSecret(t *testing.T) {
	prime := hex.EncodeToString(otrPrime)
	for _, tc := range []struct {
		name, tags, how, modulus, base string
	}{
		{"2 in OTR's group", "", "constbn", prime, "02"},
		{"any in OTR's group", "", "constbn", prime, prime[:len(prime)-4]},
		{"without assembly", "purego", "constbn", prime, prime[:len(prime)-4]},
		{"an odd length", "", "constbn", prime[:250] + "01", "0305070b0d"},
		{"control", "", "big", prime, "03"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			found := follow(t, build(t, tc.tags), tc.how, tc.modulus, tc.base)
			if tc.how == "constbn" && len(found) > 0 {
				t.Errorf("depend on the exponent:\n%s", strings.Join(found, "\n"))
			} else if tc.how == "big" && len(found) == 0 {
				t.Error("nothing in math/big depends on the exponent: valgrind does not follow it")
			}
		})
	}
}

func build(t *testing.T, tags string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "secrettest")
	if out, err := exec.Command("go", "build", "-tags", tags, "-o", program, "./secrettest").CombinedOutput(); err != nil {
		t.Fatalf("cannot build secrettest: %v\n%s", err, out)
	}
	return program
}

// expected: Go's runtime looks at each word of a stack that it moves, which has
// to do with no secret; and whether a result is kept may be seen (doc.go).
func expected(place string) bool {
	return strings.Contains(place, ": runtime.adjustframe (") || strings.Contains(place, ": github.com/coyim/constbn.(*recent).recall (")
}

// follow returns where memcheck saw a secret decide.
func follow(t *testing.T, program, how, modulus, base string) []string {
	t.Helper()
	cmd := exec.Command("valgrind", "-q", "--error-limit=no", program, how, modulus, base)
	var report strings.Builder
	cmd.Stderr = &report
	result, err := cmd.Output()
	if err != nil {
		t.Fatalf("valgrind: %v\n%s", err, report.String())
	}
	want := power(unhex(t, base), []byte("forty bytes that nobody else is to know."), unhex(t, modulus))
	if string(result) != fmt.Sprintf("%x\n", want) {
		t.Errorf("under valgrind the power is %s, want %x", result, want)
	}
	var found []string
	lines := strings.Split(report.String(), "\n")
	for i, line := range lines[:len(lines)-1] {
		if strings.Contains(line, "uninitialised value") && !expected(lines[i+1]) {
			found = append(found, line, lines[i+1])
		}
	}
	return found
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
