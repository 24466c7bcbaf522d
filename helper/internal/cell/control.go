// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// The control port's protocol (control-spec 2 and 3), as much of it as
// purple-onion's own reading of one needs.

const (
	maxReaders      = 16
	maxCommand      = 1024 // bytes of a line
	maxWaiting      = 256  // lines that a reader has not read yet
	circuitPatience = 5 * time.Second
)

// events may be asked for; of CONF_CHANGED there is never one.
var events = []string{"STREAM", "STATUS_CLIENT", "CONF_CHANGED"}

// reader is one connection to the control port inside.
type reader struct {
	conn     net.Conn
	lines    chan string
	wants    map[string]bool // guarded by the filter's lock
	admitted bool
}

// serve answers one connection until it ends.
func (f *Filter) serve(s *server, conn net.Conn) {
	r := &reader{conn: conn, lines: make(chan string, maxWaiting), wants: map[string]bool{}}
	f.mu.Lock()
	f.readers[r] = struct{}{}
	f.mu.Unlock()
	done := make(chan struct{})
	guarded(func() {
		defer close(done)
		for line := range r.lines {
			if _, err := conn.Write([]byte(line)); err != nil {
				_ = conn.Close()
			}
		}
	}, s.close)
	f.answerAll(r)
	f.mu.Lock()
	delete(f.readers, r)
	f.mu.Unlock()
	close(r.lines) // nobody tells it any more
	<-done
}

func (f *Filter) answerAll(r *reader) {
	in := bufio.NewReaderSize(r.conn, maxCommand)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil { // its end, or too long a line
			return
		}
		text, last := f.answer(r, strings.TrimSpace(string(line)))
		r.lines <- text
		if last {
			return
		}
	}
}

// answer is the reply to one command; last, that the connection ends after it.
func (f *Filter) answer(r *reader, line string) (text string, last bool) {
	command, rest, _ := strings.Cut(line, " ")
	words := strings.Fields(rest)
	switch command = strings.ToUpper(command); {
	case command == "PROTOCOLINFO":
		return "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=" + quote(f.facts().Version) + "\r\n250 OK\r\n", false
	case command == "QUIT":
		return "250 closing connection\r\n", true
	case command == "AUTHENTICATE":
		r.admitted = true
		return "250 OK\r\n", false
	case !r.admitted:
		return "514 Authentication required.\r\n", true
	case command == "SETEVENTS":
		return f.setEvents(r, words), false
	case command == "GETINFO":
		return f.information(r, words), false
	}
	return "510 Command filtered\r\n", false
}

func (f *Filter) setEvents(r *reader, names []string) string {
	wants := make(map[string]bool)
	for _, n := range names {
		n = strings.ToUpper(n)
		if !slices.Contains(events, n) {
			return "552 Event filtered\r\n"
		}
		wants[n] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.wants = wants
	return "250 OK\r\n"
}

// information answers GETINFO. process/pid tells purple-onion that this port
// is not a filter that keeps streams back; the number is nobody's.
func (f *Filter) information(r *reader, keys []string) string {
	var b strings.Builder
	for _, key := range keys {
		switch key {
		case "version":
			fmt.Fprintf(&b, "250-version=%s\r\n", printable(f.facts().Version))
		case "process/pid":
			b.WriteString("250-process/pid=1\r\n")
		case "status/bootstrap-phase":
			fmt.Fprintf(&b, "250-status/bootstrap-phase=%s\r\n", bootstrapLine(f.facts()))
		case "net/listeners/socks":
			fmt.Fprintf(&b, "250-net/listeners/socks=%s\r\n", quote(f.socks))
		case "stream-status":
			block(&b, key, f.streamLines())
		case "circuit-status":
			lines, err := f.circuitLines()
			if err != nil {
				return "551 Tor does not tell\r\n"
			}
			block(&b, key, lines)
		default:
			return "552 Key filtered\r\n"
		}
	}
	return b.String() + "250 OK\r\n"
}

// block is a value of several lines (control-spec 2.3, CmdData).
func block(b *strings.Builder, key string, lines []string) {
	fmt.Fprintf(b, "250+%s=\r\n", key)
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	b.WriteString(".\r\n")
}

func (f *Filter) streamLines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for id, s := range f.streams {
		lines = append(lines, strings.Join([]string{id, s.status, s.circuit, printable(s.target)}, " "))
	}
	slices.Sort(lines)
	return lines
}

// circuitLines are the circuits of this cell's streams, both legs where there
// are two. Of the path only the exit is told: the guard stands for the person.
func (f *Filter) circuitLines() ([]string, error) {
	ids := f.circuitIDs()
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), circuitPatience)
	defer cancel()
	all, err := f.circuits(ctx)
	if err != nil {
		return nil, err
	}
	conflux := make(map[string]bool)
	for _, c := range all {
		if ids[c.ID] && c.ConfluxID != "" {
			conflux[c.ConfluxID] = true
		}
	}
	var lines []string
	for _, c := range all {
		if ids[c.ID] || conflux[c.ConfluxID] {
			lines = append(lines, circuitLine(c))
		}
	}
	return lines, nil
}

func circuitLine(c Circuit) string {
	parts := []string{c.ID, c.Status}
	if c.Exit != "" {
		parts = append(parts, printable(c.Exit))
	}
	for _, a := range [][2]string{{"PURPOSE", c.Purpose}, {"REND_QUERY", c.Onion}, {"CONFLUX_ID", c.ConfluxID}} {
		if a[1] != "" {
			parts = append(parts, a[0]+"="+printable(a[1]))
		}
	}
	if !c.User.Empty() {
		parts = append(parts, "SOCKS_USERNAME="+quote(c.User.Reveal()))
	}
	return strings.Join(parts, " ")
}

// streamLine is the event, its source as it is inside.
func streamLine(ev StreamEvent) string {
	line := strings.Join([]string{"STREAM", ev.ID, ev.Status, ev.Circuit, printable(ev.Target)}, " ")
	if ev.Source == "" {
		return line
	}
	line += " SOURCE_ADDR=" + ev.Source + " SOCKS_USERNAME=" + quote(ev.User.Reveal()) + " SOCKS_PASSWORD=" + quote(ev.Password.Reveal())
	if ev.IsolatedBy != "" {
		line += " ISO_FIELDS=" + printable(ev.IsolatedBy)
	}
	return line
}

// bootstrapLine leaves out what a warning names: a guard's or a bridge's address.
func bootstrapLine(f Facts) string {
	return fmt.Sprintf("NOTICE BOOTSTRAP PROGRESS=%d TAG=%s SUMMARY=%s", max(f.Progress, 0), tag(f.Progress), quote(f.Summary))
}

func tag(progress int) string {
	if progress == 100 {
		return "done"
	}
	return "starting"
}

// printable keeps a word of Tor's one word.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}

// quote is a QuotedString (control-spec 2.1.1), control characters in octal.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}
