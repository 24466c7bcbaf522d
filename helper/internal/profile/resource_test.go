// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

func TestResourceWarning(t *testing.T) {
	for _, c := range []struct {
		protocol, name string
		told           bool
	}{
		{"prpl-jabber", "a@x.test/deepbox", true},
		{"prpl-jabber", "a@x.test/Pidgin-on-DeepBox-2", true},
		{"prpl-jabber", "a@x.test/annette", true},
		{"prpl-jabber", "a@x.test/Home", false},
		{"prpl-jabber", "a@x.test/", false},
		{"prpl-jabber", "annette@deepbox.test", false},
		{"prpl-irc", "annette@deepbox/annette", false},
	} {
		told := ResourceWarning(policy.Account{Protocol: c.protocol, Name: c.name}, "deepbox.lan", "annette", "al", "root", "")
		if (told != "") != c.told {
			t.Errorf("%s: %q", c.name, told)
		}
	}
}

func TestProtectWarnsOfTheResource(t *testing.T) {
	o := options(t, t.TempDir())
	o.Names = []string{"deepbox"}
	put(t, o.UserDir, AccountsFile, "<account>"+fmt.Sprintf(account+account, "prpl-jabber", "a@x.test/deepbox", "", "prpl-jabber", "b@x.test/Home", "")+"</account>")
	r := protect(t, o)
	if len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "prpl-jabber:a@x.test/deepbox: the resource") {
		t.Errorf("%q", r.Warnings)
	}
	if r = release(t, o); len(r.Warnings) > 0 {
		t.Errorf("at release: %q", r.Warnings)
	}
}
