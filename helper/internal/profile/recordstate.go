// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

func store(p *Proxy) *storedProxy {
	if p == nil {
		return nil
	}
	return &storedProxy{p.Type, p.RawType, p.Host, p.Port, p.User, p.Password.Reveal()}
}

func (s *storedProxy) proxy() *Proxy {
	if s == nil {
		return nil
	}
	return &Proxy{s.Type, s.RawType, s.Host, s.Port, s.User, redact.New(s.Password)}
}

// protect enters an account with the values of before and after its changes.
func (c *content) protect(a Account, level policy.Level, changes []Change, undo []splice) {
	e := c.find(a.Account)
	if e == nil {
		c.Accounts = append(c.Accounts, entry{Protocol: a.Protocol, Name: a.Name})
		e = &c.Accounts[len(c.Accounts)-1]
	}
	e.Level = level.String()
	for _, change := range changes {
		if change.Name == ProxyChange {
			e.keepProxy(change)
		} else if change.Name != LevelSetting {
			e.keepSetting(change)
		}
	}
	if undo != nil {
		e.Undo = append(e.Undo, undo)
	}
}

// keepProxy notes the proxy of before; one of a sign-on that was cut short is
// nobody's setting.
func (e *entry) keepProxy(c Change) {
	if !ours(c.OldProxy) {
		e.Before.ProxyKnown, e.Before.Proxy = true, store(c.OldProxy)
	}
	e.After.ProxyKnown, e.After.Proxy = true, store(c.NewProxy)
}

// keepSetting notes a value of before, unless it is the one that protection
// gave at another level.
func (e *entry) keepSetting(c Change) {
	if e.Before.Settings == nil {
		e.Before.Settings, e.After.Settings = map[string]Value{}, map[string]Value{}
	}
	if after, known := e.After.Settings[c.Name]; !known || after != c.Old {
		e.Before.Settings[c.Name] = c.Old
	}
	e.After.Settings[c.Name] = c.New
}

// restoration says what releasing an account changes back, and which values it
// leaves because they are no longer those that protection gave.
func (e *entry) restoration(a Account) (back, kept []Change) {
	if _, ok := a.Settings[LevelSetting]; ok {
		back = append(back, Change{Name: LevelSetting, Type: "string", Old: settingValue(a.Settings, LevelSetting)})
	}
	if e == nil {
		if ours(a.Proxy) {
			kept = append(kept, proxyChange(a.Proxy, a.Proxy))
		}
		return back, kept
	}
	if c := proxyChange(a.Proxy, e.Before.Proxy.proxy()); e.After.ProxyKnown && !sameProxy(c.OldProxy, c.NewProxy) {
		if e.Before.ProxyKnown && (ours(a.Proxy) || sameProxy(a.Proxy, e.After.Proxy.proxy())) {
			back = append(back, c)
		} else {
			kept = append(kept, c)
		}
	}
	for name, after := range e.After.Settings {
		c := Change{Name: name, Type: after.Type, Old: settingValue(a.Settings, name), New: e.Before.Settings[name]}
		switch c.Old {
		case c.New:
		case after:
			back = append(back, c)
		default:
			kept = append(kept, c)
		}
	}
	sortChanges(back)
	sortChanges(kept)
	return back, kept
}

// Restoration says what releasing an account, given as it is now, changes
// back, and what it leaves because the user changed it meanwhile. A value that
// is absent in New is to be removed.
func (r *Record) Restoration(a Account) (back, kept []Change, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, nil, r.err
	}
	back, kept = r.content.find(a.Account).restoration(a)
	return back, kept, nil
}
