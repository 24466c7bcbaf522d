// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"errors"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Kind names an error of the interface.
type Kind string

// The kinds; each is org.purpleonion.Error.KIND on the bus.
const (
	NeedsUser       Kind = "NeedsUser"
	UnknownAccount  Kind = "UnknownAccount"
	UnknownCheck    Kind = "UnknownCheck"
	NoTor           Kind = "NoTor"
	Busy            Kind = "Busy"
	InvalidArgument Kind = "InvalidArgument"
)

const (
	errorPrefix  = "org.purpleonion.Error."
	accessDenied = "org.freedesktop.DBus.Error.AccessDenied"
)

// Error is an error of the interface, with its text for a person.
type Error struct {
	Kind Kind
	Text string
}

func (e *Error) Error() string { return e.Text }

// KindOf is the kind of an error; empty where it is none of the interface's.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func standard(name, text string) *dbus.Error {
	return &dbus.Error{Name: name, Body: []any{clean(text)}}
}

// onBus is an error as it goes over the bus.
func onBus(err error) *dbus.Error {
	var already *dbus.Error
	var e *Error
	switch {
	case errors.As(err, &already):
		return already
	case errors.As(err, &e):
		return standard(errorPrefix+string(e.Kind), e.Text)
	}
	return standard("org.freedesktop.DBus.Error.Failed", err.Error())
}

// fromBus is the other way.
func fromBus(err error) error {
	var d dbus.Error
	if !errors.As(err, &d) {
		return err
	}
	kind, ours := strings.CutPrefix(d.Name, errorPrefix)
	if !ours {
		return err
	}
	return &Error{Kind(kind), d.Error()}
}

// clean makes text fit for the bus, which refuses bad UTF-8 and NUL.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}
