// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e

package e2e

import (
	"bytes"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var labTest = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): TestLab\w+`)

// Package tor's own tests against the lab's network (build tag lab): circuits
// and exits of streams, SRV records through Tor. They run inside a client, and
// nothing of theirs leaves it but to Tor.
func TestPackageTor(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "tor.test")
	build := exec.Command("go", "test", "-c", "-tags", "lab", "-o", program, "./helper/internal/tor")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the tests: %v\n%s", err, out)
	}
	c := newClient(t, "tor-package")
	env := environment(t, "env")
	maps.Copy(env, environment(t, "client", "env", c.name))
	env["SSL_CERT_FILE"] = env["LAB_CA"]
	for name, value := range env {
		c.env = append(c.env, name+"="+value)
	}
	cmd := c.command(program, "-test.run", "^TestLab", "-test.v", "-test.timeout", "120s")
	out, err := cmd.CombinedOutput()
	ran := labTest.FindAllSubmatch(out, -1)
	if err != nil || len(ran) < 2 || bytes.Contains(out, []byte("--- SKIP")) {
		t.Errorf("%d tests ran: %v\n%s", len(ran), err, out)
	}
	c.clean()
}
