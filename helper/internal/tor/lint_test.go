// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import "testing"

func TestIsolationOff(t *testing.T) {
	tcp, unix := address{"tcp", "127.0.0.1:9050"}, address{"unix", "/run/tor/socks"}
	tests := []struct {
		value string
		socks address
		want  string
	}{
		{"", tcp, ""},
		{"9050", tcp, ""},
		{"9050 IsolateSOCKSAuth", tcp, ""},
		{"9050 NoIsolateSOCKSAuth", tcp, "NoIsolateSOCKSAuth"},
		{"9050 noisolatesocksauth", tcp, "NoIsolateSOCKSAuth"},
		{"127.0.0.1:9050 IPv6Traffic PreferSOCKSNoAuth", tcp, "PreferSOCKSNoAuth"},
		{"0.0.0.0:9050 PreferSOCKSNoAuth", tcp, "PreferSOCKSNoAuth"},
		{"auto NoIsolateSOCKSAuth", tcp, "NoIsolateSOCKSAuth"}, // it may be this one
		{"9150 NoIsolateSOCKSAuth", tcp, ""},
		{"[::1]:9050 NoIsolateSOCKSAuth", tcp, ""},
		{`unix:/run/tor/socks NoIsolateSOCKSAuth`, tcp, ""},
		{`unix:/run/tor/socks NoIsolateSOCKSAuth`, unix, "NoIsolateSOCKSAuth"},
		{`unix:"/run/tor/socks" WorldWritable NoIsolateSOCKSAuth`, unix, "NoIsolateSOCKSAuth"},
		{`unix:/elsewhere NoIsolateSOCKSAuth`, unix, ""},
		{"9050 NoIsolateSOCKSAuth", unix, ""},
	}
	for _, tt := range tests {
		if got := isolationOff(tt.value, tt.socks); got != tt.want {
			t.Errorf("%q at %v: %q, want %q", tt.value, tt.socks, got, tt.want)
		}
	}
}

func TestStreamCircuits(t *testing.T) {
	got := parseStreams("7 SUCCEEDED 23 a.test:5222\r\n8 NEW 0 b.test:5222\n9 SENTCONNECT 24 c:1\nx\n\n")
	want := map[string]string{"7": "23", "9": "24"}
	if len(got) != len(want) || got["7"] != "23" || got["9"] != "24" {
		t.Errorf("%v, want %v", got, want)
	}
}
