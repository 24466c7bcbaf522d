// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/gate"
	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
	"purpleonion.org/purple-onion/helper/internal/redact"
	"purpleonion.org/purple-onion/helper/internal/tor"
)

// helper is everything that one start made.
type helper struct {
	engine  *engine.Engine
	gate    *gate.Gate
	tor     *tor.Client
	userDir string
	record  *profile.Record
	calls   results

	bus      atomic.Pointer[busapi.Service] // nil until it is started
	requests requests
}

var current atomic.Pointer[helper]

func running() *helper { return current.Load() }

// limits keep the runtime small and answer quickly inside a program that is
// busy on two cores; the user's own GOGC and GOMEMLIMIT win.
func limits() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(64 << 20)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(4, runtime.NumCPU()+2))
	}
	debug.SetMaxStack(16 << 20)
}

// start builds the helper for one user directory. It is true also where the
// configuration or the record is broken: then the engine blocks and says so.
func start(settings string, eventFD int) bool {
	k, err := parseKeyFile(settings)
	if err != nil || current.Load() != nil {
		return false
	}
	userDir, _ := k.get("start", "user_dir")
	if !filepath.IsAbs(userDir) {
		return false
	}
	limits()
	broken.Store(false)
	events.listen(eventFD)
	h := &helper{userDir: userDir, calls: results{waiting: map[uint64]string{}}}
	if !h.wire() {
		events.listen(0)
		return false
	}
	current.Store(h)
	h.startBus()
	return true
}

// wire joins the parts, and is the one place where they meet.
func (h *helper) wire() bool {
	conf, confErr := config.Load(config.System(os.Getenv))
	if confErr != nil {
		h.log("cannot read the configuration: " + confErr.Error())
	}
	stateDir := config.Folder(os.Getenv, "XDG_STATE_HOME", ".local/state")
	var err error
	if h.record, err = profile.OpenRecord(stateDir, h.userDir); err != nil {
		h.log(err.Error()) // every level in it reads as unreadable, and blocks
	}
	h.record.Impatient()
	roots := systemRoots()
	torStatus := &lateTor{}
	lateGate := &lateGate{}
	h.engine = engine.New(engine.Parts{
		Tor: torStatus, Gate: lateGate, Records: h.record, Config: conf, ConfigRead: confErr == nil,
		KnownOnion: gate.KnownOnion, Credentials: tor.NewCredentials,
		Keyring: otr.OpenStore(h.userDir), Background: background,
		Roots: roots, ReadFile: readRegular, NameKnown: nameKnown, Now: now, Emit: events.push,
		Places: h.places, News: h.news, TorBrowser: torBrowser,
	})
	g, err := gate.Listen(h.gateConfig(conf))
	if err != nil {
		h.log("cannot open the gate: " + err.Error())
		return false
	}
	h.gate = g
	lateGate.gate.Store(g)
	if confErr != nil {
		return true // nobody may connect, and what the user wants of Tor is not known
	}
	h.tor = tor.Start(reachable(tor.Settings{
		Mode: conf.Tor.Mode, Socks: conf.Tor.Socks, Control: conf.Tor.Control, ControlPassword: conf.Tor.ControlPassword,
		Program: conf.Tor.Program, Torrc: conf.Tor.Torrc, StateDir: filepath.Join(stateDir, "tor"),
		GatePorts: func() []uint16 { return []uint16{g.Port()} },
	}), func(s tor.Status) {
		torStatus.set(s)
		h.engine.TorChanged(torStatus.Status())
	})
	return true
}

func (h *helper) gateConfig(conf config.Config) gate.Config {
	c := gate.Config{
		Dial: func(ctx context.Context, user, password redact.Secret, host string, port uint16) (gate.Stream, error) {
			s, err := h.tor.Dial(ctx, user, password, host, port)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Ask:    func(r gate.Request) policy.Decision { return h.engine.DecideStream(r.SignOn, r.Facts) },
		Notify: h.gateEvent,
	}
	if conf.SRVResolver != "" {
		c.Resolve = func(ctx context.Context, user, password redact.Secret, domain string) ([]gate.Target, error) {
			found, err := h.tor.LookupSRV(ctx, user, password, conf.SRVResolver, "_xmpp-client._tcp", domain)
			targets := make([]gate.Target, 0, len(found))
			for _, s := range found {
				targets = append(targets, gate.Target{Host: s.Target, Port: s.Port})
			}
			return targets, err
		}
	}
	return c
}

// gateEvent translates the gate's news.
func (h *helper) gateEvent(ev gate.Event) {
	switch ev.Kind {
	case gate.EventRefused:
		h.engine.StreamRefused(ev.SignOn, ev.Reason, ev.Detail)
	case gate.EventClosed:
		if ev.Reason != "" {
			h.engine.StreamRefused(ev.SignOn, ev.Reason, ev.Detail)
		}
	case gate.EventConnected:
		s := engine.Stream{Way: string(ev.Way), Circuit: ev.Circuit, Isolation: ev.Isolation}
		h.engine.StreamConnected(ev.SignOn, s)
		background("circuit", func() { h.lookUpCircuit(ev.SignOn, s) })
	case gate.EventWayFailed:
		h.log("the way by " + string(ev.Way) + " gave no answer: " + ev.Detail)
	case gate.EventNone, gate.EventConnecting:
	}
}

// places asks Tor where the streams of sign-ons are now.
func (h *helper) places(ctx context.Context, signOns []uint64) map[uint64][]engine.Place {
	circuits, _ := h.tor.StreamCircuits(ctx) // not told: then none is known
	out := map[uint64][]engine.Place{}
	for _, n := range signOns {
		for _, s := range h.gate.Streams(n) {
			out[n] = append(out[n], placeOf(s, circuits))
		}
	}
	return out
}

func placeOf(s gate.Stream, circuits map[string]tor.Circuit) engine.Place {
	p := engine.Place{Ride: policy.Ride{Isolation: s.Isolation()}}
	own, ok := s.(*tor.Stream)
	if !ok || own.ID() == "" {
		return p
	}
	p.Known = circuits != nil
	if c, found := circuits[own.ID()]; found {
		p.Circuit, p.Onion = c.Logical(), c.Onion
		if exit, ok := c.Exit(); ok {
			p.Exit, p.ExitName = exit.Fingerprint, exit.Nickname
		}
	}
	return p
}

// lookUpCircuit finds the exit of a stream's circuit at the control port.
func (h *helper) lookUpCircuit(signOn uint64, s engine.Stream) {
	if s.Circuit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	circuits, err := h.tor.Circuits(ctx)
	if err != nil {
		return
	}
	for _, c := range circuits {
		if c.ID != s.Circuit {
			continue
		}
		s.Circuit, s.Onion = c.Logical(), c.Onion
		if exit, ok := c.Exit(); ok {
			s.Exit, s.ExitName = exit.Fingerprint, exit.Nickname
		}
		h.engine.StreamConnected(signOn, s)
	}
}

func (h *helper) log(text string) { events.push(engine.Event{Kind: engine.EventLog, Text: text}) }

func (h *helper) shutGate(reason policy.Reason) {
	if h.gate != nil {
		h.gate.CloseAll(reason)
	}
}

// stop ends what start began. It must come back within two seconds, so it
// does not wait for Tor longer than that.
func stop() {
	events.listen(0) // first: the shim closes the descriptor whatever happens here
	h := current.Swap(nil)
	if h == nil {
		return
	}
	h.gate.Close()
	done := make(chan struct{})
	background("stop", func() {
		defer close(done)
		if bus := h.bus.Load(); bus != nil {
			bus.Close()
		}
		if h.tor != nil {
			h.tor.Close()
		}
	})
	select {
	case <-done:
	case <-time.After(1500 * time.Millisecond):
	}
}

// abandon is what is left to do where stop itself fell.
func abandon() {
	events.listen(0)
	if h := current.Swap(nil); h != nil && h.gate != nil {
		h.gate.Close()
	}
}

// systemRoots reads the computer's authorities once, off the main loop.
func systemRoots() func() (*x509.CertPool, error) {
	load := sync.OnceValues(x509.SystemCertPool)
	background("roots", func() { _, _ = load() })
	return load
}

// nameKnown looks whether an XMPP login would ask DNS for this computer's name.
func nameKnown() policy.Answer {
	hosts, err1 := readRegular("/etc/hosts")
	order, err2 := readRegular("/etc/nsswitch.conf")
	name, err3 := os.Hostname()
	if err3 != nil || unreadable(err1) || unreadable(err2) {
		return policy.No
	}
	return policy.AnswerOf(audit.NameAnsweredHere(string(hosts), string(order), name))
}

// unreadable is an error other than that the file is not there, which glibc
// takes for an empty one.
func unreadable(err error) bool { return err != nil && !errors.Is(err, fs.ErrNotExist) }

// readRegular reads a file of the user's that may not make the main loop
// wait: a regular one, of at most a megabyte.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > 1<<20:
		return nil, errors.New("it is not a regular file of at most 1 MiB")
	}
	return os.ReadFile(path)
}
