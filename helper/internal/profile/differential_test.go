// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"fmt"
	"testing"
)

func TestReadAgreesWithLibpurple(t *testing.T) {
	for _, name := range []string{"sample", "sample-otr"} {
		t.Run(name, func(t *testing.T) { agree(t, sample(t, name)) })
	}
	for seed := range int64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { agree(t, generated(t, seed)) })
	}
}

const account = "<account><protocol>%s</protocol><name>%s</name>%s</account>"

// TestReadOddities pins what surprised.
func TestReadOddities(t *testing.T) {
	set := func(name, value string) string {
		return "<settings><setting name='" + name + "' type='string'>" + value + "</setting></settings>"
	}
	for name, accounts := range map[string]string{
		"twice":             fmt.Sprintf(account+account, "prpl-irc", "n@h", set("a", "1"), "prpl-irc", "n@h", set("a", "2")+"<proxy><type>tor</type></proxy>"),
		"twice, normalized": fmt.Sprintf(account+account, "prpl-jabber", "a@x.test/", set("a", "1"), "prpl-jabber", "A@X.test/Home", "<proxy><type>none</type></proxy>"),
		"unknown protocol":  fmt.Sprintf(account+account, "prpl-nosuch", "m@h", "", "prpl-nosuch", "M@H", ""),
		"two proxies":       fmt.Sprintf(account, "prpl-irc", "n@h", "<proxy><type>none</type></proxy><proxy><type>tor</type></proxy>"),
		"proxy entities":    fmt.Sprintf(account, "prpl-irc", "n@h", "<proxy><type>t&#111;r</type><host>&amp;amp;<![CDATA[<]]></host></proxy>"),
		"username":          "<account><protocol>prpl-irc</protocol><username>n@h</username></account>",
		"no name":           "<account><protocol>prpl-irc</protocol></account>",
		"other root child":  "<other><account/></other>",
		"migration in a ui": fmt.Sprintf(account, "prpl-jabber", "a@x.test", "<settings ui='x'/>"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, AccountsFile, "<account>"+accounts+"</account>")
			agree(t, dir)
		})
	}
}

func TestMissingFilesAreDefaults(t *testing.T) { agree(t, t.TempDir()) }
