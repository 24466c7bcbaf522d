// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bufio"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

const goodOnion = "4colmnerbjz3xtsjmqogehtpbt5upjzef57huilibbq3wfgpsylub7yd.onion"

const everyKey = `
new_accounts = "tor"
floor = "secret"
require_proven_isolation = true
srv_resolver = "9.9.9.9:853#dns.quad9.net"
drop_plaintext = true
tor_browser = "never"
autologin = true
signon_delay_max = "2m"
notify_names = true
[tor]
mode = "private"
socks = "127.0.0.1:9150"
control = "unix:/run/tor/control"
control_password = "hunter2"
program = "/usr/bin/tor"
torrc = ["UseBridges 1", "Bridge 192.0.2.1:443"]
[onions]
"a.example" = "` + goodOnion + `"
[accounts."prpl-jabber:alice@a.example/"]
onion_only = true
ca_file = "/etc/ca.pem"
certificate_pin = "sha256:00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
autologin = true
resource = "here"
require_verified = true
otr_v2 = ["bob@b.example"]
`

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadReadsEveryKey(t *testing.T) {
	c, err := loadUser(write(t, everyKey))
	if err != nil {
		t.Fatal(err)
	}
	if c.Tor.ControlPassword.Reveal() != "hunter2" {
		t.Error("control_password was not read")
	}
	c.Tor.ControlPassword = Default().Tor.ControlPassword
	want := Config{
		NewAccounts: policy.NewAccountsTor, Floor: policy.LevelSecret,
		RequireProvenIsolation: true, DropPlaintext: true, NotifyNames: true, Autologin: true, SignonDelayMax: 2 * time.Minute,
		SRVResolver: "9.9.9.9:853#dns.quad9.net",
		Tor:         Tor{Mode: "private", Socks: "127.0.0.1:9150", Control: "unix:/run/tor/control", Program: "/usr/bin/tor", Torrc: []string{"UseBridges 1", "Bridge 192.0.2.1:443"}},
		Onions:      map[string]string{"a.example": goodOnion},
		Accounts: map[string]Account{"prpl-jabber:alice@a.example/": {
			OnionOnly: true, CAFile: "/etc/ca.pem", RequireVerified: true, Autologin: true, Resource: "here", OTRv2: []string{"bob@b.example"},
			CertificatePin: "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
	if !c.MustVerify("prpl-jabber:alice@a.example") || c.MustVerify("prpl-jabber:bob@a.example/") || !(Config{RequireVerified: true}).MustVerify("any") {
		t.Error("MustVerify is wrong")
	}
	if !c.MayBegin("any") || !(Config{Accounts: map[string]Account{"a:b": {Autologin: true}}}).MayBegin("a:b/") || (Config{Accounts: map[string]Account{"a:b": {Autologin: true}}}).MayBegin("a:c") {
		t.Error("MayBegin is wrong")
	}
	if !c.ForAccount("prpl-jabber:alice@a.example").OnionOnly || c.ForAccount("prpl-jabber:bob@a.example/").OnionOnly {
		t.Error("ForAccount finds the wrong account")
	}
}

func TestLoadWithoutAFileGivesTheDefaults(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "config.toml"), write(t, ""), write(t, "# nothing\n")} {
		c, err := loadUser(path)
		if err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: %+v, %v", path, c, err)
		}
	}
}

func TestLoadNamesTheLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"floor = 'Tor'", ":1: floor is"},
		{"floor = ''", ":1: floor is"},
		{"floor = 1", ":1: "},
		{"floor = 'ask'", ":1: floor is"},
		{"\nnew_accounts = 'unknown'", ":2: new_accounts is"},
		{"\nnew_accounts = ['tor']", ":2: "},
		{"\nrequire_proven_isolatoin = true\n", ":2: no such key: require_proven_isolatoin"},
		{"[tor]\n\nsock = 'x'", ":3: no such key: tor.sock"},
		{"[accounts.'prpl-irc:a@b']\nonion_onyl = true", ":2: no such key: accounts.prpl-irc:a@b.onion_onyl"},
		{"x = [\n", "config.toml:"},
		{"require_proven_isolation = 'yes'", ":1: "},
		{"[tor]\nmode = 'sometimes'", ":2: tor.mode is"},
		{"[tor]\nmode = 3", ":2: "},
		{"[tor]\nsocks = 'localhost:9050'", ":2: it must be an IP address"},
		{"[tor]\nsocks = '127.0.0.1:0'", ":2: it must be an IP address"},
		{"[tor]\ncontrol = 'unix:run'", ":2: it must be an IP address"},
		{"[tor]\nprogram = 'tor'", ":2: it must be an absolute path"},
		{"[tor]\ntorrc = [\n'a',\n\"b\\nc\"]", ":4: each string"},
		{"srv_resolver = '9.9.9.9:853'", ":1: srv_resolver is"},
		{"srv_resolver = '9.9.9.9:70000#a.example'", ":1: srv_resolver is"},
		{"srv_resolver = 'fe80::1:853#a.example'", ":1: srv_resolver is"},
		{"[onions]\n'a.example' = 'x.onion'", ":2: it is not a v3 onion"},
		{"[onions]\n'a.example' = '" + strings.Replace(goodOnion, "4c", "4d", 1) + "'", ":2: it is not a v3 onion"},
		{"\n[onions]\n'a b' = '" + goodOnion + "'", ":3: a key of [onions]"},
		{"\n\n[accounts.alice]\nonion_only = true", ":3: a key of [accounts]"},
		{"accounts.'alice'.onion_only = true", ":1: a key of [accounts]"},
		{"[accounts.'prpl-irc:a@b']\ncertificate_pin = 'sha256:00'", ":2: certificate_pin is"},
		{"[accounts.'prpl-irc:a@b']\nca_file = 'ca.pem'", ":2: it must be an absolute path"},
		{"[accounts.'prpl-irc:a@b']\notr_v2 = [\"a\\tb\"]", ":2: a buddy's name"},
		{"[accounts.'prpl-irc:a@b']\nrequire_verified = 'yes'", ":2: "},
		{"tor_browser = 'firefox'", ":1: tor_browser is"},
		{"tor_browser = true", ":1: "},
		{"signon_delay_max = '2h'", ":1: signon_delay_max is"},
		{"signon_delay_max = '-1s'", ":1: signon_delay_max is"},
		{"signon_delay_max = 90", ":1: "},
		{"[accounts.'prpl-irc:a@b']\nresource = \"a\\u0001\"", ":2: a resource has"},
		{"require_proven_isolation = true\nrequire_proven_isolation = false\n", ":2: "},
		{"a\x00b", "not a text file"},
	} {
		got, err := loadUser(write(t, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "cannot read configuration /") {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
		if !reflect.DeepEqual(got, Config{}) {
			t.Errorf("%q: a configuration came with the error", c.text)
		}
	}
}

func TestErrorsKeepThePasswordToThemselves(t *testing.T) {
	for _, text := range []string{
		"[tor]\ncontrol_password = \"hunter2\n", "[tor]\ncontrol_password = 'hunter2' x", "[tor]\ncontrol_password = ['hunter2']",
		"[tor]\ncontrol_pasword = 'hunter2'", "[tor]\ncontrol_password = hunter2",
	} {
		if _, err := loadUser(write(t, text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLoadRefusesFilesOfOthers(t *testing.T) {
	open := write(t, "require_proven_isolation = true")
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "config.toml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	big := write(t, strings.Repeat("# comment\n", maxBytes/10+1))
	for path, want := range map[string]string{open: "anybody may write", fifo: "not a regular file", t.TempDir(): "not a regular file", big: "larger than 1 MiB"} {
		if _, err := loadUser(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if os.Geteuid() == 0 {
		foreign := write(t, "")
		if err := os.Chown(foreign, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if _, err := loadUser(foreign); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("foreign file: %v", err)
		}
	}
}

func TestFolderIgnoresRelativePaths(t *testing.T) {
	for _, c := range []struct{ xdg, home, want string }{
		{"/x", "/h", "/x/purple-onion/config.toml"},
		{"x", "/h", "/h/.config/purple-onion/config.toml"},
		{"", "/h", "/h/.config/purple-onion/config.toml"},
		{"./x", "h", ""},
	} {
		env := map[string]string{"XDG_CONFIG_HOME": c.xdg, "HOME": c.home}
		if got := File(func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// Each field of the file has its row in Keys, and each row its field.
func TestKeysIsTheWholeTable(t *testing.T) {
	var fields []string
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for i := range typ.NumField() {
			name := prefix + typ.Field(i).Tag.Get("toml")
			switch f := typ.Field(i).Type; {
			case f == reflect.TypeOf(torTable{}):
				walk(name+".", f)
			case f == reflect.TypeOf(map[string]acctable{}):
				walk(name+".ACCOUNT.", f.Elem())
			case f.Kind() == reflect.Map:
				fields = append(fields, name+".DOMAIN")
			default:
				fields = append(fields, name)
			}
		}
	}
	walk("", reflect.TypeOf(file{}))
	var rows []string
	for _, k := range Keys {
		rows = append(rows, k.Name)
		if k.Type == "" || k.Meaning == "" {
			t.Errorf("%s: row is not complete", k.Name)
		}
	}
	if !reflect.DeepEqual(fields, rows) {
		t.Errorf("fields %q\nrows   %q", fields, rows)
	}
}

// The defaults in the table are the ones that Load gives: written out as a
// file they change nothing.
func TestKeysDefaultsAreTrue(t *testing.T) {
	var text strings.Builder
	for _, k := range Keys {
		if k.Default != "" && !strings.Contains(k.Name, "ACCOUNT") {
			text.WriteString(k.Name + " = " + k.Default + "\n")
		}
	}
	d := Default()
	if c, err := loadUser(write(t, strings.Replace(text.String(), "[]", "[]", 1))); err != nil || !reflect.DeepEqual(c, d) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestValidOnionKnowsTheChecksum(t *testing.T) {
	if !ValidOnion(goodOnion) || ValidOnion("www."+goodOnion) || ValidOnion(strings.ToUpper(goodOnion)) || ValidOnion("expyuzz4wqqyqhjn.onion") {
		t.Error("ValidOnion is wrong")
	}
	// one wrong letter anywhere
	for i := range 56 {
		other := byte('a')
		if goodOnion[i] == 'a' {
			other = 'b'
		}
		if ValidOnion(goodOnion[:i] + string(other) + goodOnion[i+1:]) {
			t.Errorf("letter %d is not checked", i)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everyKey))
	s := bufio.NewScanner(strings.NewReader(everyKey))
	for s.Scan() {
		f.Add(s.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parse(data)
		if err != nil {
			return
		}
		for domain, o := range got.Onions {
			if !validDomain(domain) || !ValidOnion(o.text) {
				t.Errorf("let through: %q = %q", domain, o.text)
			}
		}
		if l := got.Floor.level; l > policy.LevelSecret {
			t.Errorf("let through: floor %v", l)
		}
		if m := got.Tor.Mode.text; m != "" && m != "auto" && m != "system" && m != "private" {
			t.Errorf("let through: mode %q", m)
		}
	})
}
