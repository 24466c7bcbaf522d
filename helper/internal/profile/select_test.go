// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"errors"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

func TestSelect(t *testing.T) {
	d := &Dir{Accounts: []Account{
		named("alice@a.test/"), named("bob@b.test/Home"), named("both@x.test"),
		{Account: policy.Account{Protocol: "prpl-irc", Name: "both@x.test"}},
		{Account: policy.Account{Protocol: "prpl-irc", Name: "with:colon@x"}},
	}}
	for arg, want := range map[string]string{
		"prpl-jabber:alice@a.test/": "prpl-jabber:alice@a.test/",
		"alice@a.test":              "prpl-jabber:alice@a.test/",
		"alice@a.test/":             "prpl-jabber:alice@a.test/",
		"bob@b.test/Home":           "prpl-jabber:bob@b.test/Home",
		"prpl-irc:both@x.test":      "prpl-irc:both@x.test",
		"with:colon@x":              "prpl-irc:with:colon@x",
		"prpl-jabber:alice@a.test":  "none",
		"bob@b.test":                "none",
		"":                          "none",
		"both@x.test":               "ambiguous",
		"both@x.test/":              "ambiguous",
	} {
		got, err := Select(d, arg)
		var ae *AccountError
		switch {
		case want == "none" || want == "ambiguous":
			if !errors.As(err, &ae) || (len(ae.Matches) == 2) != (want == "ambiguous") || ExitCode(err) != 2 {
				t.Errorf("%q: %v %v", arg, got, err)
			}
		case err != nil || got.String() != want:
			t.Errorf("%q: %v %v", arg, got, err)
		}
	}
}

func TestChanges(t *testing.T) {
	set := func(kv ...string) map[string]Setting {
		m := map[string]Setting{}
		for i := 0; i < len(kv); i += 3 {
			m[kv[i]] = Setting{Type: kv[i+1], Value: kv[i+2]}
		}
		return m
	}
	for name, c := range map[string]struct {
		protocol string
		settings map[string]Setting
		want     string
	}{
		"xmpp bare":     {"prpl-jabber", nil, "libpurple proxy purple-onion/protection connection_security auth_plain_in_clear"},
		"xmpp done":     {"prpl-jabber", set("connection_security", "string", "require_tls", "auth_plain_in_clear", "bool", "0"), "libpurple proxy purple-onion/protection"},
		"xmpp old ssl":  {"prpl-jabber", set("connection_security", "string", "old_ssl", "port", "int", "5223"), "libpurple proxy purple-onion/protection connection_security auth_plain_in_clear port"},
		"xmpp own port": {"prpl-jabber", set("connection_security", "string", "opportunistic_tls", "port", "int", "15222"), "libpurple proxy purple-onion/protection connection_security auth_plain_in_clear"},
		"irc bare":      {"prpl-irc", nil, "libpurple proxy purple-onion/protection ssl port username realname"},
		"irc 6667":      {"prpl-irc", set("port", "int", "6667"), "libpurple proxy purple-onion/protection ssl port username realname"},
		"irc 6697":      {"prpl-irc", set("port", "int", "6697"), "libpurple proxy purple-onion/protection ssl username realname"},
		"irc over TLS":  {"prpl-irc", set("ssl", "bool", "1", "port", "int", "7000"), "libpurple proxy purple-onion/protection username realname"},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := Changes(Account{Account: policy.Account{Protocol: c.protocol, Name: "a"}, Settings: c.settings}, policy.LevelTor)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, change := range changes {
				names = append(names, change.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	for _, protocol := range []string{"", "prpl-msn", "prpl-jabber "} {
		if _, err := Changes(Account{Account: policy.Account{Protocol: protocol}}, policy.LevelTor); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %v", protocol, err)
		}
	}
	for _, level := range []policy.Level{policy.LevelUnknown, policy.LevelNone, 9} {
		if c, err := Changes(named("a"), level); err == nil || c != nil {
			t.Errorf("level %v: %v", level, c)
		}
	}
}
