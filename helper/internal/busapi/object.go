// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	documents "purpleonion.org/purple-onion/dbus"
	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Name and Path are where the service is.
const (
	Name = "org.purpleonion.Helper1"
	Path = dbus.ObjectPath("/org/purpleonion/Helper1")

	accounts = Path + "/account"
)

// lookAgain is how long an answer of the backend's stands while nothing is
// told anew: a peer that floods takes no more of the engine's locks than that.
const lookAgain = 100 * time.Millisecond

type properties = map[string]dbus.Variant

// key is an account of a user directory.
type key struct {
	dir string
	policy.Account
}

// look is the backend's status, not older than lookAgain, and each account's
// object for this run.
func (s *Service) look() (engine.Status, map[dbus.ObjectPath]engine.AccountStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.stale || now.Sub(s.looked) > lookAgain {
		s.status = s.settings.Backend.Status()
		s.stale, s.looked = false, now
		s.objects = map[dbus.ObjectPath]engine.AccountStatus{}
		for _, a := range s.status.Accounts {
			s.objects[s.handle(key{a.Dir, a.Account})] = a
		}
		maps.DeleteFunc(s.handles, func(_ key, p dbus.ObjectPath) bool {
			_, there := s.objects[p]
			return !there
		})
	}
	return s.status, s.objects
}

// handle is the object of an account; s.mu is held.
func (s *Service) handle(k key) dbus.ObjectPath {
	if p, ok := s.handles[k]; ok {
		return p
	}
	var b [16]byte
	_, _ = rand.Read(b[:])
	s.handles[k] = accounts + dbus.ObjectPath("/"+hex.EncodeToString(b[:]))
	return s.handles[k]
}

// interfacesOf are the interfaces of an object, none where there is no such.
func (s *Service) interfacesOf(path dbus.ObjectPath) []string {
	if path == Path {
		return []string{helperInterface, managerInterface, propertiesInterface, introspectInterface}
	}
	if strings.HasPrefix(string(path), string(accounts)+"/") {
		if _, objects := s.look(); objects[path].Account != (policy.Account{}) {
			return []string{accountInterface, propertiesInterface, introspectInterface}
		}
		return nil
	}
	if _, within := childOf(path, accounts+"/x"); within {
		return []string{introspectInterface}
	}
	return nil
}

// childOf is the next name on the way from a path down to another.
func childOf(path, below dbus.ObjectPath) (string, bool) {
	prefix := strings.TrimSuffix(string(path), "/") + "/"
	rest, within := strings.CutPrefix(string(below), prefix)
	name, _, _ := strings.Cut(rest, "/")
	return name, within && name != ""
}

// introspect lists an object's children as they are now.
func (s *Service) introspect(c call) (string, error) {
	var b strings.Builder
	b.WriteString("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n" +
		" \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n")
	for _, name := range s.interfacesOf(c.path) {
		b.WriteString(interfaceXML[name])
	}
	_, objects := s.look()
	children := map[string]bool{}
	if name, within := childOf(c.path, accounts); within {
		children[name] = true
	}
	for p := range objects {
		if name, within := childOf(c.path, p); within && c.path == accounts {
			children[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(children)) {
		b.WriteString("  <node name=\"" + name + "\"/>\n")
	}
	b.WriteString("</node>\n")
	return b.String(), nil
}

// interfaceXML is each interface as Introspect tells it.
var interfaceXML = map[string]string{
	helperInterface:  within(documents.Helper),
	accountInterface: within(documents.Account),
	managerInterface: `  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects"><arg name="objects" type="a{oa{sa{sv}}}" direction="out"/></method>
    <signal name="InterfacesAdded"><arg name="object" type="o"/><arg name="interfaces" type="a{sa{sv}}"/></signal>
    <signal name="InterfacesRemoved"><arg name="object" type="o"/><arg name="interfaces" type="as"/></signal>
  </interface>
`,
	propertiesInterface: `  <interface name="org.freedesktop.DBus.Properties">
    <method name="Get"><arg name="interface" type="s" direction="in"/><arg name="name" type="s" direction="in"/><arg name="value" type="v" direction="out"/></method>
    <method name="GetAll"><arg name="interface" type="s" direction="in"/><arg name="values" type="a{sv}" direction="out"/></method>
    <method name="Set"><arg name="interface" type="s" direction="in"/><arg name="name" type="s" direction="in"/><arg name="value" type="v" direction="in"/></method>
    <signal name="PropertiesChanged"><arg name="interface" type="s"/><arg name="changed" type="a{sv}"/><arg name="invalidated" type="as"/></signal>
  </interface>
`,
	introspectInterface: `  <interface name="org.freedesktop.DBus.Introspectable">
    <method name="Introspect"><arg name="xml" type="s" direction="out"/></method>
  </interface>
`,
}

// within takes the root element off a document.
func within(document string) string {
	_, rest, _ := strings.Cut(document, "<node>\n")
	inner, _, _ := strings.Cut(rest, "</node>")
	return inner
}

// helperProperties are those of the service itself.
func (s *Service) helperProperties(st engine.Status) properties {
	return properties{
		"Version":           dbus.MakeVariant(clean(s.settings.Version)),
		"Mode":              dbus.MakeVariant(s.settings.Mode),
		"TorState":          dbus.MakeVariant(st.Tor.State.String()),
		"BootstrapProgress": dbus.MakeVariant(progress(st.Tor)),
		"GatePort":          dbus.MakeVariant(st.GatePort),
		"InCell":            dbus.MakeVariant(s.settings.InCell),
	}
}

// progress is known by its end alone where no control port tells it.
func progress(t engine.TorStatus) uint32 {
	if t.Progress < 0 {
		if t.State == policy.TorReady {
			return 100
		}
		return 0
	}
	return uint32(min(t.Progress, 100))
}

// personal are the properties that a sandbox does not see, and no signal holds.
var personal = []string{"Name", "Circuit", "ExitOrOnion", "MessageStates"}

func accountProperties(a engine.AccountStatus, nameless bool) properties {
	states := map[string]string{}
	name, circuit, end := "", "", ""
	if !nameless {
		name = clean(a.Account.Name)
		if a.State == engine.Online {
			circuit, end = clean(a.Stream.Circuit), clean(a.Stream.Exit)
			if a.Stream.Onion != "" {
				end = clean(a.Stream.Onion + ".onion")
			}
		}
		for buddy, state := range a.Messages {
			states[clean(buddy)] = state.String()
		}
	}
	return properties{
		"Protocol":      dbus.MakeVariant(clean(a.Account.Protocol)),
		"Name":          dbus.MakeVariant(name),
		"Protection":    dbus.MakeVariant(a.Level.String()),
		"State":         dbus.MakeVariant(string(a.State)),
		"Reason":        dbus.MakeVariant(string(a.Reason)),
		"Circuit":       dbus.MakeVariant(circuit),
		"ExitOrOnion":   dbus.MakeVariant(end),
		"MessageStates": dbus.MakeVariant(states),
	}
}

func (s *Service) managedObjects(c call) (map[dbus.ObjectPath]map[string]properties, error) {
	nameless := s.callers.sandboxed(c.sender)
	_, objects := s.look()
	out := map[dbus.ObjectPath]map[string]properties{}
	for p, a := range objects {
		out[p] = map[string]properties{accountInterface: accountProperties(a, nameless)}
	}
	return out, nil
}

// ofInterface are the properties of an object's interface.
func (s *Service) ofInterface(c call, name string) (properties, error) {
	there := s.interfacesOf(c.path)
	switch {
	case !slices.Contains(there, name):
		return nil, standard("org.freedesktop.DBus.Error.UnknownInterface", "the object has no such interface")
	case name == helperInterface:
		st, _ := s.look()
		return s.helperProperties(st), nil
	case name == accountInterface:
		nameless := s.callers.sandboxed(c.sender)
		_, objects := s.look()
		return accountProperties(objects[c.path], nameless), nil
	}
	return properties{}, nil
}

func (s *Service) properties(c call, name string) (properties, error) { return s.ofInterface(c, name) }

func (s *Service) property(c call, name, property string) (dbus.Variant, error) {
	all, err := s.ofInterface(c, name)
	if err != nil {
		return dbus.Variant{}, err
	}
	v, ok := all[property]
	if !ok {
		return dbus.Variant{}, standard("org.freedesktop.DBus.Error.UnknownProperty", "there is no such property")
	}
	return v, nil
}

func (s *Service) setProperty(c call, name, property string, _ dbus.Variant) error {
	if _, err := s.property(c, name, property); err != nil {
		return err
	}
	return standard("org.freedesktop.DBus.Error.PropertyReadOnly", "it can only be read")
}
