// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

const (
	lookAgain     = 2 * time.Second  // between two searches while there is no Tor
	watchEvery    = 10 * time.Second // between two proofs of the Tor in use
	controlEvery  = 30 * time.Second // between two tries at a control port that did not let us in
	privateEvery  = 30 * time.Second // between two tries to start a private Tor
	startDeadline = 30 * time.Second // for a private Tor to open its sockets
)

// search is what the search for Tor remembers.
type search struct {
	seen        bool      // a Tor was found before: where it is gone, it is dead and not absent
	system      bool      // it was the system's: no private one takes its place
	last        address   // where it was
	nextPrivate time.Time // not before
	private     string    // why the last private one did not start
}

// run looks, watches, and looks again.
func (c *Client) run() {
	defer close(c.done)
	var mem search
	for c.ctx.Err() == nil {
		tor, status := c.look(&mem)
		if tor == nil {
			c.publish(nil, status)
			c.pause(lookAgain)
			continue
		}
		mem.seen, mem.system, mem.last = true, mem.system || tor.private == nil, tor.socks
		c.watch(tor)
		tor.release(c.ctx.Err() != nil)
	}
}

func (c *Client) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
	case <-t.C:
	}
}

// look goes through the places in order. Where none is Tor, the status says
// what the first listener that is something else was.
func (c *Client) look(mem *search) (*foundTor, Status) {
	status := Status{State: policy.TorAbsent, Progress: ProgressUnknown}
	if mem.seen {
		status.State = policy.TorDead
	}
	d := detectDistribution(c.settings.getenv(), fileExists)
	list, note, err := c.settings.candidates(d)
	if err != nil {
		status.Detail = err.Error()
		return nil, status
	}
	status.Detail = note
	chosen := false
	if c.settings.Mode != ModePrivate {
		for _, cand := range list {
			chosen = chosen || cand.chosen
			tor, err := c.prove(cand)
			if err == nil {
				return tor, status
			}
			status = unproven(status, cand, err, mem)
		}
	}
	if c.mayStartPrivate(mem, d, chosen) {
		return c.private(mem, status)
	}
	return nil, status
}

// unproven adds one place that is not a Tor to the status; the first that
// answers wrongly counts.
func unproven(s Status, cand candidate, err error, mem *search) Status {
	if errors.Is(err, errAbsent) || s.State == policy.TorNotTor {
		return s
	}
	s.Detail = fmt.Sprintf("%s: %v", cand.socks, err)
	if errors.Is(err, os.ErrDeadlineExceeded) && mem.seen && cand.socks == mem.last {
		return s // the Tor of before, stopped
	}
	s.State = policy.TorNotTor
	return s
}

// prove looks at one place. The control port is asked after the proof by
// behaviour, and can only take away from it.
func (c *Client) prove(cand candidate) (*foundTor, error) {
	if _, err := probe(c.ctx, cand, nil, c.gatePorts()); err != nil {
		return nil, err
	}
	tor := &foundTor{candidate: cand, told: c.settings.OnStream}
	err := tor.openControl(c.ctx)
	if err == nil {
		err = tor.checkReserved(c.ctx)
	}
	if err != nil {
		tor.dropControl()
		return nil, err
	}
	return tor, nil
}

// openControl gives an error only where the control port says that the
// listener is not Tor's.
func (t *foundTor) openControl(ctx context.Context) error {
	p, err := openControl(ctx, t.candidate)
	var wrong *notTorError
	if errors.As(err, &wrong) && !errors.Is(err, errNoControl) {
		return err
	}
	if err == nil {
		p.streams.tell(t.told)
		t.control.Store(p)
	}
	return nil
}

// mayStartPrivate: where no system's Tor runs, was ever seen or was named, and
// a private one could work.
func (c *Client) mayStartPrivate(mem *search, d distribution, chosen bool) bool {
	switch c.settings.Mode {
	case ModePrivate:
	case ModeSystem:
		return false
	default:
		if mem.system || chosen || d.ownTor() {
			return false
		}
	}
	return c.settings.StateDir != ""
}

// private starts or adopts the private Tor.
func (c *Client) private(mem *search, status Status) (*foundTor, Status) {
	if time.Now().Before(mem.nextPrivate) {
		status.Detail = mem.private
		return nil, status
	}
	mem.nextPrivate = time.Now().Add(privateEvery)
	p, err := startPrivate(c.ctx, c.settings)
	if err == nil {
		tor := &foundTor{candidate: p.candidate(), private: p, told: c.settings.OnStream}
		for range 2 {
			if _, err = probe(c.ctx, tor.candidate, nil, nil); err == nil {
				_ = tor.openControl(c.ctx)
				mem.nextPrivate = time.Time{} // one that started may start again, should it die
				return tor, status
			}
		}
		p.release(true)
	}
	mem.private = "cannot start a private Tor: " + err.Error()
	if status.State == policy.TorNotTor {
		mem.private = status.Detail + "; " + mem.private
	}
	status.Detail = mem.private
	return nil, status
}

// watch proves the Tor again and again, until it is dead or we are closed.
func (c *Client) watch(t *foundTor) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	nextControl := time.Now().Add(controlEvery)
	for {
		if t.control.Load() == nil && time.Now().After(nextControl) {
			nextControl = time.Now().Add(controlEvery)
			if t.openControl(c.ctx) != nil {
				c.publish(nil, Status{State: policy.TorNotTor, Progress: ProgressUnknown, Socks: t.socks.String()})
				return
			}
		}
		status, err := c.examine(t)
		if c.ctx.Err() != nil {
			return
		}
		if err != nil {
			c.publish(nil, Status{State: policy.TorDead, Progress: ProgressUnknown, Socks: t.socks.String(), Detail: err.Error()})
			return
		}
		c.publish(t, status)
		if !c.wait(t, tick.C) {
			return
		}
	}
}

// wait is until there is a reason to look again; false when we are closed.
func (c *Client) wait(t *foundTor, tick <-chan time.Time) bool {
	var gone, changed chan struct{}
	if p := t.control.Load(); p != nil && p.events != nil {
		gone, changed = p.gone, p.changed
	}
	select {
	case <-c.ctx.Done():
		return false
	case <-gone:
		t.dropControl()
	case <-changed:
	case <-c.nudged:
	case <-tick:
	}
	return true
}

func (t *foundTor) dropControl() {
	if p := t.control.Swap(nil); p != nil {
		p.close()
	}
}

// release lets go of a Tor; finally where no later search will want it.
func (t *foundTor) release(finally bool) {
	t.dropControl()
	if t.private != nil {
		t.private.release(finally)
	}
}

// examine is one proof of the Tor in use. A single time-out is forgiven: this
// computer may just be busy.
func (c *Client) examine(t *foundTor) (Status, error) {
	s := Status{State: policy.TorReady, Progress: ProgressUnknown, Socks: t.socks.String(), Control: ControlAbsent, Private: t.private != nil}
	if p := t.control.Load(); p != nil {
		percent, summary, known, err := p.bootstrap()
		if err != nil {
			t.dropControl()
		}
		s.Control, s.Version, s.Detail = p.state, p.version, p.detail
		if known {
			s.Progress, s.Summary = percent, summary
		}
		if known && percent < 100 {
			s.State = policy.TorStarting
		}
		t.examineConfiguration(p, &s)
	}
	if t.control.Load() == nil {
		s.Control, s.Detail = ControlAbsent, "Tor's control port cannot be read: stream isolation and circuits cannot be shown"
	}
	var err error
	for range 2 {
		s.Isolation, err = probe(c.ctx, t.candidate, t.control.Load(), c.gatePorts())
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	if s.IsolationOption != "" {
		s.Isolation = policy.IsolationOff
	}
	return s, err
}

// examineConfiguration can take the proof of isolation away, and not give it.
func (t *foundTor) examineConfiguration(p *controlPort, s *Status) {
	if p.state != ControlOpen {
		return
	}
	l, err := p.askLint(t.socks)
	if err != nil {
		t.dropControl()
		return
	}
	s.IsolationOption, s.TrackHostExits = l.isolationOff, l.trackHostExits
	if l.isolationOff != "" {
		s.Detail = "Tor's configuration has " + l.isolationOff
	}
}
