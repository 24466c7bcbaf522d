// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"sync"
	"syscall"

	"purpleonion.org/purple-onion/helper/internal/engine"
)

// maxEvents bounds what waits for the main loop. News that only informs is
// dropped beyond it; that an account must go offline never is, nor what is
// bounded elsewhere.
const maxEvents = 1024

var events queue

// queue carries events to the main loop. The eventfd is written only on the
// edge from empty, so that a flood costs one write.
type queue struct {
	mu      sync.Mutex
	fd      int // 0: nobody listens
	waiting []engine.Event
}

func (q *queue) listen(fd int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fd = fd
	if fd == 0 {
		q.waiting = nil // the next start must not hear of this one
	}
	if len(q.waiting) > 0 {
		q.wake()
	}
}

func (q *queue) push(ev engine.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxEvents && ev.Kind != engine.EventBlocked && ev.Kind != engine.EventResult && ev.Kind != engine.EventRequest {
		return
	}
	q.waiting = append(q.waiting, ev)
	if len(q.waiting) == 1 {
		q.wake()
	}
}

// wake writes to the eventfd; EAGAIN means that it is awake already.
func (q *queue) wake() {
	if q.fd > 0 {
		_, _ = syscall.Write(q.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (q *queue) next() (engine.Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return engine.Event{}, false
	}
	ev := q.waiting[0]
	q.waiting[0] = engine.Event{}
	q.waiting = q.waiting[1:]
	return ev, true
}
