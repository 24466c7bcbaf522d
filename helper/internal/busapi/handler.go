// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"reflect"

	"github.com/godbus/dbus/v5"
)

// call is who calls, and what.
type call struct {
	sender string
	path   dbus.ObjectPath
}

// maxText bounds each string of a call, in bytes.
const maxText = 4096

// methods are what can be called, by interface and member. Each is a func of
// the service and the call, then the arguments; a test compares them with
// dbus/*.xml. account says on which objects an interface is.
var methods = map[string]map[string]any{
	helperInterface: {
		"Audit":      (*Service).audit,
		"Status":     (*Service).statusReport,
		"Protect":    (*Service).protect,
		"Release":    (*Service).release,
		"NewCircuit": (*Service).newCircuit,
		"Explain":    (*Service).explain,
	},
	accountInterface: {},
	managerInterface: {
		"GetManagedObjects": (*Service).managedObjects,
	},
	propertiesInterface: {
		"Get":    (*Service).property,
		"GetAll": (*Service).properties,
		"Set":    (*Service).setProperty,
	},
	introspectInterface: {
		"Introspect": (*Service).introspect,
	},
}

const (
	helperInterface     = "org.purpleonion.Helper1"
	accountInterface    = "org.purpleonion.Account1"
	managerInterface    = "org.freedesktop.DBus.ObjectManager"
	propertiesInterface = "org.freedesktop.DBus.Properties"
	introspectInterface = "org.freedesktop.DBus.Introspectable"
)

// The objects are looked up when a method is called, where a panic is caught:
// godbus itself recovers from none.
type (
	anyObject struct {
		s    *Service
		path dbus.ObjectPath
	}
	anyInterface struct {
		anyObject
		name string
	}
	anyMethod struct {
		anyInterface
		member string
		found  any // of methods
	}
)

// LookupObject implements dbus.Handler.
func (s *Service) LookupObject(path dbus.ObjectPath) (dbus.ServerObject, bool) {
	return anyObject{s, path}, true
}

func (o anyObject) LookupInterface(name string) (dbus.Interface, bool) {
	return anyInterface{o, name}, true
}

func (i anyInterface) LookupMethod(member string) (dbus.Method, bool) {
	return &anyMethod{anyInterface: i, member: member}, true
}

// find looks the method up on its object; without an interface the first that
// has such a member counts, as the specification lets it.
func (m *anyMethod) find() *dbus.Error {
	there := m.s.interfacesOf(m.path)
	if len(there) == 0 {
		return standard("org.freedesktop.DBus.Error.UnknownObject", "there is no such object")
	}
	known := false
	for _, name := range there {
		if m.name != "" && m.name != name {
			continue
		}
		known = true
		if f, ok := methods[name][m.member]; ok {
			m.found = f
			return nil
		}
	}
	if !known {
		return standard("org.freedesktop.DBus.Error.UnknownInterface", "the object has no such interface")
	}
	return standard("org.freedesktop.DBus.Error.UnknownMethod", "there is no such method")
}

// DecodeArguments implements dbus.ArgumentDecoder.
func (m *anyMethod) DecodeArguments(_ *dbus.Conn, sender string, _ *dbus.Message, body []any) (args []any, err error) {
	err = m.guarded(func() *dbus.Error {
		if err := m.find(); err != nil {
			return err
		}
		args, err = m.decode(sender, body)
		if err != nil {
			return standard("org.freedesktop.DBus.Error.InvalidArgs", "the arguments are not those of "+m.member)
		}
		return nil
	})
	return args, err
}

func (m *anyMethod) decode(sender string, body []any) ([]any, error) {
	t := reflect.TypeOf(m.found)
	args := []any{call{sender, m.path}}
	var into []any
	if len(body) != t.NumIn()-2 {
		return nil, dbus.ErrMsgInvalidArg
	}
	for i, v := range body {
		// Store would turn a number into text.
		if dbus.SignatureOf(v) != dbus.SignatureOfType(t.In(i+2)) {
			return nil, dbus.ErrMsgInvalidArg
		}
		into = append(into, reflect.New(t.In(i+2)).Interface())
	}
	if err := dbus.Store(body, into...); err != nil {
		return nil, err
	}
	for _, p := range into {
		args = append(args, reflect.ValueOf(p).Elem().Interface())
	}
	return args, nil
}

// Call implements dbus.Method.
func (m *anyMethod) Call(args ...any) (results []any, err error) {
	err = m.guarded(func() *dbus.Error {
		in := []reflect.Value{reflect.ValueOf(m.s)}
		for _, a := range args {
			if text, ok := a.(string); ok && len(text) > maxText {
				return onBus(&Error{InvalidArgument, "an argument is too long"})
			}
			in = append(in, reflect.ValueOf(a))
		}
		out := reflect.ValueOf(m.found).Call(in)
		last := len(out) - 1
		if err, _ := out[last].Interface().(error); err != nil {
			return onBus(err)
		}
		for _, v := range out[:last] {
			results = append(results, v.Interface())
		}
		return nil
	})
	return results, err
}

// guarded has a panic answer as an error. Its value is not told: it may hold
// what the caller must not know.
func (m *anyMethod) guarded(do func() *dbus.Error) (err error) {
	defer func() {
		if recover() != nil {
			m.s.log("a call of " + m.member + " on the bus fell")
			err = standard("org.freedesktop.DBus.Error.Failed", "an internal error")
		}
	}()
	if e := do(); e != nil { // not returned as it is: a nil *dbus.Error is an error
		return e
	}
	return nil
}

// The rest of dbus.Method, which standardMethodArgumentDecode would ask.

func (m *anyMethod) NumArguments() int     { return 0 }
func (m *anyMethod) NumReturns() int       { return 0 }
func (m *anyMethod) ArgumentValue(int) any { return nil }
func (m *anyMethod) ReturnValue(int) any   { return nil }
func (s *Service) log(text string)         { s.settings.Log(text) }
