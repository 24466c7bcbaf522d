// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import "testing"

func TestReadSamples(t *testing.T) {
	d, err := read("testdata/sample", "")
	if err != nil || len(d.Errors) > 0 {
		t.Fatal(err, d.Errors)
	}
	if len(d.Accounts) != 10 || len(d.Buddies) != 1 {
		t.Fatalf("%d accounts, %d buddies", len(d.Accounts), len(d.Buddies))
	}
	tor := d.Accounts[7]
	if tor.Proxy == nil || tor.Proxy.Type != "tor" || tor.Proxy.Port != 9050 || tor.Proxy.User != "purple-onion:9f2c" || !tor.Enabled {
		t.Errorf("tor account read as %+v %+v", tor, tor.Proxy)
	}
	if d.Accounts[1].Proxy != nil || d.Accounts[0].Proxy != nil || d.Accounts[3].Proxy.Type != "none" {
		t.Error("proxies of type global or none are read wrong")
	}
}
