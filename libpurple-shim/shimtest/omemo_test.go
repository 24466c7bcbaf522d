// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// prosody is the real one, on loopback, with the lab's modules.
type prosody struct {
	t    *testing.T
	dir  string
	port int
	cert *tls.Config
}

func startProsody(t *testing.T) *prosody {
	t.Helper()
	p := &prosody{t: t, dir: t.TempDir(), cert: certificate(t)}
	for _, dir := range []string{"certs", "hostile/rules", "hostile/inject"} {
		p.must(os.MkdirAll(filepath.Join(p.dir, dir), 0o700))
	}
	key, err := x509.MarshalPKCS8PrivateKey(p.cert.Certificates[0].PrivateKey)
	p.must(err)
	p.write("certs/server.test.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Certificates[0].Certificate[0]}))
	p.write("certs/server.test.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	p.must(err)
	p.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	p.write("prosody.cfg.lua", fmt.Appendf(nil, prosodyConf, p.dir, root, p.port))
	p.user("alice")
	p.user("bob")
	cmd := exec.Command("prosody", "-F", "--config", filepath.Join(p.dir, "prosody.cfg.lua"))
	p.must(cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p.until("Prosody listens", func() bool {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.port))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

const prosodyConf = `run_as_root = true
pidfile = "%[1]s/pid"
data_path = "%[1]s"
plugin_paths = { "%[2]s/scripts/lab.d/prosody" }
certificates = "%[1]s/certs"
interfaces = { "127.0.0.1" }
c2s_ports = { %[3]d }
c2s_direct_tls_ports = { }
s2s_ports = { }
http_ports = { }
https_ports = { }
log = { { levels = { min = "info" }, to = "file", filename = "%[1]s/log" } }
lab_wire_file = "%[1]s/wire.jsonl"
lab_hostile_dir = "%[1]s/hostile"
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = false
modules_enabled = { "roster"; "saslauth"; "tls"; "disco"; "ping"; "presence"; "message"; "iq"; "pep"; "posix"; "smacks"; "carbons";
  "lab_wire"; "lab_hostile"; "lab_pep" }
modules_disabled = { "limits"; "s2s" }
VirtualHost "server.test"
Component "chat.server.test" "muc"
`

func (p *prosody) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// write puts a file in its place at once: Prosody reads it at any time.
func (p *prosody) write(name string, data []byte) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	p.must(os.WriteFile(path+".new", data, 0o600))
	p.must(os.Rename(path+".new", path))
}

func (p *prosody) hostile(name string, v any) {
	p.t.Helper()
	data, err := json.Marshal(v)
	p.must(err)
	p.write("hostile/"+name+".json", data)
}

func (p *prosody) user(name string) {
	p.t.Helper()
	cmd := exec.Command("prosodyctl", "--config", filepath.Join(p.dir, "prosody.cfg.lua"), "register", name, "server.test", "pw")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("cannot register %s: %v: %s", name, err, out)
	}
}

func (p *prosody) until(what string, try func() bool) {
	p.t.Helper()
	for end := time.Now().Add(30 * time.Second); !try(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%s: not in time", what)
		}
	}
}

// received is what clients of a user sent since they logged in.
func (p *prosody) received(user string) string {
	p.t.Helper()
	f, err := os.Open(filepath.Join(p.dir, "wire.jsonl"))
	p.must(err)
	defer f.Close()
	var all strings.Builder
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var chunk struct{ Jid, Data string }
		if json.Unmarshal(s.Bytes(), &chunk) == nil && strings.HasPrefix(chunk.Jid, user+"@") {
			all.WriteString(chunk.Data)
		}
	}
	return all.String()
}

var wholeMessage = regexp.MustCompile(`<message .*?</message>`)

func (p *prosody) messages(user string) []string {
	p.t.Helper()
	return wholeMessage.FindAllString(p.received(user), -1)
}

// through hands a connection on to Prosody, which offers no TLS where clear is
// true: a program that is not ours does not know the certificate.
func (p *prosody) through(clear bool) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		up, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.port))
		if err != nil {
			return
		}
		defer up.Close()
		go func() { _, _ = io.Copy(up, c) }()
		if !clear {
			_, _ = io.Copy(c, up)
			return
		}
		buf := make([]byte, 1<<16)
		for {
			n, err := up.Read(buf)
			if err != nil {
				return
			}
			text := strings.ReplaceAll(string(buf[:n]), "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "")
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// seen is expect for what may have come already.
func (s session) seen(pattern string) {
	s.t.Helper()
	if s.Find(pattern) == "" {
		s.expect(pattern)
	}
}

// friends makes two buddies of each other, who know each other's devices.
func friends(a, b session) {
	for _, pair := range [][2]session{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		from.do("add", from.id, to.jid())
		to.seen(`Recv.*<presence[^>]*(from='` + from.jid() + `[^>]*type='subscribe'|type='subscribe'[^>]*from='` + from.jid() + `)`)
		to.do("node", to.id, "<presence to='"+from.jid()+"' type='subscribed'/>")
	}
	a.do("slash", a.id, b.jid(), "otr status")
	a.seen(`lurch: .*saving \d+ for ` + b.jid())
	b.seen(`lurch: .*saving \d+ for ` + a.jid())
}

func (s session) jid() string {
	return strings.TrimSuffix(strings.TrimPrefix(s.id, "prpl-jabber:"), "/")
}

// whatOMEMOMayBe is all that a message at level secret beside lurch has.
var whatOMEMOMayBe = regexp.MustCompile(`^<message type='chat' id='\w+' to='[^']*'><encrypted xmlns='eu\.siacs\.conversations\.axolotl'><header sid='\d+'>` +
	`(<key rid='\d+'( prekey='\w+')?>[\w+/=]+</key>)+<iv>[\w+/=]+</iv></header><payload>[\w+/=]+</payload></encrypted>` +
	`(<body>You received an OMEMO encrypted message, but your client does not support it\.</body>)?` +
	`(<encryption xmlns='urn:xmpp:eme:0' namespace='eu\.siacs\.conversations\.axolotl' name='OMEMO'/>)?(<store xmlns='urn:xmpp:hints'/>)?</message>$`)

// hostileOMEMO makes of a true message some that say words beside it.
func hostileOMEMO(good string) map[string]string {
	with := func(more string) string { return strings.Replace(good, "</message>", more+"</message>", 1) }
	payload := regexp.MustCompile(`<payload>.*?</payload>`)
	const fallback = "You received an OMEMO encrypted message, but your client does not support it."
	return map[string]string{
		"another body":              with("<body>readablebody</body>"),
		"a body that begins well":   with("<body>" + fallback + " readablemore</body>"),
		"two bodies":                with("<body>" + fallback + "</body><body>readablesecond</body>"),
		"an unknown sibling":        with("<note xmlns='x:y'>readablenote</note>"),
		"XHTML":                     with("<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>readablehtml</body></html>"),
		"words as the payload":      payload.ReplaceAllString(good, "<payload>readable words here</payload>"),
		"no payload, and a body":    payload.ReplaceAllString(with("<body>readablebare</body>"), ""),
		"no payload":                payload.ReplaceAllString(strings.Replace(good, " id='", " id='readableid", 1), ""),
		"an attribute more":         strings.Replace(good, "<header ", "<header note='readableattribute' ", 1),
		"to a multi-user chat":      strings.Replace(with("<subject>readablesubject</subject>"), "type='chat'", "type='groupchat'", 1),
		"devices with words beside": "<iq type='set' id='p1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl.devicelist'><item><list xmlns='eu.siacs.conversations.axolotl'><device id='1' label='readablelabel'/></list></item></publish></pubsub></iq>",
	}
}

// The real lurch on both sides of the real Prosody: alice is secret, and bob,
// without us, the control arm. What lurch encrypts arrives, and nothing else
// passes: what it would send in clear, or another plugin adds, stays behind.
// What comes is shown as what it is.
func TestOMEMO(t *testing.T) {
	t.Parallel()
	lurch, err := filepath.Glob("/usr/lib/*/purple-2/lurch.so")
	if err != nil || len(lurch) == 0 {
		t.Fatalf("lurch is not installed: %v", err)
	}
	p := startProsody(t)
	a := prepared(t, "secret", []account{direct("alice@server.test/")}, p.cert, 5222, p.through(false), "", "HOST_DEBUG=1")
	a.Patience = 60 * time.Second
	a.do("load", lurch[0])
	a.signOn()
	a.seen(`lurch: .*published own bundle`)
	clear := direct("bob@server.test/")
	clear.settings = "<setting name='connect_server' type='string'>127.0.0.1</setting><setting name='port' type='int'>" + serve(t, p.through(true)) +
		"</setting><setting name='connection_security' type='string'>opportunistic_tls</setting>"
	b := session{id: "prpl-jabber:bob@server.test/", host: run(t, userDir(t, clear), "", "HOST_DEBUG=1")}
	b.Patience = 60 * time.Second
	b.do("load", lurch[0])
	b.do("enable", b.id, "1")
	b.expect(`^signed-on `)
	b.seen(`lurch: .*published own bundle`)
	friends(a, b)

	if status := a.Find(`^wrote \S+ system nolog \| Beside lurch: `); !strings.Contains(status, "(omemo-devices-not-checked: ") {
		t.Errorf("the status says %q", status)
	}
	a.do("type", a.id, b.jid(), "readableone")
	b.expect(`^wrote \S+ recv \| readableone`)
	b.do("type", b.id, a.jid(), "readableback")
	a.expect(`^wrote \S+ recv \| readableback$`)
	p.hostile("rules/"+b.jid(), []map[string]string{{"to": a.jid(), "body": "forgedbody"}})
	b.do("type", b.id, a.jid(), "readableagain")
	a.expect(`^wrote \S+ recv \| readableagain$`)
	p.hostile("rules/"+b.jid(), []string{})
	p.hostile("inject/plain", map[string]string{"from": b.jid(), "to": a.jid(), "body": "forgedplain"})
	a.expect(`^wrote \S+ recv .*was NOT encrypted.*forgedplain`)
	if line := a.Find(`^wrote .*forgedbody`); line != "" {
		t.Errorf("shown: %s", line)
	}
	if got := p.received("alice"); !strings.Contains(got, "<publish node='eu.siacs.conversations.axolotl.devicelist'>") || !strings.Contains(got, "<publish node='eu.siacs.conversations.axolotl.bundles:") {
		t.Error("lurch's keys are not published")
	}
	sent := p.messages("alice")
	if len(sent) != 1 || !whatOMEMOMayBe.MatchString(sent[0]) {
		t.Fatalf("the server got %q", sent)
	}

	const nobody, room = "nobody@server.test", "omemo@chat.server.test"
	a.do("type", a.id, nobody, "readablethree")
	a.expect(`^wrote \S+ error nolog \| Not sent: .*lurch knows no OMEMO device of this buddy`)
	a.do("join", a.id, room)
	a.expect(`^notify purple-onion \| .*multi-user chats`)
	a.do("node", a.id, sent[0])
	a.expect(`^node sent`) // a true one passes
	hostile := hostileOMEMO(sent[0])
	for name, stanza := range hostile {
		a.do("node", a.id, stanza)
		if line := a.expect(`^node `); line != "node kept back" {
			t.Errorf("%s: %s", name, line)
		}
	}
	a.do("meddle", "node", "9950", "readablemeddled") // after lurch
	a.do("type", a.id, b.jid(), "readablefour")
	a.expect(`^wrote \S+ error nolog \| Not sent: `)
	a.quit()
	if got := p.received("alice"); strings.Contains(got, "readable") || strings.Contains(got, room) {
		t.Errorf("the server got %s", got)
	}

	if got := p.received("bob"); strings.Contains(got, "readable") {
		t.Errorf("the control arm sent in clear what lurch was to encrypt: %s", got)
	}
	b.do("type", b.id, nobody, "readablethree")
	b.do("join", b.id, room)
	b.expect(`^joined `)
	b.do("type", b.id, room, "readableroom")
	word, want := regexp.MustCompile(`readable\w*`), []string{"readablethree", "readableroom"}
	for _, stanza := range hostile {
		b.do("node", b.id, stanza)
		want = append(want, word.FindString(stanza))
	}
	for _, text := range want {
		p.until("the control arm's "+text+" arrives", func() bool { return strings.Contains(p.received("bob"), text) })
	}
	b.quit()
}
