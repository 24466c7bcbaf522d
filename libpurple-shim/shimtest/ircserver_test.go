// SPDX-License-Identifier: GPL-3.0-or-later

//go:build shim

package shimtest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

// ircServer is as much of an IRC server as libpurple needs to be online. It records
// what it receives.
type ircServer struct {
	record
	mu  sync.Mutex
	out io.Writer // to the newest client
}

// send writes to the newest client.
func (s *ircServer) send(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.out, text)
}

func (s *ircServer) handle(c net.Conn) {
	s.mu.Lock()
	s.out = c
	s.mu.Unlock()
	lines := bufio.NewScanner(io.TeeReader(c, s))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "NICK":
			fmt.Fprint(c, ":irc.test 001 al :Welcome\r\n:irc.test 376 al :End of MOTD\r\n")
		case "JOIN":
			fmt.Fprintf(c, ":al!u@h JOIN %s\r\n:irc.test 353 al = %s :al\r\n:irc.test 366 al %s :End\r\n", words[1], words[1], words[1])
		}
	}
}
