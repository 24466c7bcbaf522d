// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import "time"

// maxLines bounds what waits for the door. What is said is dropped beyond it,
// what must reach the wire is not: its number is bounded by what is held.
const maxLines = 4096

// sayAgain is how long the same words are not said again in a conversation,
// so that a hostile buddy or server cannot fill it.
const sayAgain = 10 * time.Second

// NextLine takes the next line that waits for the door. Lines of a sign-on
// that is over are dropped.
func (e *Engine) NextLine() (Line, bool) {
	e.talking.Lock()
	defer e.talking.Unlock()
	for len(e.lines) > 0 {
		line := e.lines[0]
		e.lines[0] = Line{}
		e.lines = e.lines[1:]
		if _, _, ok := e.session(line.SignOn); ok {
			return line, true
		}
	}
	e.lines = nil
	return Line{}, false
}

// queue adds a line; the caller holds e.talking.
func (e *Engine) queue(line Line) {
	if len(e.lines) >= maxLines && line.Kind != LineSend {
		return
	}
	e.lines = append(e.lines, line)
	if len(e.lines) == 1 {
		e.parts.Emit(Event{Kind: EventLines})
	}
}

// send puts OTR lines on the wire of t's account.
func (e *Engine) send(t *talk, lines ...string) {
	for _, line := range lines {
		e.issue(t, line)
		e.queue(Line{LineSend, t.handle, t.signOn, t.buddy, line})
	}
}

// issue notes that our OTR made line: the wire guard lets it through.
func (e *Engine) issue(t *talk, line string) { e.issuedFor(t.handle).add(line) }

// say writes a system line into the conversation, the same one only once in a
// while.
func (e *Engine) say(t *talk, text string) {
	now := e.parts.Now()
	if at, found := t.said[text]; found && now.Sub(at) < sayAgain {
		return
	}
	if len(t.said) >= 64 {
		clear(t.said)
	}
	t.said[text] = now
	e.queue(Line{LineSay, t.handle, t.signOn, t.buddy, text})
}
