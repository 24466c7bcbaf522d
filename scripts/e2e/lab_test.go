// SPDX-License-Identifier: GPL-3.0-or-later

//go:build e2e || encryption

// Package e2e drives real programs in the lab and asserts on what left a
// client's namespace, on the wire, and on what the servers saw. LAB_DIR names
// a lab that is up; scripts/e2e/run brings one up.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/libpurple-shim/drive"
)

var root = func() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}()

// lab runs a verb of scripts/lab and gives its output.
func lab(t testing.TB, args ...string) string {
	t.Helper()
	out, err := tryLab(args...)
	if err != nil {
		t.Fatalf("lab %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryLab(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(root, "scripts/lab"), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}

var export = regexp.MustCompile(`(?m)^export ([A-Z0-9_]+)=(.*)$`)

func environment(t testing.TB, args ...string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, m := range export.FindAllStringSubmatch(lab(t, args...), -1) {
		env[m[1]] = strings.Trim(m[2], "'")
	}
	return env
}

// client is a machine under test with a home of its own.
type client struct {
	t    testing.TB
	name string
	home string
	env  []string
	file string // of the capture
}

// newClient adds a client to the lab and begins to capture what leaves it.
func newClient(t testing.TB, name string, options ...string) *client {
	t.Helper()
	lab(t, append([]string{"client", "add", name}, options...)...)
	home, err := os.MkdirTemp("", "e2e-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, name: name, home: home, file: filepath.Join(home, "wire.pcap")}
	c.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LC_ALL=C.UTF-8", "HOST_DEBUG=1",
		"XDG_CONFIG_HOME=" + home + "/config", "XDG_STATE_HOME=" + home + "/state", "XDG_RUNTIME_DIR=" + home,
		"ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0"}
	t.Cleanup(func() {
		lab(t, "client", "del", name)
		_ = os.RemoveAll(home)
	})
	c.config("[tor]\nmode = \"system\"\n")
	lab(t, "capture", "start", name, c.file)
	return c
}

func (c *client) config(text string) {
	c.t.Helper()
	write(c.t, filepath.Join(c.home, "config/purple-onion/config.toml"), "autologin = true\nsignon_delay_max = \"0s\"\n"+text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// capture is the verdict on what left a client.
type capture struct {
	ToTor     int  `json:"to_tor"`
	Elsewhere int  `json:"elsewhere"`
	Trusted   bool `json:"trusted"`
	List      []struct {
		Dst   string   `json:"dst"`
		Count int      `json:"count"`
		DNS   []string `json:"dns"`
	} `json:"list"`
}

// wire ends the capture.
func (c *client) wire() capture {
	c.t.Helper()
	out, _ := tryLab("capture", "stop", c.name, c.file, "--json") // its exit status says what the JSON says
	var v capture
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		c.t.Fatalf("capture: %v: %s", err, out)
	}
	if !v.Trusted {
		c.t.Fatalf("the capture cannot be trusted: %s", out)
	}
	return v
}

// clean fails unless nothing left but to Tor.
func (c *client) clean() {
	c.t.Helper()
	if v := c.wire(); v.Elsewhere != 0 {
		c.t.Errorf("%d packets left elsewhere: %+v", v.Elsewhere, v.List)
	}
}

// leaks fails unless something left: the control arm.
func (c *client) leaks() {
	c.t.Helper()
	if v := c.wire(); v.Elsewhere == 0 {
		c.t.Error("the control did not leak: the case proves nothing")
	}
}

func (c *client) command(words ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(root, "scripts/lab"), append([]string{"exec", c.name, "--"}, words...)...)
	cmd.Env = append(append([]string{}, c.env...), "LAB_DIR="+os.Getenv("LAB_DIR"))
	return cmd
}

// account is an account of a user directory.
type account struct{ protocol, name, settings, proxy string }

func jabber(name, proxy string) account {
	return account{"prpl-jabber", name, "<setting name='connection_security' type='string'>require_tls</setting>", proxy}
}

func (a account) id() string { return a.protocol + ":" + a.name }

const (
	direct = "<proxy><type>none</type></proxy>"
	socks5 = "<proxy><type>socks5</type><host>127.0.0.1</host><port>9050</port></proxy>"
	shared = "<proxy><type>tor</type><host>127.0.0.1</host><port>9050</port><username>same</username><password>same</password></proxy>"
)

// userDir writes a user directory with the plugin laid out as installed.
func (c *client) userDir(accounts ...account) string {
	c.t.Helper()
	dir := filepath.Join(c.home, ".purple")
	var b strings.Builder
	b.WriteString("<?xml version='1.0' encoding='UTF-8' ?>\n\n<account version='1.0'>\n")
	for _, a := range accounts {
		password := "<password>pw-e2e</password>"
		if a.protocol == "prpl-irc" {
			password = "" // the server has none, and refuses who shows one
		}
		fmt.Fprintf(&b, "\t<account>\n\t\t<protocol>%s</protocol>\n\t\t<name>%s</name>\n\t\t%s\n\t\t<settings>%s</settings>\n\t\t%s\n\t</account>\n",
			a.protocol, a.name, password, a.settings, a.proxy)
	}
	b.WriteString("</account>\n")
	write(c.t, filepath.Join(dir, "accounts.xml"), b.String())
	c.install(dir, "build/asan/lib/plugins/purple-onion.so", "build/lib/purple-onion/libpurple-onion.so")
	return dir
}

func (c *client) install(dir, shim, helper string) {
	c.t.Helper()
	for from, to := range map[string]string{shim: "plugins/purple-onion.so", helper: "purple-onion/libpurple-onion.so"} {
		data, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			c.t.Fatal(err)
		}
		write(c.t, filepath.Join(dir, to), string(data))
	}
}

// protect runs the command line on the user directory.
func (c *client) protect(dir, level string, ids ...string) {
	c.t.Helper()
	cmd := exec.Command(filepath.Join(root, "build/purple-onion"), append([]string{"protect", "--user-dir", dir, "--level", level}, ids...)...)
	cmd.Env = c.env
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("protect: %v\n%s", err, out)
	}
}

// host starts the host in the client, with the plugin or without.
func (c *client) host(dir string, plugin bool) *drive.Host {
	c.t.Helper()
	words := []string{filepath.Join(root, "build/asan/test/host"), dir}
	if plugin {
		words = append(words, filepath.Join(dir, "plugins/purple-onion.so"))
	}
	h := drive.Start(c.t, c.command(words...))
	if plugin && h.Find(`^loaded .* 1$`) == "" {
		c.t.Fatal("the plugin does not load")
	}
	if plugin {
		h.Expect(`core-purple-onion: Tor is `)
	}
	return h
}

// settle waits until Tor is no longer starting.
func settle(h *drive.Host) {
	h.Patience = 60 * time.Second
	if h.Find(`core-purple-onion: Tor is (absent|ready|dead|not-tor)`) == "" {
		h.Expect(`core-purple-onion: Tor is (absent|ready|dead|not-tor)`)
	}
}

// online enables an account and waits until it is signed on.
func online(h *drive.Host, id string) {
	h.Do("enable", id, "1")
	h.Expect(`^signed-on ` + regexp.QuoteMeta(id))
}

// refused enables an account and waits for the reason.
func refused(h *drive.Host, id, reason string) {
	h.Do("enable", id, "1")
	h.Expect(`^error ` + regexp.QuoteMeta(id) + ` .*purple-onion: .*\(` + reason + `\)`)
	h.Expect(`^signed-off ` + regexp.QuoteMeta(id))
}

// user makes an account on a server of the lab; names are used once.
func user(t testing.TB, jid string) { lab(t, "adduser", jid, "pw-e2e") }
