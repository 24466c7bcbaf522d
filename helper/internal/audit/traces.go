// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

// traces are what secret accounts left before they were that.
func (a *auditor) traces(d *userDir) {
	secret := map[policy.Account]bool{}
	for _, x := range d.accounts {
		if x.protection() == policy.LevelSecret.String() {
			secret[normal(x.Account.Account)] = true
		}
	}
	if len(secret) == 0 {
		return
	}
	t := tracer{d: d, secret: secret, there: map[string]bool{}}
	for _, f := range d.Files {
		t.there[f.Path] = true
	}
	for _, c := range []struct {
		one, many string
		subjects  []string
		remedy    func([]string) string
	}{
		{"folder of logs is kept of secret accounts", "folders of logs are kept of secret accounts", t.logs(), func(s []string) string { return strings.Replace(removal(d, s), "rm ", "rm -r ", 1) }},
		{"picture is kept of secret accounts or their buddies", "pictures are kept of secret accounts or their buddies", t.pictures(), func(s []string) string { return removal(d, s) }},
		{"certificate is kept of a server that secret accounts alone use", "certificates are kept of servers that secret accounts alone use", t.certificates(), func(s []string) string { return removal(d, s) }},
		{"file keeps statuses of secret accounts or their buddies", "files keep statuses of secret accounts or their buddies", t.statuses(), func([]string) string {
			return inPidgin("with the plugin, sign the account on and off once; Tools, Statuses: delete those of its own")
		}},
	} {
		if len(c.subjects) > 0 {
			a.findAs("traces-kept", d.Path, sorted(c.subjects), count(len(c.subjects), c.one, c.many), c.remedy(c.subjects))
		}
	}
}

// tracer looks through one user directory.
type tracer struct {
	d      *userDir
	secret map[policy.Account]bool
	there  map[string]bool
}

func normal(account policy.Account) policy.Account {
	return policy.Account{Protocol: account.Protocol, Name: profile.NormalName(account, account.Name)}
}

func (t tracer) of(account policy.Account) bool { return t.secret[normal(account)] }

// logs are libpurple's folders logs/PROTOCOL/ACCOUNT (log.c, get_log_dir).
func (t tracer) logs() (found []string) {
	for account := range t.secret {
		want := "logs/" + strings.TrimPrefix(account.Protocol, "prpl-") + "/" + escapeFilename(account.Name)
		for name := range t.there {
			if strings.EqualFold(name, want) {
				found = append(found, "file:"+name)
			}
		}
	}
	return found
}

// escapeFilename is libpurple's purple_escape_filename (util.c).
func escapeFilename(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("@-_.#", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// pictures are the files of the setting buddy_icon, an account's or a buddy's,
// that nobody else has.
func (t tracer) pictures() (found []string) {
	others := map[string]bool{}
	add := func(account policy.Account, s profile.Setting) {
		name := "icons/" + s.Value
		if s.Value == "" || !t.there[name] {
			return
		}
		if t.of(account) {
			found = append(found, "file:"+name)
		} else {
			others[name] = true
		}
	}
	for _, x := range t.d.accounts {
		add(x.Account.Account, x.Settings["buddy_icon"])
	}
	for _, b := range t.d.Buddies {
		add(b.Account, b.Settings["buddy_icon"])
	}
	return without(found, func(s string) bool { return others[strings.TrimPrefix(s, "file:")] })
}

// without gives what is left, each once.
func without(list []string, drop func(string) bool) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), drop)
}

// certificates are named after the server's domain, or a connect server.
func (t tracer) certificates() (found []string) {
	secret, others := map[string]bool{}, map[string]bool{}
	for _, x := range t.d.accounts {
		_, domain, _ := strings.Cut(normal(x.Account.Account).Name, "@")
		for _, host := range []string{domain, x.String("connect_server", "")} {
			if t.of(x.Account.Account) {
				secret[asciiLower(host)] = true
			} else {
				others[asciiLower(host)] = true
			}
		}
	}
	for name := range t.there {
		if host := asciiLower(path.Base(name)); path.Dir(name) == tlsPeers && secret[host] && !others[host] {
			found = append(found, "file:"+name)
		}
	}
	return found
}

func (t tracer) statuses() (found []string) {
	for _, x := range t.d.accounts {
		if x.StatusText && t.of(x.Account.Account) {
			found = append(found, "file:"+profile.AccountsFile)
			break
		}
	}
	for _, b := range t.d.Buddies {
		if _, seen := b.Settings["last_seen"]; seen && t.of(b.Account) {
			found = append(found, "file:"+profile.BuddiesFile)
			break
		}
	}
	if slices.ContainsFunc(t.d.Statuses, t.of) {
		found = append(found, "file:"+profile.StatusFile)
	}
	return found
}
