// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

const (
	maxDirs   = 16
	patience  = 20 * time.Second // for a change to be carried out
	maxSlow   = 4                // calls at once that wait for Tor or for the main loop
	maxReport = 8 << 20          // bytes of a report
)

// AuditOptions are what a caller asks of an audit.
type AuditOptions struct {
	UserDirs []string // none: the backend's own
	Redact   bool
	Severity string // fail, warn or info
}

// Backend answers. The plugin's helper is one, the daemon another. An *Error
// is told by its name; any other by its text.
type Backend interface {
	Status() engine.Status              // must not wait
	Live(context.Context) engine.Live   // may ask Tor
	Audit(AuditOptions) (string, error) // the JSON of `purple-onion audit`
	// Level finds an account by "protocol:name" or "DIR|protocol:name".
	Level(account string) (policy.Level, error)
	// MaySet says whether any account may have a level here.
	MaySet(policy.Level) policy.Decision
	// Protect carries a level out; Ask has the person asked for it, and does not wait.
	Protect(ctx context.Context, account string, level policy.Level) error
	Ask(account string, level policy.Level)
	NewCircuit(ctx context.Context, account string) error
	Explain(check string) (text string, found bool)
}

// slowly runs what may wait; too much of it at once is refused.
func (s *Service) slowly(do func(context.Context) error) error {
	select {
	case s.slow <- struct{}{}:
	default:
		return &Error{Busy, "too many calls at once; try again"}
	}
	defer func() { <-s.slow }()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	return do(ctx)
}

// named refuses a caller in a sandbox what is about an account of a name.
func (s *Service) named(c call) error {
	if s.callers.sandboxed(c.sender) {
		return standard(accessDenied, "not from a sandbox")
	}
	return nil
}

func (s *Service) audit(c call, options map[string]dbus.Variant) (string, error) {
	o, err := auditOptions(options)
	if err != nil {
		return "", err
	}
	if s.callers.sandboxed(c.sender) {
		if o.UserDirs != nil {
			return "", standard(accessDenied, "not from a sandbox")
		}
		o.Redact = true
	}
	if !s.auditing.TryLock() {
		return "", &Error{Busy, "an audit is being made; try again"}
	}
	defer s.auditing.Unlock()
	report, err := s.settings.Backend.Audit(o)
	if err == nil && len(report) > maxReport {
		err = &Error{Busy, "the report is too long for the bus; use purple-onion audit"}
	}
	return clean(report), err
}

func auditOptions(options map[string]dbus.Variant) (AuditOptions, error) {
	o := AuditOptions{Severity: "info"}
	wrong := func(text string) (AuditOptions, error) { return o, &Error{InvalidArgument, text} }
	for name, v := range options {
		var ok bool
		switch name {
		case "user_dirs":
			o.UserDirs, ok = v.Value().([]string)
			if !ok || len(o.UserDirs) == 0 || len(o.UserDirs) > maxDirs {
				return wrong("user_dirs is an array of 1 to 16 paths")
			}
			for _, dir := range o.UserDirs {
				if !filepath.IsAbs(dir) || len(dir) > maxText {
					return wrong("user_dirs holds absolute paths")
				}
			}
		case "redact":
			if o.Redact, ok = v.Value().(bool); !ok {
				return wrong("redact is a boolean")
			}
		case "severity":
			if o.Severity, ok = v.Value().(string); !ok || o.Severity != "fail" && o.Severity != "warn" && o.Severity != "info" {
				return wrong("severity is fail, warn or info")
			}
		default:
			return wrong("there is no such option")
		}
	}
	return o, nil
}

func (s *Service) statusReport(c call) (text string, err error) {
	nameless := s.callers.sandboxed(c.sender)
	err = s.slowly(func(ctx context.Context) error {
		live := s.settings.Backend.Live(ctx)
		if nameless {
			live = live.Nameless()
		}
		out, err := json.Marshal(live)
		text = clean(string(out))
		return err
	})
	return text, err
}

func (s *Service) protect(c call, account, level string) error {
	wanted := policy.ParseLevel(level)
	if wanted == policy.LevelUnknown {
		return &Error{InvalidArgument, "a level is none, tor or secret"}
	}
	if err := s.named(c); err != nil {
		return err
	}
	now, err := s.settings.Backend.Level(account)
	if err != nil {
		return err
	}
	if d := s.settings.Backend.MaySet(wanted); d.Verdict != policy.Allow {
		return &Error{InvalidArgument, d.Reason.Text()}
	}
	switch d := policy.LevelChange(now, wanted); d.Verdict {
	case policy.Allow:
		return s.slowly(func(ctx context.Context) error { return s.settings.Backend.Protect(ctx, account, wanted) })
	case policy.Hold:
		s.settings.Backend.Ask(account, wanted)
		return &Error{NeedsUser, d.Reason.Text()}
	case policy.Block:
	}
	return &Error{InvalidArgument, "the account cannot be given that level"}
}

func (s *Service) release(c call, account string) error {
	return s.protect(c, account, policy.LevelNone.String())
}

func (s *Service) newCircuit(c call, account string) error {
	if err := s.named(c); err != nil {
		return err
	}
	if _, err := s.settings.Backend.Level(account); err != nil {
		return err
	}
	return s.slowly(func(ctx context.Context) error { return s.settings.Backend.NewCircuit(ctx, account) })
}

func (s *Service) explain(_ call, check string) (string, error) {
	text, ok := s.settings.Backend.Explain(check)
	if !ok {
		return "", &Error{UnknownCheck, "there is no such check"}
	}
	return clean(text), nil
}
