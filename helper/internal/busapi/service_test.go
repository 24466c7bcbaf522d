// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// document is the part of an introspection document that is compared.
type document struct {
	Interfaces []struct {
		Name    string `xml:"name,attr"`
		Methods []struct {
			Name string `xml:"name,attr"`
			Args []struct {
				Type      string `xml:"type,attr"`
				Direction string `xml:"direction,attr"`
			} `xml:"arg"`
		} `xml:"method"`
		Signals []struct {
			Name string `xml:"name,attr"`
		} `xml:"signal"`
		Properties []struct {
			Name   string `xml:"name,attr"`
			Type   string `xml:"type,attr"`
			Access string `xml:"access,attr"`
		} `xml:"property"`
	} `xml:"interface"`
	Nodes []struct {
		Name string `xml:"name,attr"`
	} `xml:"node"`
}

func parse(t *testing.T, text string) document {
	t.Helper()
	var d document
	if err := xml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// The documents and the Go methods say the same.
func TestXMLAndMethods(t *testing.T) {
	s := &Service{settings: Settings{}}
	props := map[string]properties{
		helperInterface:  s.helperProperties(engine.Status{}),
		accountInterface: accountProperties(engine.AccountStatus{}, false),
	}
	for name, text := range interfaceXML {
		d := parse(t, "<node>"+text+"</node>")
		if len(d.Interfaces) != 1 || d.Interfaces[0].Name != name {
			t.Fatalf("%s: %+v", name, d)
		}
		i := d.Interfaces[0]
		written, exported := map[string]string{}, map[string]string{}
		for _, m := range i.Methods {
			in, out := "", ""
			for _, a := range m.Args {
				if a.Direction == "out" {
					out += a.Type
				} else {
					in += a.Type
				}
			}
			written[m.Name] = in + "->" + out
		}
		for member, f := range methods[name] {
			in, out := "", ""
			ft := reflect.TypeOf(f)
			for n := 2; n < ft.NumIn(); n++ {
				in += dbus.SignatureOfType(ft.In(n)).String()
			}
			for n := 0; n < ft.NumOut()-1; n++ {
				out += dbus.SignatureOfType(ft.Out(n)).String()
			}
			exported[member] = in + "->" + out
		}
		if !maps.Equal(written, exported) {
			t.Errorf("%s: the XML has %v, Go has %v", name, written, exported)
		}
		types, values := map[string]string{}, map[string]string{}
		for _, p := range i.Properties {
			types[p.Name] = p.Type
			if p.Access != "read" {
				t.Errorf("%s.%s is %s", name, p.Name, p.Access)
			}
		}
		for p, v := range props[name] {
			values[p] = v.Signature().String()
		}
		if !maps.Equal(types, values) {
			t.Errorf("%s: the XML has %v, Go has %v", name, types, values)
		}
	}
	for name := range methods {
		if interfaceXML[name] == "" {
			t.Errorf("%s is not described", name)
		}
	}
}

// Other programs' own tools read the tree, down to the accounts.
func TestIntrospection(t *testing.T) {
	address := privateBus(t)
	start(t, address, ModeDaemon, newBackend())
	for _, words := range [][]string{
		{"busctl", "--address=" + address, "tree", Name},
		{"busctl", "--address=" + address, "introspect", Name, string(Path)},
		{"gdbus", "introspect", "--address", address, "--dest", Name, "--object-path", "/", "--recurse"},
	} {
		out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", words, err, out)
		}
		want := []string{"/account/"}
		if words[1] == "introspect" || words[2] == "introspect" {
			want = []string{"NewCircuit", "LeakPrevented", "BootstrapProgress"}
		}
		if words[0] == "gdbus" {
			want = append(want, "MessageStates", "account")
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%v shows no %s:\n%s", words, w, out)
			}
		}
	}
}

func TestObjects(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	objects, err := call1[map[dbus.ObjectPath]map[string]map[string]dbus.Variant](t, c, Path, managerInterface+".GetManagedObjects")
	if err != nil || len(objects) != 2 {
		t.Fatalf("%v %v", objects, err)
	}
	var alice dbus.ObjectPath
	for p, o := range objects {
		if o[accountInterface]["Name"].Value() == aliceAccount.Name {
			alice = p
		}
		if strings.Contains(string(p), "alice") || !strings.HasPrefix(string(p), string(accounts)+"/") {
			t.Errorf("path %s", p)
		}
	}
	all, err := call1[map[string]dbus.Variant](t, c, alice, propertiesInterface+".GetAll", accountInterface)
	want := map[string]any{"Protocol": "prpl-jabber", "Name": "alice@a.test/", "Protection": "tor", "State": "online", "Reason": "",
		"Circuit": "CIRCUIT", "ExitOrOnion": "EXIT", "MessageStates": map[string]string{"buddy@b.test": "encrypted"}}
	if err != nil || len(all) != len(want) {
		t.Fatalf("%v %v", all, err)
	}
	for name, v := range want {
		if !reflect.DeepEqual(all[name].Value(), v) {
			t.Errorf("%s is %v, want %v", name, all[name], v)
		}
	}
	helper, err := call1[map[string]dbus.Variant](t, c, Path, propertiesInterface+".GetAll", helperInterface)
	wantHelper := map[string]any{"Version": "1.2.3", "Mode": "plugin", "TorState": "starting", "BootstrapProgress": uint32(40), "GatePort": uint16(4711), "InCell": false}
	for name, v := range wantHelper {
		if err != nil || helper[name].Value() != v {
			t.Errorf("%s is %v, want %v (%v)", name, helper[name], v, err)
		}
	}
	// The same object while the account is there; another run has another.
	if _, again := s.look(); again[alice].Account != aliceAccount {
		t.Errorf("alice is no longer at %s", alice)
	}
	if _, other := start(t, privateBus(t), ModePlugin, newBackend()).look(); other[alice].Account == aliceAccount {
		t.Errorf("another run has alice at %s too", alice)
	}
}

func TestMethods(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	alice, bob := aliceAccount.String(), bobAccount.String()
	none := map[string]dbus.Variant{}
	tests := []struct {
		method string
		args   []any
		err    string // empty: none
		answer string
		did    string
	}{
		{"Explain", []any{"not-over-tor"}, "", "why", ""},
		{"Explain", []any{"nonsense"}, "UnknownCheck", "", ""},
		{"Audit", []any{none}, "", "[] false info", ""},
		{"Audit", []any{map[string]dbus.Variant{"user_dirs": dbus.MakeVariant([]string{"/d"}), "redact": dbus.MakeVariant(true), "severity": dbus.MakeVariant("warn")}}, "", "[/d] true warn", ""},
		{"Audit", []any{map[string]dbus.Variant{"user_dirs": dbus.MakeVariant([]string{"d"})}}, "InvalidArgument", "", ""},
		{"Audit", []any{map[string]dbus.Variant{"user_dirs": dbus.MakeVariant(make([]string, 17))}}, "InvalidArgument", "", ""},
		{"Audit", []any{map[string]dbus.Variant{"redact": dbus.MakeVariant("yes")}}, "InvalidArgument", "", ""},
		{"Audit", []any{map[string]dbus.Variant{"severity": dbus.MakeVariant("none")}}, "InvalidArgument", "", ""},
		{"Audit", []any{map[string]dbus.Variant{"other": dbus.MakeVariant(1)}}, "InvalidArgument", "", ""},
		{"Protect", []any{alice, "secret"}, "", "", "protect " + alice + " secret"},
		{"Protect", []any{alice, "tor"}, "", "", "protect " + alice + " tor"},
		{"Protect", []any{bob, "tor"}, "NeedsUser", "", "ask " + bob + " tor"},
		{"Protect", []any{bob, "none"}, "NeedsUser", "", "ask " + bob + " none"},
		{"Release", []any{alice}, "NeedsUser", "", "ask " + alice + " none"},
		{"Release", []any{"prpl-jabber:none@a.test/"}, "", "", "protect prpl-jabber:none@a.test/ none"},
		{"Protect", []any{alice, "Tor"}, "InvalidArgument", "", ""},
		{"Protect", []any{alice, "unknown"}, "InvalidArgument", "", ""},
		{"Protect", []any{"prpl-jabber:nobody", "tor"}, "UnknownAccount", "", ""},
		{"Protect", []any{strings.Repeat("x", maxText+1), "tor"}, "InvalidArgument", "", ""},
		{"NewCircuit", []any{alice}, "", "", "circuit " + alice},
		{"NewCircuit", []any{"nobody"}, "UnknownAccount", "", ""},
	}
	for _, tt := range tests {
		before := len(s.doings())
		answer, err := "", error(nil)
		if tt.answer != "" {
			answer, err = call1[string](t, c, Path, helperInterface+"."+tt.method, tt.args...)
		} else {
			err = c.Object(Name, Path).Call(helperInterface+"."+tt.method, 0, tt.args...).Err
		}
		switch {
		case tt.err == "" && (err != nil || answer != tt.answer):
			t.Errorf("%s%q: %q, %v", tt.method, tt.args, answer, err)
		case tt.err != "" && errorName(err) != errorPrefix+tt.err:
			t.Errorf("%s%q: %v, want %s", tt.method, tt.args, err, tt.err)
		}
		if did := s.doings()[before:]; strings.Join(did, ",") != tt.did {
			t.Errorf("%s%q did %q, want %q", tt.method, tt.args, did, tt.did)
		}
	}
	text, err := call1[string](t, c, Path, helperInterface+".Status")
	var live engine.Live
	if err != nil || json.Unmarshal([]byte(text), &live) != nil || live.Accounts[0].Name != aliceAccount.Name {
		t.Errorf("%s %v", text, err)
	}
}

// Below the floor nobody is asked: the answer would be refused.
func TestFloor(t *testing.T) {
	address := privateBus(t)
	b := newBackend()
	b.floor = policy.LevelTor
	s := start(t, address, ModePlugin, b)
	c := peer(t, address)
	for _, tt := range []struct{ account, level, err, did string }{
		{aliceAccount.String(), "none", "InvalidArgument", ""},
		{bobAccount.String(), "none", "InvalidArgument", ""},
		{bobAccount.String(), "tor", "NeedsUser", "ask " + bobAccount.String() + " tor"},
		{"prpl-jabber:none@a.test/", "tor", "", "protect prpl-jabber:none@a.test/ tor"},
	} {
		before := len(s.doings())
		err := c.Object(Name, Path).Call(helperInterface+".Protect", 0, tt.account, tt.level).Err
		if tt.err == "" && err != nil || tt.err != "" && errorName(err) != errorPrefix+tt.err {
			t.Errorf("%+v: %v", tt, err)
		}
		if did := strings.Join(s.doings()[before:], ","); did != tt.did {
			t.Errorf("%+v did %q", tt, did)
		}
	}
	err := c.Object(Name, Path).Call(helperInterface+".Release", 0, aliceAccount.String()).Err
	if errorName(err) != errorPrefix+"InvalidArgument" || !strings.Contains(err.Error(), policy.ReasonBelowFloor.Text()) {
		t.Errorf("release: %v", err)
	}
}

func TestStandardErrors(t *testing.T) {
	address := privateBus(t)
	start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	v := dbus.MakeVariant("x")
	for _, tt := range []struct {
		path   dbus.ObjectPath
		method string
		args   []any
		want   string
	}{
		{"/nowhere", helperInterface + ".Explain", []any{"x"}, "UnknownObject"},
		{accounts + "/0", accountInterface + ".X", nil, "UnknownObject"},
		{Path, "org.other.Explain", []any{"x"}, "UnknownInterface"},
		{accounts, helperInterface + ".Explain", []any{"x"}, "UnknownInterface"},
		{Path, helperInterface + ".Other", nil, "UnknownMethod"},
		{Path, helperInterface + ".Explain", nil, "InvalidArgs"},
		{Path, helperInterface + ".Explain", []any{1}, "InvalidArgs"},
		{Path, helperInterface + ".Explain", []any{"x", "y"}, "InvalidArgs"},
		{Path, propertiesInterface + ".Get", []any{helperInterface, "Other"}, "UnknownProperty"},
		{Path, propertiesInterface + ".Get", []any{accountInterface, "Name"}, "UnknownInterface"},
		{Path, propertiesInterface + ".Set", []any{helperInterface, "Mode", v}, "PropertyReadOnly"},
	} {
		err := c.Object(Name, tt.path).Call(tt.method, 0, tt.args...).Err
		if errorName(err) != "org.freedesktop.DBus.Error."+tt.want {
			t.Errorf("%s %s: %v, want %s", tt.path, tt.method, err, tt.want)
		}
	}
}

// A method or a property that panics is an error, tells nothing of the panic,
// and the next call is answered.
func TestPanics(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	s.backend.mu.Lock()
	s.fall = true
	s.backend.mu.Unlock()
	s.refresh()
	for _, m := range []struct {
		method string
		args   []any
	}{
		{managerInterface + ".GetManagedObjects", nil},
		{propertiesInterface + ".GetAll", []any{helperInterface}},
		{helperInterface + ".Status", nil},
		{introspectInterface + ".Introspect", nil},
	} {
		err := c.Object(Name, Path).Call(m.method, 0, m.args...).Err
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", m.method, err)
		}
	}
	s.backend.mu.Lock()
	s.fall = false
	s.backend.mu.Unlock()
	if _, err := call1[map[string]dbus.Variant](t, c, Path, propertiesInterface+".GetAll", helperInterface); err != nil {
		t.Errorf("after panics: %v", err)
	}
	if strings.Contains(s.logged(), "a secret") || !strings.Contains(s.logged(), "fell") {
		t.Errorf("log %q", s.logged())
	}
}

// Signals tell what changed, and nothing of a person.
func TestSignals(t *testing.T) {
	address := privateBus(t)
	s := start(t, address, ModePlugin, newBackend())
	c := peer(t, address)
	signals := make(chan *dbus.Signal, 1000)
	c.Signal(signals)
	if err := c.AddMatchSignal(dbus.WithMatchSender(Name)); err != nil {
		t.Fatal(err)
	}
	var seen []*dbus.Signal
	await := func(name string, so func(*dbus.Signal) bool) {
		t.Helper()
		for end := time.After(deadline); ; {
			select {
			case sig := <-signals:
				seen = append(seen, sig)
				if sig.Name == name && so(sig) {
					return
				}
			case <-end:
				t.Fatalf("no %s", name)
			}
		}
	}
	_, objects := s.look()
	var alice dbus.ObjectPath
	for p, a := range objects {
		if a.Account == aliceAccount {
			alice = p
		}
	}
	s.News(engine.News{Kind: engine.NewsBlocked, Account: aliceAccount, Reason: policy.ReasonTorDead})
	await(helperInterface+".Blocked", func(sig *dbus.Signal) bool { return sig.Body[0] == alice && sig.Body[1] == "tor-dead" })
	s.News(engine.News{Kind: engine.NewsLeak, Account: aliceAccount, Reason: policy.ReasonNotEncrypted})
	await(helperInterface+".LeakPrevented", func(sig *dbus.Signal) bool { return sig.Body[0] == alice && sig.Body[1] == "not-encrypted" })
	s.change(func(st *engine.Status) { st.Tor.State, st.Tor.Progress = policy.TorReady, 100 })
	s.News(engine.News{Kind: engine.NewsTor})
	await(helperInterface+".TorStateChanged", func(sig *dbus.Signal) bool { return sig.Body[0] == "ready" && sig.Body[1] == uint32(100) })
	s.change(func(st *engine.Status) {
		a := &st.Accounts[0]
		a.State, a.Reason, a.Messages = engine.Blocked, policy.ReasonTorDead, nil
	})
	s.News(engine.News{Kind: engine.NewsAccount, Account: aliceAccount})
	await(propertiesInterface+".PropertiesChanged", func(sig *dbus.Signal) bool {
		if sig.Path != alice {
			return false
		}
		changed, gone := sig.Body[1].(map[string]dbus.Variant), sig.Body[2].([]string)
		return changed["State"].Value() == "blocked" && changed["Reason"].Value() == "tor-dead" && slices.Equal(gone, []string{"Circuit", "ExitOrOnion", "MessageStates"})
	})
	carol := engine.AccountStatus{Account: policy.Account{Protocol: "prpl-jabber", Name: "carol@a.test/"}, State: engine.Offline}
	s.change(func(st *engine.Status) { st.Accounts = append(st.Accounts[:1], carol) })
	s.News(engine.News{Kind: engine.NewsAccount})
	await(managerInterface+".InterfacesAdded", func(sig *dbus.Signal) bool {
		props := sig.Body[1].(map[string]map[string]dbus.Variant)[accountInterface]
		return props["State"].Value() == "offline"
	})
	await(managerInterface+".InterfacesRemoved", func(*dbus.Signal) bool { return true })
	for _, sig := range seen {
		for _, word := range []string{"alice", "bob", "carol", "buddy", "CIRCUIT", "EXIT"} {
			if strings.Contains(dbus.MakeVariant(sig.Body[len(sig.Body)-1]).String()+sig.Name, word) || strings.Contains(flat(sig.Body), word) {
				t.Errorf("%s tells %q: %v", sig.Name, word, sig.Body)
			}
		}
	}
}

func flat(body []any) string {
	var b strings.Builder
	for _, v := range body {
		b.WriteString(dbus.MakeVariant(v).String())
	}
	return b.String()
}

// The plugin takes the name from the daemon, and the daemon has it again when
// the plugin stops, or ends without a word.
func TestHandOver(t *testing.T) {
	address := privateBus(t)
	c := peer(t, address)
	mode := func() string {
		v, _ := call1[dbus.Variant](t, c, Path, propertiesInterface+".Get", helperInterface, "Mode")
		text, _ := v.Value().(string)
		return text
	}
	daemon := start(t, address, ModeDaemon, newBackend())
	eventually(t, "the daemon has the name", func() bool { return mode() == ModeDaemon })
	plugin := start(t, address, ModePlugin, newBackend())
	eventually(t, "the plugin has it", func() bool { return mode() == ModePlugin })
	second := start(t, address, ModePlugin, newBackend())
	if mode() != ModePlugin || !strings.Contains(second.logged(), "another program has the name") {
		t.Errorf("a second plugin took the name: %s, %q", mode(), second.logged())
	}
	first := owner(t, c)
	plugin.Service.Close()
	eventually(t, "the second plugin has it", func() bool { return mode() == ModePlugin && owner(t, c) != first })
	second.Service.Close()
	eventually(t, "the daemon has it again", func() bool { return mode() == ModeDaemon })
	daemon.Service.Close()
	eventually(t, "nobody has it", func() bool { return owner(t, c) == "" })
}

// A bus that ends and is started anew at its address has the plugin again, with
// who called on the old one forgotten; the daemon ends with its bus.
func TestBusStartedAnew(t *testing.T) {
	address, end := busAt(t, t.TempDir())
	dir := filepath.Dir(unixSockets(address)[0])
	s := start(t, address, ModePlugin, newBackend())
	daemon := start(t, address, ModeDaemon, newBackend())
	c := peer(t, address)
	if _, err := call1[string](t, c, Path, helperInterface+".Status"); err != nil {
		t.Fatal(err)
	}
	s.callers.mu.Lock()
	for n := range 10 { // in a sandbox, all who are called so on this bus
		s.callers.known[":1."+strconv.Itoa(n)] = true
	}
	s.callers.mu.Unlock()
	end()
	eventually(t, "the loss is told", func() bool { return strings.Contains(s.logged(), "not on the session bus") })
	select {
	case <-daemon.Done():
	case <-time.After(deadline):
		t.Error("the daemon outlives its bus")
	}
	if err := s.Notify("a", "b"); err == nil {
		t.Error("a notification without a bus")
	}
	if again, _ := busAt(t, dir); !strings.Contains(again, unixSockets(address)[0]) {
		t.Fatalf("the bus is elsewhere: %s", again)
	}
	c = peer(t, address)
	eventually(t, "the plugin has the name again", func() bool { return owner(t, c) != "" })
	if text, err := call1[string](t, c, Path, helperInterface+".Status"); err != nil || !strings.Contains(text, "alice") {
		t.Errorf("Status: %s %v", text, err)
	}
	s.change(func(st *engine.Status) { st.Tor.State = policy.TorReady })
	s.News(engine.News{Kind: engine.NewsTor})
	eventually(t, "its properties follow", func() bool {
		v, _ := call1[dbus.Variant](t, c, Path, propertiesInterface+".Get", helperInterface, "TorState")
		return v.Value() == "ready"
	})
	if n := strings.Count(s.logged(), "not on the session bus"); n != 1 {
		t.Errorf("told %d times: %q", n, s.logged())
	}
}

func TestClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if _, err := Dial(ctx, ""); !errors.Is(err, ErrNoBus) {
		t.Errorf("without a bus: %v", err)
	}
	address := privateBus(t)
	if _, err := Dial(ctx, address); !errors.Is(err, ErrNobody) {
		t.Errorf("with nobody there: %v", err)
	}
	s := start(t, address, ModePlugin, newBackend())
	c, err := Dial(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if live, err := c.Status(ctx); err != nil || c.Mode() != ModePlugin || len(live.Accounts) != 1 {
		t.Errorf("%s %+v %v", c.Mode(), live, err)
	}
	if err := c.Protect(ctx, aliceAccount.String(), "none"); KindOf(err) != NeedsUser {
		t.Errorf("release: %v", err)
	}
	if err := c.NewCircuit(ctx, "nobody"); KindOf(err) != UnknownAccount {
		t.Errorf("new circuit: %v", err)
	}
	if err := c.NewCircuit(ctx, aliceAccount.String()); err != nil {
		t.Errorf("new circuit: %v", err)
	}
	if did := s.doings(); !slices.Contains(did, "circuit "+aliceAccount.String()) {
		t.Errorf("did %v", did)
	}
}

// One audit at a time; it takes nobody else's turn.
func TestAuditIsBusy(t *testing.T) {
	address := privateBus(t)
	b := newBackend()
	b.hold = make(chan struct{})
	s := start(t, address, ModePlugin, b)
	c := peer(t, address)
	first := c.Object(Name, Path).Go(helperInterface+".Audit", 0, nil, map[string]dbus.Variant{})
	eventually(t, "the audit runs", func() bool {
		if s.auditing.TryLock() {
			s.auditing.Unlock()
			return false
		}
		return true
	})
	if _, err := call1[string](t, c, Path, helperInterface+".Audit", map[string]dbus.Variant{}); errorName(err) != errorPrefix+"Busy" {
		t.Errorf("a second audit: %v", err)
	}
	if _, err := call1[string](t, c, Path, helperInterface+".Explain", "not-over-tor"); err != nil {
		t.Errorf("beside an audit: %v", err)
	}
	close(b.hold)
	if call := <-first.Done; call.Err != nil {
		t.Error(call.Err)
	}
}

func sorted(list []string) []string { sort.Strings(list); return list }

func TestBusAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"unix:path=/run/user/1000/bus":              "/run/user/1000/bus",
		"unix:path=/run/a%2cb,guid=12":              "/run/a,b",
		"unix:abstract=/tmp/dbus-x,guid=12":         "@/tmp/dbus-x",
		"tcp:host=127.0.0.1,port=1;unix:path=/b":    "/b",
		"tcp:host=192.0.2.1,port=1":                 "",
		"unixexec:path=/bin/sh,argv1=-c,argv2=true": "",
		"autolaunch:": "",
		"nonce-tcp:host=127.0.0.1,port=1,noncefile=/etc/hostname;launchd:": "",
	} {
		if got := strings.Join(sorted(unixSockets(address)), " "); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
