// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// Client is one watched Tor. All methods may be called from any goroutine.
type Client struct {
	settings Settings
	notify   func(Status)
	ctx      context.Context
	cancel   context.CancelFunc
	done     chan struct{} // closed when the watching has ended
	nudged   chan struct{} // capacity 1: look now

	mu     sync.Mutex
	status Status
	tor    *foundTor // nil: none proven
}

// foundTor is a listener that was proven to be Tor.
type foundTor struct {
	candidate
	control atomic.Pointer[controlPort] // nil: none
	private *privateTor                 // nil: the system's
	told    func(StreamEvent)           // Settings.OnStream
}

// Start returns at once. Its goroutines look for Tor, prove it, watch it, and
// look again when it is gone, until Close. notify (may be nil) is called for
// each change, one call at a time and in order; it must not block or call Close.
func Start(s Settings, notify func(Status)) *Client {
	c := &Client{settings: s, notify: notify, done: make(chan struct{}), nudged: make(chan struct{}, 1)}
	c.status.Progress = ProgressUnknown
	c.ctx, c.cancel = context.WithCancel(context.Background())
	guarded(c.run, c.broken)
	return c
}

// Status is the newest status. It never blocks.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Close stops watching, and stops a private Tor that no other process uses. It
// waits for that at most two seconds. Streams that are open stay open.
func (c *Client) Close() {
	c.cancel()
	select {
	case <-c.done:
	case <-time.After(2 * time.Second):
	}
}

// broken is what a panic leaves: no Tor.
func (c *Client) broken() {
	c.publish(nil, Status{State: policy.TorDead, Progress: ProgressUnknown, Detail: "an internal error in the watch over Tor"})
}

// publish sets the status, and the Tor that Dial uses, together.
func (c *Client) publish(tor *foundTor, s Status) {
	c.mu.Lock()
	same := s == c.status
	c.status, c.tor = s, tor
	c.mu.Unlock()
	if !same && c.notify != nil && c.ctx.Err() == nil {
		c.notify(s)
	}
}

// nudge has the watch look now and not at its next turn.
func (c *Client) nudge() {
	select {
	case c.nudged <- struct{}{}:
	default:
	}
}

func (c *Client) gatePorts() []uint16 {
	if c.settings.GatePorts == nil {
		return nil
	}
	return c.settings.GatePorts()
}

// current is the proven Tor, or why there is none.
func (c *Client) current() (*foundTor, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.status.State {
	case policy.TorReady:
		if c.tor == nil {
			return nil, &Error{policy.ReasonInternal, errors.New("cannot dial: no Tor")}
		}
		if c.status.Isolation == policy.IsolationOff {
			return nil, &Error{policy.ReasonIsolationOff, errors.New("cannot dial: Tor's stream isolation is off")}
		}
		return c.tor, nil
	case policy.TorStarting:
		return nil, &Error{policy.ReasonTorStarting, errors.New("cannot dial: Tor is starting")}
	case policy.TorDead:
		return nil, &Error{policy.ReasonTorDead, errors.New("cannot dial: Tor no longer answers")}
	case policy.TorNotTor:
		return nil, &Error{policy.ReasonNotTor, errors.New("cannot dial: what listens is not Tor")}
	case policy.TorNotAsked, policy.TorAbsent:
	}
	return nil, &Error{policy.ReasonNoTor, errors.New("cannot dial: no Tor was found")}
}

// Circuits are all of Tor's circuits, for the status page. It fails where the
// control port is not open.
func (c *Client) Circuits(ctx context.Context) ([]Circuit, error) {
	c.mu.Lock()
	tor := c.tor
	c.mu.Unlock()
	if tor == nil {
		return nil, errors.New("cannot list circuits: no Tor")
	}
	return tor.circuits(ctx)
}

// StreamCircuits says which circuit each of Tor's streams is on now, by the
// stream's id (Stream.ID). A stream that is on none, or whose circuit is gone,
// is not in it. It fails where the control port is not open.
func (c *Client) StreamCircuits(ctx context.Context) (map[string]Circuit, error) {
	c.mu.Lock()
	tor := c.tor
	c.mu.Unlock()
	if tor == nil {
		return nil, errors.New("cannot list streams: no Tor")
	}
	p := tor.control.Load()
	if p == nil || p.state != ControlOpen {
		return nil, errors.New("cannot list streams: Tor's control port is not open")
	}
	text, err := p.requests.info("stream-status")
	if err != nil {
		return nil, errors.New("cannot list streams: " + err.Error())
	}
	list, err := tor.circuits(ctx)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Circuit, len(list))
	for _, circuit := range list {
		byID[circuit.ID] = circuit
	}
	out := make(map[string]Circuit)
	for stream, id := range parseStreams(text) {
		if circuit, ok := byID[id]; ok {
			out[stream] = circuit
		}
	}
	return out, nil
}

func (t *foundTor) circuits(ctx context.Context) ([]Circuit, error) {
	p := t.control.Load()
	if p == nil || p.state != ControlOpen {
		return nil, errors.New("cannot list circuits: Tor's control port is not open")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := p.requests.info("circuit-status")
	if err != nil {
		return nil, errors.New("cannot list circuits: " + err.Error())
	}
	return parseCircuits(text), nil
}
