// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/busapi"
	"purpleonion.org/purple-onion/helper/internal/engine"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

const (
	maxRequests = 16          // that wait for the main loop, or for the person
	askedAgain  = time.Minute // not before, after a question about an account was answered
)

// What the shim is to do, as op `request` says it.
const (
	verbLevel   = "level"   // give the account a level
	verbAsk     = "ask"     // ask the person; a yes comes back as op `request` with agreed
	verbCircuit = "circuit" // sign on anew
)

// request is something that the bus wants done on the main loop.
type request struct {
	verb    string
	account policy.Account
	level   policy.Level
	taken   bool
	asked   bool       // it was the person who said so
	done    chan error // nil where nobody waits
}

// requests are those that are open.
type requests struct {
	mu    sync.Mutex
	last  uint32
	open  map[uint32]*request
	quiet map[policy.Account]time.Time // no question before
}

var errGone = errors.New("cannot find the request: nobody waits for it any more")

// add opens a request and has the shim come for it.
func (r *requests) add(q *request) (uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.open) >= maxRequests {
		return 0, &busapi.Error{Kind: busapi.Busy, Text: "too much waits to be done; try again"}
	}
	if r.open == nil {
		r.open = map[uint32]*request{}
	}
	r.last++
	r.open[r.last] = q
	events.push(engine.Event{Kind: engine.EventRequest, SignOn: uint64(r.last)})
	return r.last, nil
}

// wait has the shim do something, and says what came of it.
func (r *requests) wait(ctx context.Context, q *request) error {
	q.done = make(chan error, 1)
	number, err := r.add(q)
	if err != nil {
		return err
	}
	select {
	case err := <-q.done:
		return err
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !q.taken {
		delete(r.open, number) // it will not be done behind the caller's back
		return &busapi.Error{Kind: busapi.Busy, Text: "the program does not answer; nothing was done"}
	}
	return &busapi.Error{Kind: busapi.Busy, Text: "the program has begun, and has not said that it is done"}
}

// ask has the person asked, unless a question about the account stands, or
// was answered just now.
func (r *requests) ask(account policy.Account, level policy.Level) {
	r.mu.Lock()
	quiet := time.Now().Before(r.quiet[account])
	for _, q := range r.open {
		quiet = quiet || q.verb == verbAsk && q.account == account
	}
	r.mu.Unlock()
	if !quiet {
		_, _ = r.add(&request{verb: verbAsk, account: account, level: level}) // too many: the caller was told to ask anyway
	}
}

// take is the shim coming for a request.
func (r *requests) take(number uint32, agreed bool) (request, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.open[number]
	if q == nil || q.taken && !(q.verb == verbAsk && agreed) {
		return request{}, errGone
	}
	if q.taken {
		q.verb, q.asked = verbLevel, true
	}
	q.taken = true
	return *q, nil
}

func (r *requests) finish(number uint32, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.open[number]
	if q == nil {
		return
	}
	delete(r.open, number)
	if q.verb == verbAsk || q.asked {
		r.forgetOld()
		r.quiet[q.account] = time.Now().Add(askedAgain)
	}
	if q.done == nil {
		return
	}
	var err error
	if !ok {
		err = &busapi.Error{Kind: busapi.Busy, Text: "the program could not do it; it says why"}
	}
	q.done <- err
}

func (r *requests) forgetOld() {
	if r.quiet == nil {
		r.quiet = map[policy.Account]time.Time{}
	}
	for a, until := range r.quiet {
		if time.Now().After(until) {
			delete(r.quiet, a)
		}
	}
}

func requestNumber(k *keyFile) (uint32, error) {
	text, _ := k.get("request", "number")
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("cannot find request %q", text)
	}
	return uint32(number), nil
}

// opRequest gives `verb`, `protocol`, `name`, `level` (0 none, 1 tor, 2
// secret) and `text`, which a question shows.
func (h *helper) opRequest(k *keyFile) (*keyFile, error) {
	number, err := requestNumber(k)
	if err != nil {
		return nil, err
	}
	agreed, _ := k.get("request", "agreed")
	q, err := h.requests.take(number, agreed == "true")
	if err != nil {
		return nil, err
	}
	answer := okAnswer(question(q))
	answer.set("verb", q.verb)
	answer.set("protocol", q.account.Protocol)
	answer.set("name", q.account.Name)
	if q.level != policy.LevelUnknown {
		answer.set("level", strconv.Itoa(int(q.level-policy.LevelNone)))
	}
	return answer, nil
}

func question(q request) string {
	if q.verb != verbAsk {
		return ""
	}
	if q.level == policy.LevelNone {
		return fmt.Sprintf("A program on the session bus wants %s no longer protected: it would connect as its own settings of before say. Did you ask for that?", q.account.Name)
	}
	return fmt.Sprintf("A program on the session bus wants the protection of %s lowered to %q. Did you ask for that?", q.account.Name, q.level)
}

func (h *helper) opRequested(k *keyFile) (*keyFile, error) {
	number, err := requestNumber(k)
	if err != nil {
		return nil, err
	}
	done, _ := k.get("request", "done")
	h.requests.finish(number, done == "true")
	return okAnswer(""), nil
}
