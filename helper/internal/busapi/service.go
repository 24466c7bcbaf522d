// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
)

// Settings is what a service works with.
type Settings struct {
	Address string // DBUS_SESSION_BUS_ADDRESS; empty: no bus
	Version string
	Mode    string // ModePlugin or ModeDaemon
	InCell  bool
	Backend Backend
	Log     func(string) // one line for the debug log; must not wait
	Ready   func()       // the name was asked for, on each bus; may be nil

	limits limits // of callers; only tests set them
}

// callers may send so much; what a person does is far below it.
var usual = limits{largest: 256 << 10, burst: 500, each: 100}

// The modes. The plugin takes the name from the daemon, which stands behind it
// in the queue and has it again when the plugin lets go.
const (
	ModePlugin = "plugin"
	ModeDaemon = "daemon"
)

const (
	maxNews = 256                    // that wait to be told
	settle  = 100 * time.Millisecond // between two rounds of signals
)

// Service is the object on the bus.
type Service struct {
	settings Settings
	ctx      context.Context
	cancel   context.CancelFunc
	done     chan struct{}
	callers  callers
	slow     chan struct{}
	auditing sync.Mutex
	told     chan engine.News
	names    chan struct{} // the name's owner has changed
	err      error         // why it ended; read after done
	reply    uint32        // to the last request for the name
	conn     atomic.Pointer[dbus.Conn]

	mu      sync.Mutex
	stale   bool
	looked  time.Time
	status  engine.Status
	objects map[dbus.ObjectPath]engine.AccountStatus
	handles map[key]dbus.ObjectPath
}

// Start returns at once; connecting goes on by itself. It never starts a bus.
func Start(settings Settings) *Service {
	if settings.limits == (limits{}) {
		settings.limits = usual
	}
	s := &Service{
		settings: settings, done: make(chan struct{}), slow: make(chan struct{}, maxSlow),
		told: make(chan engine.News, maxNews), names: make(chan struct{}, 1), stale: true,
		handles: map[key]dbus.ObjectPath{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	guarded(func() {
		defer close(s.done)
		s.err = s.stay()
	}, func() { s.cancel(); s.log("the service on the bus fell") })
	return s
}

// Done is closed when the service is no longer on the bus; Err then says why.
func (s *Service) Done() <-chan struct{} { return s.done }

// Err is why the service ended; nil after Close.
func (s *Service) Err() error {
	if s.ctx.Err() != nil {
		return nil
	}
	return s.err
}

// Close gives the name back. It waits half a second at most.
func (s *Service) Close() {
	s.cancel()
	select {
	case <-s.done:
	case <-time.After(500 * time.Millisecond):
	}
}

// News has the service look at the backend again, and tell. It never waits:
// what is too much is not told.
func (s *Service) News(n engine.News) {
	select {
	case s.told <- n:
	default:
	}
}

// The time between two attempts of the plugin's to be on the bus.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = time.Minute
)

// stay is on the bus for as long as the service lives: a bus that ends may be
// started anew at its address. The daemon ends with its bus, for it is the bus,
// or systemd, that starts it.
func (s *Service) stay() error {
	said, wait := "", firstWait
	for {
		err := s.run()
		if err == nil || s.ctx.Err() != nil {
			return err
		}
		if s.conn.Swap(nil) != nil {
			said, wait = "", firstWait
		}
		if text := err.Error(); text != said {
			s.log("not on the session bus: " + text)
			said = text
		}
		if s.settings.Mode == ModeDaemon || errors.Is(err, ErrNoBus) {
			return err
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
	}
}

// run is on one bus, until that or the service ends.
func (s *Service) run() error {
	conn, err := connect(s.ctx, s.settings.Address, s.settings.limits, s, s)
	if err != nil {
		return err
	}
	defer conn.Close()
	ask := askBus(conn)
	s.callers.onBus("/proc", ask, s.settings.InCell && numberless(ask(conn.Names()[0])))
	s.reply = 0
	if err := s.watchName(conn); err != nil {
		return err
	}
	if err := s.takeName(conn); err != nil {
		return err
	}
	s.conn.Store(conn)
	if s.settings.Ready != nil {
		s.settings.Ready()
	}
	return s.serve(conn)
}

// DeliverSignal implements dbus.SignalHandler: nobody's signals but the bus's
// own are looked at, and only for there being one.
func (s *Service) DeliverSignal(iface, name string, sig *dbus.Signal) {
	if sig.Sender == "org.freedesktop.DBus" && iface == "org.freedesktop.DBus" && name == "NameOwnerChanged" {
		select {
		case s.names <- struct{}{}:
		default:
		}
	}
}

func bus(ctx context.Context, conn *dbus.Conn, method string, args ...any) *dbus.Call {
	return conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus."+method, dbus.FlagNoAutoStart, args...)
}

func (s *Service) watchName(conn *dbus.Conn) error {
	ctx, cancel := context.WithTimeout(s.ctx, stallAfter)
	defer cancel()
	rule := "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + Name + "'"
	return bus(ctx, conn, "AddMatch", rule).Err
}

// takeName asks for the name. The plugin replaces the daemon, and nobody else;
// where another has the name it waits until that one lets go.
func (s *Service) takeName(conn *dbus.Conn) error {
	flags := dbus.NameFlagReplaceExisting | dbus.NameFlagDoNotQueue
	if s.settings.Mode == ModeDaemon {
		flags = dbus.NameFlagAllowReplacement
	}
	ctx, cancel := context.WithTimeout(s.ctx, stallAfter)
	defer cancel()
	var reply uint32
	if err := bus(ctx, conn, "RequestName", Name, uint32(flags)).Store(&reply); err != nil {
		return fmt.Errorf("cannot take the name %s: %w", Name, err)
	}
	if s.reply != reply { // said once: the owner may change often
		switch dbus.RequestNameReply(reply) {
		case dbus.RequestNameReplyPrimaryOwner, dbus.RequestNameReplyAlreadyOwner:
			s.log("on the session bus as " + Name)
		case dbus.RequestNameReplyExists, dbus.RequestNameReplyInQueue:
			s.log("another program has the name " + Name)
		}
	}
	s.reply = reply
	return nil
}

// Notify shows a desktop notification (Desktop Notifications Specification,
// org.freedesktop.Notifications.Notify). It waits for the answer for a while.
func (s *Service) Notify(summary, body string) error {
	conn := s.conn.Load()
	if conn == nil {
		return errors.New("cannot notify: not on the session bus")
	}
	ctx, cancel := context.WithTimeout(s.ctx, stallAfter)
	defer cancel()
	return conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx, "org.freedesktop.Notifications.Notify", 0,
		"purple-onion", uint32(0), "dialog-warning", clean(summary), clean(body), []string{}, properties{}, int32(-1)).Err
}

var errBusGone = errors.New("the bus has closed the connection")

// serve tells what changes until the bus or the service ends.
func (s *Service) serve(conn *dbus.Conn) error {
	var shown view
	s.refresh()
	shown = s.view()
	pace := time.NewTicker(settle)
	defer pace.Stop()
	changed := false
	for {
		select {
		case <-s.ctx.Done():
			s.giveBack(conn)
			return nil
		case <-conn.Context().Done():
			return errBusGone
		case <-s.names:
			if s.settings.Mode == ModePlugin && !s.ours(conn) {
				if err := s.takeName(conn); err != nil {
					return err
				}
			}
		case n := <-s.told:
			s.refresh()
			changed = true
			if err := s.tell(conn, n); err != nil {
				return err
			}
			continue
		case <-pace.C:
		}
		if !changed {
			continue
		}
		changed = false
		now := s.view()
		if err := s.emit(conn, shown, now); err != nil {
			return err
		}
		shown = now
	}
}

// ours says whether the name is this connection's.
func (s *Service) ours(conn *dbus.Conn) bool {
	ctx, cancel := context.WithTimeout(s.ctx, stallAfter)
	defer cancel()
	var owner string
	err := bus(ctx, conn, "GetNameOwner", Name).Store(&owner)
	return err == nil && len(conn.Names()) > 0 && owner == conn.Names()[0]
}

func (s *Service) giveBack(conn *dbus.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_ = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ReleaseName", dbus.FlagNoAutoStart, Name).Err
}

func (s *Service) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
}

// tell sends the signals that stand for one event. They name nobody.
func (s *Service) tell(conn *dbus.Conn, n engine.News) error {
	member := ""
	switch n.Kind {
	case engine.NewsBlocked:
		member = ".Blocked"
	case engine.NewsLeak:
		member = ".LeakPrevented"
	case engine.NewsAccount, engine.NewsTor:
		return nil
	}
	_, objects := s.look()
	for p, a := range objects {
		if a.Account == n.Account {
			return conn.Emit(Path, helperInterface+member, p, string(n.Reason))
		}
	}
	return nil
}

// view is what signals tell the changes of.
type view struct {
	helper  properties
	objects map[dbus.ObjectPath]properties
}

func (s *Service) view() view {
	st, objects := s.look()
	v := view{s.helperProperties(st), map[dbus.ObjectPath]properties{}}
	for p, a := range objects {
		v.objects[p] = accountProperties(a, false)
	}
	return v
}

// emit tells what is different between two views.
func (s *Service) emit(conn *dbus.Conn, was, now view) error {
	if c, _ := difference(was.helper, now.helper); len(c) > 0 {
		if err := conn.Emit(Path, propertiesInterface+".PropertiesChanged", helperInterface, c, []string{}); err != nil {
			return err
		}
		_, state := c["TorState"]
		_, percent := c["BootstrapProgress"]
		if state || percent {
			if err := conn.Emit(Path, helperInterface+".TorStateChanged", now.helper["TorState"].Value(), now.helper["BootstrapProgress"].Value()); err != nil {
				return err
			}
		}
	}
	for p, props := range now.objects {
		if err := s.emitAccount(conn, p, was.objects[p], props); err != nil {
			return err
		}
	}
	for p := range was.objects {
		if now.objects[p] == nil {
			if err := conn.Emit(Path, managerInterface+".InterfacesRemoved", p, []string{accountInterface, propertiesInterface, introspectInterface}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) emitAccount(conn *dbus.Conn, p dbus.ObjectPath, was, now properties) error {
	if was == nil {
		shown, _ := difference(properties{}, now)
		return conn.Emit(Path, managerInterface+".InterfacesAdded", p, map[string]properties{accountInterface: shown, propertiesInterface: {}, introspectInterface: {}})
	}
	changed, invalidated := difference(was, now)
	if len(changed)+len(invalidated) == 0 {
		return nil
	}
	return conn.Emit(p, propertiesInterface+".PropertiesChanged", accountInterface, changed, invalidated)
}

// difference is what changed, with its value unless it is personal.
func difference(was, now properties) (changed properties, invalidated []string) {
	changed, invalidated = properties{}, []string{}
	for name, v := range now {
		old, known := was[name]
		switch {
		case known && reflect.DeepEqual(old.Value(), v.Value()):
		case slices.Contains(personal, name):
			invalidated = append(invalidated, name)
		default:
			changed[name] = v
		}
	}
	slices.Sort(invalidated)
	return changed, invalidated
}
