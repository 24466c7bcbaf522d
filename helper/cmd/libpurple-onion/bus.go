// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/profile"
)

// startBus goes on the session bus that there is, by itself; loading does not
// wait for it.
func (h *helper) startBus() {
	h.bus.Store(busapi.Start(busapi.Settings{
		Address: os.Getenv("DBUS_SESSION_BUS_ADDRESS"), Version: version, Mode: busapi.ModePlugin,
		InCell: inCell(), Backend: onBus{h}, Log: h.log,
	}))
}

// news is the engine's, for who watches on the bus.
func (h *helper) news(n engine.News) {
	if bus := h.bus.Load(); bus != nil {
		bus.News(n)
	}
}

// onBus answers the bus for the plugin. It is called from its goroutines.
type onBus struct{ *helper }

func (b onBus) Status() engine.Status                { return b.engine.Status() }
func (b onBus) Live(ctx context.Context) engine.Live { return b.engine.Live(ctx) }
func (b onBus) Explain(check string) (string, bool)  { return audit.Explain(check) }
func (b onBus) MaySet(level policy.Level) policy.Decision {
	return b.engine.MaySet(level)
}
func (b onBus) Ask(account string, wish policy.Level) { _ = b.ask(account, wish) }

func (b onBus) Audit(o busapi.AuditOptions) (string, error) {
	options := auditOptions(b.userDir)
	if o.UserDirs != nil {
		options.UserDirs = o.UserDirs
	}
	report := audit.Run(options)
	if o.Redact {
		report = report.Redacted()
	}
	var text strings.Builder
	err := report.Only(audit.Severity(o.Severity)).WriteJSON(&text)
	return text.String(), err
}

var errUnknown = &busapi.Error{Kind: busapi.UnknownAccount, Text: "there is no such account here"}

// find reads "protocol:name" or "DIR|protocol:name" of our own directory.
func (b onBus) find(text string) (policy.Account, error) {
	if dir, rest, found := strings.Cut(text, "|"); found && filepath.IsAbs(dir) {
		if !sameDir(dir, b.userDir) {
			return policy.Account{}, errUnknown
		}
		text = rest
	}
	for _, a := range b.engine.Status().Accounts {
		if a.Account.String() == text || a.Account.String() == text+"/" {
			return a.Account, nil
		}
	}
	dir, err := profile.Read(b.userDir) // one that is not protected yet
	if err != nil {
		return policy.Account{}, errUnknown
	}
	for _, a := range dir.Accounts {
		if a.Account.String() == text || a.Account.String() == text+"/" {
			return a.Account, nil
		}
	}
	return policy.Account{}, errUnknown
}

func sameDir(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

// Level is unknown where record and settings disagree; the settings are those
// that were saved last.
func (b onBus) Level(account string) (policy.Level, error) {
	a, err := b.find(account)
	if err != nil {
		return policy.LevelUnknown, err
	}
	setting := policy.LevelFact{Presence: policy.Absent}
	if dir, err := profile.Read(b.userDir); err == nil {
		for _, x := range dir.Accounts {
			if x.Account == a {
				setting = x.Level()
			}
		}
	}
	level, _ := policy.EffectiveLevel(setting, b.record.Level(a))
	return level, nil
}

func (b onBus) Protect(ctx context.Context, account string, level policy.Level) error {
	a, err := b.find(account)
	if err != nil {
		return err
	}
	if level != policy.LevelNone && !policy.ProtocolProven(a.Protocol) {
		return &busapi.Error{Kind: busapi.InvalidArgument, Text: policy.ReasonProtocolNotProven.Text()}
	}
	return b.requests.wait(ctx, &request{verb: verbLevel, account: a, level: level})
}

func (b onBus) ask(account string, level policy.Level) error {
	a, err := b.find(account)
	if err == nil {
		b.requests.ask(a, level)
	}
	return err
}

func (b onBus) NewCircuit(ctx context.Context, account string) error {
	a, err := b.find(account)
	if err != nil {
		return err
	}
	if err := b.engine.NewCircuit(a); err != nil {
		var d *engine.Refusal
		if errors.As(err, &d) && d.NoTor {
			return &busapi.Error{Kind: busapi.NoTor, Text: err.Error()}
		}
		return &busapi.Error{Kind: busapi.Busy, Text: err.Error()}
	}
	return b.requests.wait(ctx, &request{verb: verbCircuit, account: a})
}
