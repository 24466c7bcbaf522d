// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// controlPort is what a Tor's control port lets us use: one connection for
// questions, and (where it is not filtered) one for events, whose end tells
// at once that Tor is gone.
type controlPort struct {
	state    ControlState // ControlFiltered or ControlOpen
	detail   string
	version  string
	requests *controlConn
	events   *controlConn // nil where filtered
	streams  streamWatch
	gone     chan struct{} // closed when Tor ended the events connection
	changed  chan struct{} // capacity 1: bootstrap or configuration changed
	once     sync.Once
}

// openControl tries the candidate's control ports. A *notTorError means that
// one is open and tells of another SOCKS port: that listener is not this Tor's.
func openControl(ctx context.Context, c candidate) (*controlPort, error) {
	problem, told := errNoControl, false
	for _, a := range c.controls {
		k, err := openControlConn(ctx, a, c)
		if err != nil {
			if !told {
				problem, told = fmt.Errorf("control port %s: %w", a, err), true
			}
			continue
		}
		context.AfterFunc(ctx, k.close) // whoever closes us does not wait for an answer
		p, err := useControl(ctx, a, c, k)
		if err != nil {
			k.close()
			return nil, err
		}
		return p, nil
	}
	return nil, problem
}

func useControl(ctx context.Context, a address, c candidate, k *controlConn) (*controlPort, error) {
	p := &controlPort{requests: k, gone: make(chan struct{}), changed: make(chan struct{}, 1)}
	p.version, _ = k.info("version")
	// Every Tor tells its pid; the filters of Tails and Whonix let it through
	// to no application. Their answer about listeners is made up, so it is
	// asked only where this one is Tor's own.
	if _, err := k.info("process/pid"); refusedCommand(err) {
		return p.filtered(a), nil
	} else if err != nil {
		return nil, fmt.Errorf("control port %s: %w: %w", a, errNoControl, err)
	}
	listeners, err := k.info("net/listeners/socks")
	if err != nil {
		return nil, fmt.Errorf("control port %s: %w: %w", a, errNoControl, err)
	}
	if !hasListener(listeners, c.socks) {
		return nil, notTor("the Tor with the control port %s does not listen there", a)
	}
	return p, p.openEvents(ctx, a, c)
}

func (p *controlPort) filtered(a address) *controlPort {
	p.state = ControlFiltered
	p.detail = fmt.Sprintf("the control port %s is filtered (as Tails and Whonix do): stream isolation and circuits cannot be shown", a)
	return p
}

func (p *controlPort) openEvents(ctx context.Context, a address, c candidate) error {
	events, err := openControlConn(ctx, a, c)
	if err != nil {
		return err
	}
	if _, err = events.ask("SETEVENTS STREAM STATUS_CLIENT CONF_CHANGED"); refusedCommand(err) {
		events.close()
		p.filtered(a)
		return nil
	} else if err != nil {
		events.close()
		return fmt.Errorf("control port %s: %w: %w", a, errNoControl, err)
	}
	context.AfterFunc(ctx, events.close)
	p.state, p.events = ControlOpen, events
	guarded(p.readEvents, p.close)
	return nil
}

// readEvents runs until the connection ends.
func (p *controlPort) readEvents() {
	defer p.ended()
	for {
		line, err := p.events.nextEvent()
		if err != nil {
			return
		}
		switch kind, rest, _ := strings.Cut(line, " "); kind {
		case "STREAM":
			p.streams.event(rest)
		default: // STATUS_CLIENT, CONF_CHANGED
			p.announce()
		}
	}
}

func (p *controlPort) announce() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *controlPort) ended() { p.once.Do(func() { close(p.gone) }) }

func (p *controlPort) close() {
	p.requests.close()
	if p.events != nil {
		p.events.close()
	}
	p.ended()
}

// bootstrap asks how far Tor has come (control-spec 5.5). known is false where
// a filter keeps it back; err means that the connection is of no more use.
func (p *controlPort) bootstrap() (percent int, summary string, known bool, err error) {
	line, err := p.requests.info("status/bootstrap-phase")
	if refusedCommand(err) {
		return 0, "", false, nil
	} else if err != nil {
		return 0, "", false, err
	}
	args := arguments(words(line))
	percent, err = strconv.Atoi(args["PROGRESS"])
	if err != nil || percent < 0 || percent > 100 {
		return 0, "", false, errors.New("cannot read Tor's bootstrap phase")
	}
	return percent, firstOf(args["WARNING"], args["SUMMARY"]), true, nil
}

func firstOf(warning, summary string) string {
	if warning != "" {
		return summary + ": " + warning
	}
	return summary
}

// hasListener reads GETINFO net/listeners/socks: quoted addresses. A wildcard
// listener is also at every address of this computer.
func hasListener(list string, socks address) bool {
	want, isTCP := socks.ipPort()
	for _, w := range words(list) {
		text := unquote(w)
		if text == socks.String() {
			return true
		}
		p, err := netip.ParseAddrPort(text)
		if isTCP && err == nil && p.Port() == want.Port() && (p.Addr().IsUnspecified() || p.Addr() == want.Addr()) {
			return true
		}
	}
	return false
}
