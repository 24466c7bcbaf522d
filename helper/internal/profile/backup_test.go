// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

func TestBackupsLeaveSecretsOut(t *testing.T) {
	o := options(t, t.TempDir())
	put(t, o.UserDir, AccountsFile, "<?xml version='1.0'?><account>"+strings.Replace(account, "%s</account>",
		"<password>hunter<!-- x -->2</password><settings><setting name='api_token' type='string'>hunter2</setting></settings>"+
			"<proxy><type>socks5</type><host>h</host><password><![CDATA[hunter2]]></password></proxy><!-- old <password>hunter2</password> --></account>", 1)+"</account>")
	text := strings.NewReplacer("<protocol>%s", "<protocol>prpl-jabber", "<name>%s", "<name>me@x.test").Replace(get(t, o.UserDir, AccountsFile))
	put(t, o.UserDir, AccountsFile, text)
	put(t, o.UserDir, PrefsFile, "<pref name='/'><pref name='purple'><pref name='proxy'><pref name='password' type='string' value='hunter2'/><pref name='host' type='string' value='h'/></pref></pref></pref>")
	r := protect(t, o)
	if len(r.Backups) != 2 {
		t.Fatalf("%v", r.Backups)
	}
	for _, path := range r.Backups {
		copied := get(t, "", path)
		if strings.Contains(copied, "hunter") || !strings.Contains(copied, backupNote) || !strings.Contains(copied, "h<") && !strings.Contains(copied, "value='h'") {
			t.Errorf("%s", copied)
		}
		if _, err := parseXML([]byte(copied)); err != nil {
			t.Error(err)
		}
		for path, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v %v", path, info.Mode(), err)
			}
		}
	}
	if !strings.Contains(get(t, o.UserDir, AccountsFile), "hunter<!-- x -->2") {
		t.Error("the account lost its password")
	}
}

func TestTenBackupsAreKept(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "")
	o.Shim = ""
	var made []string
	for i := range 7 {
		o.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 2*i, 0, time.UTC) }
		made = append(made, protect(t, o).Backups...)
		o.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 2*i+1, 0, time.UTC) }
		made = append(made, release(t, o).Backups...)
	}
	left, err := filepath.Glob(filepath.Join(o.UserDir, BackupDir, "*"))
	if err != nil || len(made) != 14 || !sort.StringsAreSorted(made) || strings.Join(left, " ") != strings.Join(made[4:], " ") {
		t.Errorf("made %v\nleft %v", made, left)
	}
}

func TestBackupDoesNotFollowLinks(t *testing.T) {
	o, elsewhere := oneAccount(t, "prpl-jabber", ""), t.TempDir()
	before := get(t, o.UserDir, AccountsFile)
	if err := os.Symlink(elsewhere, filepath.Join(o.UserDir, "purple-onion")); err != nil {
		t.Fatal(err)
	}
	if _, err := Protect(o); ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
	untouched(t, o, before)
	if entries, _ := os.ReadDir(elsewhere); len(entries) > 0 {
		t.Error("a backup went through the link")
	}
}

func TestWrittenFilesAreTheUsersAlone(t *testing.T) {
	o := oneAccount(t, "prpl-jabber", "<proxy><type>socks5</type><host>h</host><password>hunter2</password></proxy>")
	protect(t, o)
	record, _ := RecordPath(o.StateDir, o.UserDir)
	for path, mode := range map[string]os.FileMode{
		filepath.Join(o.UserDir, AccountsFile): 0o600, filepath.Join(o.UserDir, PrefsFile): 0o600,
		record: 0o600, o.StateDir: 0o700,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v", path, err)
		}
	}
	entries, err := os.ReadDir(o.UserDir)
	if err != nil || len(entries) != 3 {
		t.Errorf("temporary files stay: %v %v", entries, err)
	}
	r, err := OpenRecord(o.StateDir, o.UserDir)
	if err != nil || r.Level(policy.Account{Protocol: "prpl-jabber", Name: "me@x.test"}).Level != policy.LevelTor {
		t.Error(err)
	}
	release(t, o)
	if p := the(t, o).Proxy; p.Password.Reveal() != "hunter2" {
		t.Error("the proxy's password was not given back")
	}
}
