// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// file is config.toml as it is written. Its types check the values, so that
// go-toml gives an error the line of the value.
type file struct {
	NewAccounts            newAccounts         `toml:"new_accounts"`
	Floor                  level               `toml:"floor"`
	RequireProvenIsolation bool                `toml:"require_proven_isolation"`
	RequireVerified        bool                `toml:"require_verified"`
	DropPlaintext          bool                `toml:"drop_plaintext"`
	TorBrowser             browser             `toml:"tor_browser"`
	Autologin              bool                `toml:"autologin"`
	SignonDelayMax         *delay              `toml:"signon_delay_max"`
	NotifyNames            bool                `toml:"notify_names"`
	SRVResolver            resolver            `toml:"srv_resolver"`
	Tor                    torTable            `toml:"tor"`
	Onions                 map[string]onion    `toml:"onions"`
	Accounts               map[string]acctable `toml:"accounts"`
}

type torTable struct {
	Mode            mode    `toml:"mode"`
	Socks           address `toml:"socks"`
	Control         address `toml:"control"`
	ControlPassword string  `toml:"control_password"`
	Program         path    `toml:"program"`
	Torrc           []line  `toml:"torrc"`
}

type acctable struct {
	OnionOnly      bool `toml:"onion_only"`
	CAFile         path `toml:"ca_file"`
	CertificatePin pin  `toml:"certificate_pin"`

	Autologin       bool     `toml:"autologin"`
	Resource        resource `toml:"resource"`
	RequireVerified bool     `toml:"require_verified"`
	OTRv2           []name   `toml:"otr_v2"`
}

// A lineError never quotes the file: a line may hold control_password.
type lineError struct {
	line int
	msg  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.msg) }

func parse(data []byte) (file, error) {
	var f file
	if err := decode(data, &f); err != nil {
		return file{}, err
	}
	return f, checkKeys(f, data)
}

// decode reads the whole of data into a struct of value types, or says where
// it cannot.
func decode[T any](data []byte, into *T) error {
	if bytes.Contains(data, []byte{0}) {
		return errors.New("it is not a text file")
	}
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(into)
	if err == nil {
		return nil
	}
	err = located(err)
	if at := (&lineError{}); !errors.As(err, &at) {
		err = search[T](data, err)
	}
	return err
}

// search finds the line of an error that go-toml gives without one (a number
// where a string belongs): the first whose addition brings that error about.
func search[T any](data []byte, err error) error {
	lines := bytes.SplitAfter(data, []byte{'\n'})
	if len(lines) > 2000 {
		return err
	}
	end := 0
	for i, l := range lines {
		end += len(l)
		if e := toml.NewDecoder(bytes.NewReader(data[:end])).Decode(new(T)); e != nil && located(e).Error() == err.Error() {
			return &lineError{i + 1, err.Error()}
		}
	}
	return err
}

// located takes position and plain message out of go-toml's errors; their
// String would show the lines around.
func located(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		row, _ := first.Position()
		return &lineError{row, "no such key: " + strings.Join(first.Key(), ".") + "; see: purple-onion help config"}
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return &lineError{row, strings.TrimPrefix(decode.Error(), "toml: ")}
	}
	return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
}

// checkKeys checks the names that the user chooses; go-toml gives a map's key
// no position, so the line is looked up.
func checkKeys(f file, data []byte) error {
	for domain := range f.Onions {
		if !validDomain(domain) {
			return &lineError{lineOf(data, "onions", domain), "a key of [onions] is a domain in lower case, such as a.example"}
		}
	}
	for name := range f.Accounts {
		protocol, user, found := strings.Cut(name, ":")
		if !found || !strings.HasPrefix(protocol, "prpl-") || user == "" {
			return &lineError{lineOf(data, "accounts", name), `a key of [accounts] is protocol:name, such as "prpl-jabber:alice@a.example/"`}
		}
	}
	return nil
}

// lineOf finds the first line that names table.key; 1 where none does.
func lineOf(data []byte, table, key string) int {
	p := unstable.Parser{}
	p.Reset(data)
	var prefix []string
	for p.NextExpression() {
		e := p.Expression()
		var names []string
		row := 1
		for it := e.Key(); it.Next(); {
			names = append(names, string(it.Node().Data))
			row = p.Shape(it.Node().Raw).Start.Line
		}
		if e.Kind == unstable.Table || e.Kind == unstable.ArrayTable {
			prefix = names
		} else {
			names = append(append([]string{}, prefix...), names...)
		}
		if len(names) >= 2 && names[0] == table && names[1] == key {
			return row
		}
	}
	return 1
}
