// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is an engine whose surroundings the test holds.
type world struct {
	*Engine
	tor    TorStatus
	port   uint16
	grants []Grant
	refuse error
	closed []policy.Reason
	events []Event
	level  policy.LevelFact
	known  policy.Answer
	made   int

	recorded []policy.Account
	news     []News
	places   map[uint64][]Place
	left     []left
}

type left struct {
	signOn uint64
	delay  time.Duration
}

func (w *world) Port() uint16                          { return w.port }
func (w *world) Issue(g Grant) error                   { w.grants = append(w.grants, g); return w.refuse }
func (w *world) Revoke(uint64, policy.Reason)          {}
func (w *world) Leave(n uint64, d time.Duration)       { w.left = append(w.left, left{n, d}) }
func (w *world) CloseAll(r policy.Reason)              { w.closed = append(w.closed, r) }
func (w *world) Level(policy.Account) policy.LevelFact { return w.level }
func (w *world) Known(policy.Account) policy.Answer    { return w.known }
func (w *world) Accounts() []policy.Account            { return w.recorded }

// torOf is apart because an embedded Engine has a Status of its own.
type torOf struct{ w *world }

func (t torOf) Status() TorStatus { return t.w.tor }

func newWorld(change func(*Parts)) *world {
	w := &world{
		tor:  TorStatus{State: policy.TorReady, Isolation: policy.IsolationProven},
		port: 4711, known: policy.Yes, level: policy.LevelFact{Presence: policy.Present, Level: policy.LevelTor},
	}
	p := Parts{
		Tor: torOf{w}, Gate: w, Records: w, ConfigRead: true, Config: config.Config{Floor: policy.LevelNone, NewAccounts: policy.NewAccountsAsk},
		KnownOnion: func(string) string { return "" },
		Credentials: func() (redact.Secret, redact.Secret) {
			w.made++
			return redact.New(fmt.Sprint("user", w.made)), redact.New(fmt.Sprint("password", w.made))
		},
		NameKnown: func() policy.Answer { return policy.Yes },
		Now:       func() time.Time { return now }, Emit: func(e Event) { w.events = append(w.events, e) },
		News:   func(n News) { w.news = append(w.news, n) },
		Places: func(context.Context, []uint64) map[uint64][]Place { return w.places },
	}
	if change != nil {
		change(&p)
	}
	w.Engine = New(p)
	return w
}

func alice() Account {
	return Account{
		Account: policy.Account{Protocol: "prpl-jabber", Name: "alice@a.test/"}, Handle: 7,
		Setting: policy.LevelFact{Presence: policy.Present, Level: policy.LevelTor},
		Domain:  "A.test", Port: 5222, NoProxyLive: policy.No, Pinned: policy.Yes,
	}
}

func TestEachSignOnHasItsOwnCredentials(t *testing.T) {
	w := newWorld(nil)
	seen := map[string]bool{}
	for i := range 50 {
		a := alice()
		a.Name, a.Handle = fmt.Sprint(i%2), uint64(i%2)
		got := w.DecideConnect(a)
		if got.Verdict != policy.Allow || got.GatePort != 4711 {
			t.Fatalf("sign-on %d: %+v", i, got)
		}
		g := w.grants[i]
		if g.SignOn != got.SignOn || g.Domain != "a.test" || g.User.Reveal() != got.User.Reveal() {
			t.Errorf("grant %+v does not fit the answer", g)
		}
		for _, s := range []redact.Secret{g.User, g.Password, g.TorUser, g.TorPassword} {
			if seen[s.Reveal()] {
				t.Errorf("sign-on %d has a credential that was used", i)
			}
			seen[s.Reveal()] = true
		}
	}
}

func TestBlockedGetsNoCredentials(t *testing.T) {
	for name, change := range map[string]func(*world, *Account){
		"no Tor":          func(w *world, _ *Account) { w.tor = TorStatus{State: policy.TorAbsent} },
		"nothing asked":   func(w *world, _ *Account) { w.tor = TorStatus{} },
		"gate down":       func(w *world, _ *Account) { w.port = 0 },
		"gate refuses":    func(w *world, _ *Account) { w.refuse = errors.New("full") },
		"not pinned":      func(_ *world, a *Account) { a.Pinned = policy.No },
		"below the floor": func(w *world, _ *Account) { w.parts.Config.Floor = policy.LevelSecret },
		"no floor":        func(w *world, _ *Account) { w.parts.Config.Floor = policy.LevelUnknown },
		"levels disagree": func(w *world, _ *Account) { w.level = policy.LevelFact{Presence: policy.Absent} },
	} {
		w, a := newWorld(nil), alice()
		change(w, &a)
		got := w.DecideConnect(a)
		if got.Verdict != policy.Block || got.GatePort != 0 || got.SignOn != 0 || !got.User.Empty() || got.Reason == "" {
			t.Errorf("%s: %+v", name, got)
		}
		if d := w.DecideStream(1, policy.StreamFacts{Credentials: policy.Yes, Server: policy.Yes}); d.Verdict == policy.Allow {
			t.Errorf("%s: a stream was allowed", name)
		}
	}
}

func TestBrokenConfigurationBlocks(t *testing.T) {
	w := newWorld(func(p *Parts) { p.ConfigRead = false })
	if got := w.DecideConnect(alice()); got.Reason != policy.ReasonConfigUnreadable || got.Verdict != policy.Block {
		t.Errorf("%+v", got)
	}
}

func TestStreams(t *testing.T) {
	facts := policy.StreamFacts{Credentials: policy.Yes, Server: policy.Yes}
	w := newWorld(nil)
	n := w.DecideConnect(alice()).SignOn
	if d := w.DecideStream(n, facts); d.Verdict != policy.Allow {
		t.Errorf("a good stream: %v", d)
	}
	if d := w.DecideStream(n+1, facts); d.Reason != policy.ReasonBadCredentials {
		t.Errorf("an unknown sign-on: %v", d)
	}
	off := facts
	off.Isolation = policy.IsolationOff
	if d := w.DecideStream(n, off); d.Reason != policy.ReasonIsolationOff {
		t.Errorf("isolation off: %v", d)
	}
	w.SignOnOnline(n)
	if d := w.DecideStream(n, facts); d.Reason != policy.ReasonBadCredentials {
		t.Errorf("a further stream of an account that is online: %v", d)
	}
	stands := facts
	stands.Isolation = policy.IsolationProven
	if d := w.DecideStream(n, stands); d.Verdict != policy.Allow {
		t.Errorf("the stream that stands: %v", d)
	}
	w.SignOnEnded(n)
	if d := w.DecideStream(n, stands); d.Verdict == policy.Allow {
		t.Error("a stream outlives its sign-on")
	}
}

func TestTorGoneTellsThenCloses(t *testing.T) {
	for _, gone := range []TorStatus{
		{State: policy.TorDead}, {State: policy.TorAbsent}, {State: policy.TorNotTor}, {},
		{State: policy.TorReady, Isolation: policy.IsolationOff},
	} {
		w := newWorld(nil)
		w.DecideConnect(alice())
		w.TorChanged(w.tor)
		if len(w.closed) != 0 {
			t.Fatal("closed while Tor is fine")
		}
		w.TorChanged(gone)
		last := w.events[len(w.events)-1]
		if last.Kind != EventBlocked || last.Handle != 7 || last.Reason == "" || len(w.closed) != 1 {
			t.Errorf("%+v: events %+v, closed %v", gone, w.events, w.closed)
		}
	}
}

// authority signs certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func sign(t *testing.T, template *x509.Certificate, by *authority) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	}
	parent := authority{template, key}
	if by != nil {
		parent = *by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func caTemplate(name string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
}

func leafTemplate(names ...string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

func TestCertificates(t *testing.T) {
	ca, foreign := sign(t, caTemplate("CA"), nil), sign(t, caTemplate("other CA"), nil)
	middle := sign(t, caTemplate("middle"), &ca)
	good, chained := sign(t, leafTemplate("a.test"), &ca), sign(t, leafTemplate("a.test"), &middle)
	byLeaf := sign(t, leafTemplate("a.test"), &good) // a leaf that signs: no authority
	expired := leafTemplate("a.test")
	expired.NotBefore, expired.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour)
	staleTemplate := leafTemplate("elsewhere.test")
	staleTemplate.NotBefore, staleTemplate.NotAfter = expired.NotBefore, expired.NotAfter
	stale := sign(t, staleTemplate, nil) // a pin alone counts
	onlyCN := leafTemplate()
	onlyCN.Subject.CommonName = "a.test"
	pin := func(c *x509.Certificate) string {
		s := sha256.Sum256(c.Raw)
		return "sha256:" + hex.EncodeToString(s[:])
	}
	otherPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: foreign.cert.Raw})

	tests := []struct {
		name  string
		own   config.Account
		chain [][]byte
		told  string // empty: allowed
	}{
		{"good", config.Account{}, [][]byte{good.cert.Raw}, ""},
		{"with the authority sent along", config.Account{}, [][]byte{good.cert.Raw, ca.cert.Raw}, ""},
		{"by an intermediate", config.Account{}, [][]byte{chained.cert.Raw, middle.cert.Raw}, ""},
		{"intermediate missing", config.Account{}, [][]byte{chained.cert.Raw}, "self-signed"},
		{"other name", config.Account{}, [][]byte{sign(t, leafTemplate("b.test"), &ca).cert.Raw}, "another name"},
		{"name as common name only", config.Account{}, [][]byte{sign(t, onlyCN, &ca).cert.Raw}, "certificate"},
		{"expired", config.Account{}, [][]byte{sign(t, expired, &ca).cert.Raw}, "expired"},
		{"self-signed", config.Account{}, [][]byte{sign(t, leafTemplate("a.test"), nil).cert.Raw}, "self-signed"},
		{"unknown authority", config.Account{}, [][]byte{sign(t, leafTemplate("a.test"), &foreign).cert.Raw, foreign.cert.Raw}, "self-signed"},
		{"signed by a leaf", config.Account{}, [][]byte{byLeaf.cert.Raw, good.cert.Raw}, "certificate"},
		{"nothing", config.Account{}, nil, "no certificate"},
		{"garbage", config.Account{}, [][]byte{{1, 2, 3}}, "cannot be read"},
		{"too many", config.Account{}, make([][]byte, 17), "too many"},
		{"own authority", config.Account{CAFile: "ca.pem"}, [][]byte{sign(t, leafTemplate("a.test"), &foreign).cert.Raw}, ""},
		{"own authority replaces the others", config.Account{CAFile: "ca.pem"}, [][]byte{good.cert.Raw}, "self-signed"},
		{"own authority unreadable", config.Account{CAFile: "missing"}, [][]byte{good.cert.Raw}, "cannot read ca_file"},
		{"pinned", config.Account{CertificatePin: pin(stale.cert)}, [][]byte{stale.cert.Raw}, ""},
		{"pinned, another", config.Account{CertificatePin: pin(good.cert)}, [][]byte{chained.cert.Raw}, "not the pinned"},
		{"pin nonsense", config.Account{CertificatePin: "sha256:zz"}, [][]byte{good.cert.Raw}, "cannot use certificate_pin"},
	}
	for _, tt := range tests {
		w := newWorld(func(p *Parts) {
			p.Config.Accounts = map[string]config.Account{"prpl-jabber:alice@a.test/": tt.own}
			p.Roots = func() (*x509.CertPool, error) {
				pool := x509.NewCertPool()
				pool.AddCert(ca.cert)
				return pool, nil
			}
			p.ReadFile = func(path string) ([]byte, error) {
				if path == "ca.pem" {
					return otherPEM, nil
				}
				return nil, errors.New("no such file")
			}
		})
		w.DecideConnect(alice())
		d, told := w.DecideCertificate(7, tt.chain)
		if (d.Verdict == policy.Allow) != (tt.told == "") || !strings.Contains(told, tt.told) {
			t.Errorf("%s: %v, %q", tt.name, d, told)
		}
		if d, _ := w.DecideCertificate(8, [][]byte{good.cert.Raw}); d.Verdict == policy.Allow {
			t.Errorf("%s: allowed for an account that is in no sign-on", tt.name)
		}
	}
}

func TestRootsUnavailableBlocks(t *testing.T) {
	w := newWorld(func(p *Parts) { p.Roots = func() (*x509.CertPool, error) { return nil, errors.New("none") } })
	w.DecideConnect(alice())
	if d, _ := w.DecideCertificate(7, [][]byte{sign(t, leafTemplate("a.test"), nil).cert.Raw}); d.Verdict == policy.Allow {
		t.Error("allowed without any authority")
	}
}

// An account without protection connects only where it is known, the floor is
// none, and the configuration says so.
func TestUnprotectedAccounts(t *testing.T) {
	absent := policy.LevelFact{Presence: policy.Absent}
	for _, c := range []struct {
		name   string
		reason policy.Reason // empty: it may
		change func(*world)
	}{
		{"known", "", func(*world) {}},
		{"new", policy.ReasonNewAccount, func(w *world) { w.known = policy.No }},
		{"nobody knows", policy.ReasonFactMissing, func(w *world) { w.known = policy.NotAsked }},
		{"below the floor", policy.ReasonBelowFloor, func(w *world) { w.parts.Config.Floor = policy.LevelTor }},
		{"no floor", policy.ReasonFactMissing, func(w *world) { w.parts.Config.Floor = policy.LevelUnknown }},
		{"a broken configuration", policy.ReasonConfigUnreadable, func(w *world) { w.parts.ConfigRead = false }},
	} {
		w, a := newWorld(nil), alice()
		w.level, a.Setting = absent, absent
		c.change(w)
		got := w.DecideConnect(a)
		level, d := w.DecideLevel(a)
		if got.Reason != c.reason || (got.Verdict == policy.Allow) != (c.reason == "") || got.GatePort != 0 || len(w.grants) != 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
		if d != got.Decision || level != policy.LevelNone {
			t.Errorf("%s: level %v, %+v", c.name, level, d)
		}
	}
}

func TestNewcomerIsAskedForOnlyWhenNew(t *testing.T) {
	w := newWorld(nil)
	a := alice().Account
	if _, d := w.Newcomer(a); d.Verdict != policy.Block {
		t.Errorf("known: %+v", d)
	}
	w.known = policy.NotAsked
	if _, d := w.Newcomer(a); d.Verdict != policy.Block {
		t.Errorf("nobody knows: %+v", d)
	}
	w.known = policy.No
	if _, d := w.Newcomer(a); d.Verdict != policy.Hold {
		t.Errorf("new: %+v", d)
	}
	w.parts.Config.NewAccounts = policy.NewAccountsTor
	if level, d := w.Newcomer(a); d.Verdict != policy.Allow || level != policy.LevelTor {
		t.Errorf("new, tor: %v, %+v", level, d)
	}
	w.parts.ConfigRead = false
	if _, d := w.Newcomer(a); d.Reason != policy.ReasonConfigUnreadable {
		t.Errorf("a broken configuration: %+v", d)
	}
	if d := w.MaySet(policy.LevelTor); d.Reason != policy.ReasonConfigUnreadable {
		t.Errorf("a broken configuration: %+v", d)
	}
}
