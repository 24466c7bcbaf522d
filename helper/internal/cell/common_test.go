// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"testing"
	"time"
)

const patience = 60 * time.Second // how long a test waits for what must come

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
