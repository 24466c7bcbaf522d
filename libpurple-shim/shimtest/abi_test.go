// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The contract at its edges: the real helper, called from C as a broken shim
// would call it (abi.c).
func TestABI(t *testing.T) {
	t.Parallel()
	env, _ := settled(t)
	for _, export := range []string{"", "decide_connect"} {
		cmd := exec.Command(filepath.Join(root, "build/asan/test/abi"), filepath.Join(root, real), t.TempDir())
		cmd.Env = append([]string{"HOME=" + t.TempDir(), "ASAN_OPTIONS=detect_leaks=0:handle_segv=0", "PURPLE_ONION_TEST_PANIC=" + export}, env...)
		out, err := cmd.CombinedOutput()
		if err != nil && export == "" || strings.Contains(string(out), "FAILED") && export == "" {
			t.Errorf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), "ok eight threads at once") {
			t.Errorf("with a panic in %q: %s", export, out)
		}
	}
}
