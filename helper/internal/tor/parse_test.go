// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"math"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// The event as tor 0.4.9.11 sends it.
const newEvent = `14 NEW 0 a.test:5222 SOURCE_ADDR=127.0.0.1:38064 PURPOSE=USER SOCKS_USERNAME="us\"er\\x y" SOCKS_PASSWORD="p w" CLIENT_PROTOCOL=SOCKS5 NYM_EPOCH=0 SESSION_GROUP=-4 ISO_FIELDS=SOCKS_USERNAME,SOCKS_PASSWORD,CLIENTADDR,SESSION_GROUP,NYM_EPOCH`

func TestStreamEvents(t *testing.T) {
	for _, c := range []struct {
		name, event, user, password, source string
		want                                policy.Isolation
	}{
		{"ours", newEvent, `us"er\x y`, "p w", "127.0.0.1:38064", policy.IsolationProven},
		{"ours, over a unix socket", newEvent, `us"er\x y`, "p w", "", policy.IsolationProven},
		{"another user name on our connection", newEvent, "other", "p w", "127.0.0.1:38064", policy.IsolationOff},
		{"another password", newEvent, `us"er\x y`, "other", "127.0.0.1:38064", policy.IsolationOff},
		{"another's connection", newEvent, `us"er\x y`, "p w", "127.0.0.1:38065", policy.IsolationUnknown},
		{"another's, over a unix socket", newEvent, "other", "p w", "", policy.IsolationUnknown},
		{"password not isolated by", strings.Replace(newEvent, ",SOCKS_PASSWORD,", ",", 1), `us"er\x y`, "p w", "127.0.0.1:38064", policy.IsolationOff},
		{"user name not isolated by", strings.Replace(newEvent, "=SOCKS_USERNAME,", "=", 1), `us"er\x y`, "p w", "127.0.0.1:38064", policy.IsolationOff},
		{"an old Tor", newEvent[:strings.Index(newEvent, " SOURCE_ADDR")] + " SOURCE_ADDR=127.0.0.1:38064", `us"er\x y`, "p w", "127.0.0.1:38064", policy.IsolationUnknown},
		{"fields inside the user name", `14 NEW 0 a:1 SOURCE_ADDR=127.0.0.1:1 SOCKS_USERNAME="x ISO_FIELDS=SOCKS_USERNAME,SOCKS_PASSWORD SOCKS_PASSWORD=p" ISO_FIELDS=CLIENTADDR`, "x", "p", "127.0.0.1:1", policy.IsolationOff},
	} {
		var w streamWatch
		s := &sighting{user: redact.New(c.user), password: redact.New(c.password), source: c.source, seen: make(chan struct{}), isolation: policy.IsolationUnknown}
		w.expected = append(w.expected, s)
		w.event(c.event)
		w.event("14 SENTCONNECT 23 a.test:5222")
		got, circuit, _ := s.state()
		if got != c.want || c.want != policy.IsolationUnknown && circuit != "23" {
			t.Errorf("%s: %v, circuit %q", c.name, got, circuit)
		}
		w.event("14 CLOSED 23 a.test:5222 REASON=DONE")
		if len(w.byID) > 0 {
			t.Errorf("%s: a closed stream is kept", c.name)
		}
	}
}

// FuzzStreamEvent: nothing but our exact credentials proves isolation.
func FuzzStreamEvent(f *testing.F) {
	f.Add(newEvent)
	f.Add(`14 NEW 0 a SOURCE_ADDR=1.2.3.4:5 SOCKS_USERNAME="\101\x" SOCKS_PASSWORD="`)
	f.Fuzz(func(t *testing.T, text string) {
		var w streamWatch
		user, password := NewCredentials()
		s := &sighting{user: user, password: password, source: "127.0.0.1:38064", seen: make(chan struct{}), isolation: policy.IsolationUnknown}
		w.expected = append(w.expected, s)
		w.event(text)
		if got, _, _ := s.state(); got == policy.IsolationProven {
			t.Errorf("proven by %q", text)
		}
		for _, word := range words(text) {
			if !strings.Contains(text, word) || word == "" {
				t.Errorf("word %q is not of the line", word)
			}
		}
	})
}

func TestCircuits(t *testing.T) {
	list := parseCircuits("23 BUILT $AA~a,$BB~b,$CC BUILD_FLAGS=NEED_CAPACITY PURPOSE=CONFLUX_LINKED TIME_CREATED=2026-01-01T00:00:00.0 SOCKS_USERNAME=\"u\" CONFLUX_ID=77\r\n" +
		"24 BUILT $AA~a PURPOSE=HS_CLIENT_REND REND_QUERY=abc\n25 LAUNCHED PURPOSE=GENERAL\n\nnonsense\n")
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	if exit, ok := list[0].Exit(); !ok || exit.Fingerprint != "CC" || list[0].ConfluxID != "77" || list[0].Path[1] != (Relay{"BB", "b"}) || list[0].User.Reveal() != "u" {
		t.Errorf("%+v", list[0])
	}
	if _, ok := list[1].Exit(); ok || list[1].Onion != "abc" {
		t.Errorf("%+v", list[1])
	}
	if _, ok := list[2].Exit(); ok {
		t.Errorf("%+v", list[2])
	}
}

func TestListeners(t *testing.T) {
	list := `"127.0.0.1:9050" "0.0.0.0:9060" "unix:/run/to r/socks"`
	for text, want := range map[string]bool{"127.0.0.1:9050": true, "127.0.0.1:9060": true, "unix:/run/to r/socks": true,
		"127.0.0.1:905": false, "127.0.0.1:9051": false, "127.0.0.2:9050": false, "unix:/run/to": false} {
		a, err := parseAddress(text, netip.Addr{})
		if err != nil || hasListener(list, a) != want {
			t.Errorf("%s: %v %v", text, !want, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	gw := netip.MustParseAddr("10.152.152.10")
	for text, want := range map[string]bool{"127.0.0.1:9050": true, "[::1]:9050": true, "127.7.0.1:1": true, "10.152.152.10:9050": true, "unix:/x": true,
		"localhost:9050": false, "127.0.0.1:0": false, "127.0.0.1": false, "10.0.0.1:9050": false, "0.0.0.0:9050": false, "unix:x": false, "": false, "unix:/a\nb": false} {
		if _, err := parseAddress(text, gw); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhereTorIsLookedFor(t *testing.T) {
	whonix := distribution{gateway: whonixGateway}
	for _, c := range []struct {
		name string
		s    Settings
		d    distribution
		env  map[string]string
		want string // SOCKS addresses
		ctl  string // control ports of the first
	}{
		{"nothing said", Settings{}, distribution{}, nil, "127.0.0.1:9050 127.0.0.1:9150", "127.0.0.1:9051 unix:/run/tor/control"},
		{"configured", Settings{Socks: "127.0.0.1:9999"}, distribution{}, map[string]string{"TOR_SOCKS_PORT": "1"}, "127.0.0.1:9999", "127.0.0.1:10000"},
		{"configured elsewhere", Settings{Socks: "192.0.2.1:9050"}, distribution{}, nil, "", ""},
		{"control configured", Settings{Control: "unix:/c"}, distribution{}, nil, "127.0.0.1:9050 127.0.0.1:9150", "unix:/c"},
		{"environment", Settings{}, distribution{}, map[string]string{"TOR_SOCKS_PORT": "7050", "TOR_CONTROL_PORT": "7051"}, "127.0.0.1:7050", "127.0.0.1:7051"},
		{"environment, localhost", Settings{}, distribution{}, map[string]string{"TOR_SOCKS_HOST": "localhost", "TOR_SOCKS_PORT": "7050"}, "127.0.0.1:7050", "127.0.0.1:7051"},
		{"environment, a control socket", Settings{}, distribution{}, map[string]string{"TOR_SOCKS_PORT": "7050", "TOR_CONTROL_IPC_PATH": "/c"}, "127.0.0.1:7050", "unix:/c"},
		{"environment, another computer", Settings{}, distribution{}, map[string]string{"TOR_SOCKS_HOST": "192.0.2.1", "TOR_SOCKS_PORT": "9050"}, "127.0.0.1:9050 127.0.0.1:9150", "127.0.0.1:9051 unix:/run/tor/control"},
		{"environment, nonsense", Settings{}, distribution{}, map[string]string{"TOR_SOCKS_PORT": "x"}, "127.0.0.1:9050 127.0.0.1:9150", "127.0.0.1:9051 unix:/run/tor/control"},
		{"Whonix", Settings{}, whonix, nil, "127.0.0.1:9050 127.0.0.1:9150 10.152.152.10:9050", "127.0.0.1:9051 unix:/run/tor/control"},
		{"Whonix, its gateway named", Settings{}, whonix, map[string]string{"TOR_SOCKS_HOST": "10.152.152.10", "TOR_SOCKS_PORT": "9104"}, "10.152.152.10:9104", "10.152.152.10:9105"},
	} {
		c.s.Getenv = func(k string) string { return c.env[k] }
		list, _, err := c.s.candidates(c.d)
		var socks, ctl []string
		if err == nil {
			for i, cand := range list {
				socks = append(socks, cand.socks.String())
				for _, a := range cand.controls {
					if i == 0 {
						ctl = append(ctl, a.String())
					}
				}
			}
		}
		if strings.Join(socks, " ") != c.want || strings.Join(ctl, " ") != c.ctl {
			t.Errorf("%s: %v, control %v", c.name, socks, ctl)
		}
	}
}

func TestDistribution(t *testing.T) {
	on := func(paths ...string) func(string) bool {
		return func(p string) bool { return slices.Contains(paths, p) }
	}
	env := func(v string) func(string) string { return func(string) string { return v } }
	if d := detectDistribution(env("10.1.1.1"), on()); d.gateway.IsValid() || d.ownTor() {
		t.Errorf("%+v", d)
	}
	if d := detectDistribution(env("10.1.1.1"), on("/usr/share/anon-ws-base-files/workstation")); d.gateway.String() != "10.1.1.1" || !d.ownTor() {
		t.Errorf("%+v", d)
	}
	if d := detectDistribution(env("192.0.2.1"), on("/usr/share/anon-ws-base-files/workstation")); d.gateway != whonixGateway {
		t.Errorf("a public address is taken for Whonix' gateway: %+v", d)
	}
	if d := detectDistribution(env(""), on("/etc/amnesia")); !d.tails || !d.ownTor() {
		t.Errorf("%+v", d)
	}
}

func TestAllowedOwner(t *testing.T) {
	const full, mapped, lxc = "         0          0 4294967295\n", "0 1000 1\n", "0 100000 65536\n"
	passwd := "root:x:0:0::/:/bin/sh\ndebian-tor:x:102:105::/var/lib/tor:/bin/false\ntor:x:1500:1500:Tor Heyerdahl:/home/tor:/bin/sh\nbroken\n_tor:x:x:\n"
	for _, c := range []struct {
		uid    uint32
		uidMap string
		want   bool
	}{
		{0, full, true}, {uint32(os.Getuid()), full, true}, {102, full, true}, {1500, full, false}, {4242, full, false}, {overflowUID, full, false},
		{overflowUID, mapped, true}, {4242, mapped, false}, {overflowUID, lxc, false}, {overflowUID, "", false}, {overflowUID, "nonsense\n", false},
	} {
		if got := allowedOwner(c.uid, passwd, c.uidMap); got != c.want {
			t.Errorf("uid %d with map %q: %v", c.uid, c.uidMap, got)
		}
	}
}

func TestFindOwner(t *testing.T) {
	// Lines as the kernel writes them: a listener, the server's end of our
	// connection, ours, and one that was not accepted yet.
	table := `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:235A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  4242        0 111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:235A 0100007F:94B0 01 00000000:00000000 00:00000000 00000000   102        0 222 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:94B0 0100007F:235A 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:235A 0100007F:94B1 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
   4: 0000000000000000FFFF00000100007F:235B 0000000000000000FFFF00000100007F:94B2 01 00000000:00000000 00:00000000 00000000  7        0 444 1
   5: nonsense
`
	socks := netip.MustParseAddrPort("127.0.0.1:9050")
	for remote, want := range map[string]int{"127.0.0.1:38064": 102, "127.0.0.1:38065": -1, "127.0.0.1:1": -1} {
		uid, found := findOwner(strings.NewReader(table), socks, netip.MustParseAddrPort(remote))
		if found != (want >= 0) || found && int(uid) != want {
			t.Errorf("%s: %d %v", remote, uid, found)
		}
	}
	if uid, found := findOwner(strings.NewReader(table), netip.MustParseAddrPort("127.0.0.1:9051"), netip.MustParseAddrPort("127.0.0.1:38066")); !found || uid != 7 {
		t.Errorf("an IPv4 connection to an IPv6 listener: %d %v", uid, found)
	}
}

func TestNoTwoCredentialsAlike(t *testing.T) {
	seen := make(map[string]bool)
	for range 20000 {
		user, password := NewCredentials()
		for _, s := range []string{user.Reveal(), password.Reveal()} {
			if seen[s] || len(s) != 32 || strings.HasPrefix(s, "<torS0X>") {
				t.Fatalf("twice, short or reserved")
			}
			seen[s] = true
		}
	}
}

// answer builds a resolver's answer to q.
func answer(t testing.TB, q dnsQuery, change func(*dnsmessage.Message)) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.id, Response: true},
		Questions: []dnsmessage.Question{{Name: q.name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET}}}
	change(&m)
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func srvRecord(owner dnsmessage.Name, target string, port uint16) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: owner, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET},
		Body: &dnsmessage.SRVResource{Priority: 5, Weight: 1, Port: port, Target: dnsmessage.MustNewName(target)}}
}

func TestDNSAnswers(t *testing.T) {
	q, err := newQuery("_xmpp-client._tcp.A.test.")
	if err != nil {
		t.Fatal(err)
	}
	if len(q.wire)%paddedTo != 0 {
		t.Errorf("a query of %d bytes tells the length of the name", len(q.wire))
	}
	other := dnsmessage.MustNewName("other.test.")
	for _, c := range []struct {
		name   string
		change func(*dnsmessage.Message)
		want   string // targets, or part of the error
	}{
		{"two", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, srvRecord(q.name, "x.test.", 1), srvRecord(q.name, "y.test.", 2))
		}, "x.test y.test"},
		{"another case", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, srvRecord(dnsmessage.MustNewName("_XMPP-client._tcp.a.TEST."), "x.test.", 1))
		}, "x.test"},
		{"through a CNAME", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.name, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET},
				Body: &dnsmessage.CNAMEResource{CNAME: other}}, srvRecord(other, "x.test.", 1))
		}, "x.test"},
		{"somebody else's record", func(m *dnsmessage.Message) { m.Answers = append(m.Answers, srvRecord(other, "x.test.", 1)) }, ErrNoRecords.Error()},
		{"not offered", func(m *dnsmessage.Message) { m.Answers = append(m.Answers, srvRecord(q.name, ".", 0)) }, ErrNoService.Error()},
		{"none", func(*dnsmessage.Message) {}, ErrNoRecords.Error()},
		{"no such domain", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, ErrNoRecords.Error()},
		{"server failure", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }, "cannot use"},
		{"another id", func(m *dnsmessage.Message) { m.ID++ }, "not to our question"},
		{"a query", func(m *dnsmessage.Message) { m.Response = false }, "not to our question"},
		{"another question", func(m *dnsmessage.Message) { m.Questions[0].Name = other }, "not to our question"},
		{"truncated", func(m *dnsmessage.Message) { m.Truncated = true }, "not to our question"},
		{"a target that is no host", func(m *dnsmessage.Message) { m.Answers = append(m.Answers, srvRecord(q.name, "a b\n.test.", 1)) }, ErrNoRecords.Error()},
	} {
		list, err := q.read(answer(t, q, c.change))
		var got []string
		for _, s := range list {
			got = append(got, s.Target)
		}
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v %v", c.name, got, err)
		}
	}
	if list, err := q.read(answer(t, q, func(m *dnsmessage.Message) {
		for i := range 60 {
			m.Answers = append(m.Answers, srvRecord(q.name, "h"+strconv.Itoa(i)+".test.", 1))
		}
	})); err != nil || len(list) != maxTargets {
		t.Errorf("%d targets, %v", len(list), err)
	}
}

// FuzzDNSAnswer: an error comes without targets; targets are few and plain.
func FuzzDNSAnswer(f *testing.F) {
	q, err := newQuery("_xmpp-client._tcp.a.test.")
	if err != nil {
		f.Fatal(err)
	}
	q.id = 0
	f.Add(answer(f, q, func(m *dnsmessage.Message) { m.Answers = append(m.Answers, srvRecord(q.name, "x.test.", 1)) }))
	f.Add(answer(f, q, func(m *dnsmessage.Message) { m.Answers = append(m.Answers, srvRecord(q.name, ".", 1)) }))
	f.Fuzz(func(t *testing.T, wire []byte) {
		list, err := q.read(wire)
		if (err == nil) == (len(list) == 0) || len(list) > maxTargets {
			t.Errorf("%v beside %v", list, err)
		}
		for _, s := range list {
			if !plainHost(s.Target) || s.Port == 0 {
				t.Errorf("target %q:%d", s.Target, s.Port)
			}
		}
	})
}

func TestOrder(t *testing.T) {
	first := map[string]int{}
	for range 4000 {
		list := order([]SRV{{"b", 1, 20, 0}, {"a3", 1, 10, 3}, {"a1", 1, 10, 1}, {"a0", 1, 10, 0}, {"c", 1, 30, 9}})
		if list[3].Target != "b" || list[4].Target != "c" {
			t.Fatalf("not by priority: %v", list)
		}
		if len(list) != 5 || slices.IndexFunc(list, func(s SRV) bool { return s.Target == "a0" }) > 2 {
			t.Fatalf("lost one: %v", list)
		}
		first[list[0].Target]++
	}
	// RFC 2782 picks by a number from 0 to the sum: 4 of 5 numbers are above weight 0's.
	if share := float64(first["a3"]) / 4000; math.Abs(share-3.0/5) > 0.1 || first["a0"] == 0 {
		t.Errorf("weight 3 of 4 came first in %v of the cases, weight 0 %d times", share, first["a0"])
	}
}

func TestParseResolver(t *testing.T) {
	if h, p, n, err := ParseResolver("[2001:db8::1]:853#dns.test"); err != nil || h != "2001:db8::1" || p != 853 || n != "dns.test" {
		t.Error(h, p, n, err)
	}
	for _, text := range []string{"", "dns.test", "dns.test:853", "dns.test:853#", ":853#x", "dns.test:0#x", "dns.test:x#x", "dns.test:99999#x"} {
		if _, _, _, err := ParseResolver(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// A session keeps its circuit as long as it lasts: with fifty accounts each
// kept a reply of 50 KiB.
func TestACircuitKeepsNoReply(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var kept []Circuit
	for i := range 16 {
		reply := "23 BUILT $AA~a PURPOSE=GENERAL\r\n" + strings.Repeat(strconv.Itoa(i)+" ", 1<<19)
		kept = append(kept, parseCircuits(reply)[0])
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d circuits keep %d bytes", len(kept), after-before)
	}
	runtime.KeepAlive(kept)
}
