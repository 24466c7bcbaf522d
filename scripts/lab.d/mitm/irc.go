// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// An ircSession is one connection to the hostile IRC server: anybody is let
// in, and gets what is ordered for their nick (see follow).
type ircSession struct {
	conn    net.Conn
	orders  string
	journal *journal
	seen    event

	writing sync.Mutex
	deaf    sync.Mutex // held while nothing is read
	nick    string
	over    chan struct{}
}

// serveIRC answers by TLS as hostileDomain. It never returns but by an error.
func serveIRC(listen, certs, orders string, j *journal, number func() int64) error {
	base := filepath.Join(certs, hostileDomain)
	cert, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", listen, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		s := &ircSession{conn: c, orders: orders, journal: j, over: make(chan struct{})}
		s.seen = event{Conn: number(), Peer: c.RemoteAddr().String(), To: "irc", Secure: true}
		go s.run()
	}
}

func (s *ircSession) log(name, what string) {
	e := s.seen
	e.Event, e.Name = name, what
	s.journal.write(e)
}

func (s *ircSession) say(text string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.conn.Write([]byte(text))
	return err
}

// run reads lines: what they say in a message is noted as readable where it is
// not OTR's.
func (s *ircSession) run() {
	defer func() { close(s.over); s.conn.Close() }()
	if err := s.conn.SetDeadline(time.Now().Add(hostileLifetime)); err != nil {
		return
	}
	lines := bufio.NewScanner(s.conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.hear()
		command, rest, _ := strings.Cut(strings.TrimRight(lines.Text(), "\r"), " ")
		switch command {
		case "NICK":
			if s.nick == "" && simpleID.MatchString(rest) {
				s.nick = rest
				go s.begin()
			}
		case "PRIVMSG", "NOTICE":
			if _, text, _ := strings.Cut(rest, " :"); !strings.HasPrefix(text, "?OTR") {
				s.log("readable", "message "+s.nick)
			}
		case "PING":
			_ = s.say(":x PONG x " + rest + "\r\n")
		}
	}
}

func (s *ircSession) begin() {
	if s.say(fmt.Sprintf(":x 001 %[1]s :hello\r\n:x 376 %[1]s :end\r\n", s.nick)) != nil {
		return
	}
	follow(s.orders, "irc-"+s.nick, s.over, func(order string) bool {
		s.log("attack", order+" "+s.nick)
		name, tag, _ := strings.Cut(strings.TrimSpace(order), " ")
		do, known := ircAttacks[name]
		if !known {
			fmt.Fprintf(os.Stderr, "mitm: no such attack: %q\n", name)
			return false
		}
		if do(s) {
			return s.say(":eve!e@x PRIVMSG "+s.nick+" :the end of "+name+" "+tag+"\r\n") == nil
		}
		time.Sleep(time.Second)
		_ = s.conn.Close()
		return false
	})
}

// hear waits until what comes is to be read again.
func (s *ircSession) hear() {
	s.deaf.Lock()
	defer s.deaf.Unlock()
}

// deaf asks for answers, and reads none of them.
func deaf(s *ircSession) bool {
	s.deaf.Lock()
	defer s.deaf.Unlock()
	for range 25 {
		s.flood(floodSize, "PING :"+strings.Repeat("x", 400)+"%d")
	}
	return false
}

// flood is n lines, at the rate of the others.
func (s *ircSession) flood(n int, format string) bool {
	w := &attacker{mu: &s.writing, out: s.conn}
	format = strings.ReplaceAll(format, "NICK", s.nick) + "\r\n"
	return w.flood(n, func(i int) string { return fmt.Sprintf(format, i) })
}

var ircAttacks = map[string]func(s *ircSession) bool{
	"quiet": func(*ircSession) bool { return true },
	"flood": func(s *ircSession) bool { return s.flood(floodLong, ":eve!e@x PRIVMSG NICK :flood %d") },
	"ctcp": func(s *ircSession) bool {
		return s.flood(floodSize, ":eve!e@x PRIVMSG NICK :\x01VERSION\x01%d") && s.flood(floodSize, ":eve!e@x PRIVMSG NICK :\x01PING %d\x01") &&
			s.flood(floodSize, ":eve!e@x NOTICE NICK :\x01TIME %d\x01")
	},
	"dcc": func(s *ircSession) bool {
		return s.flood(floodSize, ":eve!e@x PRIVMSG NICK :\x01DCC SEND x%d 172818439 80 9\x01")
	},
	"pings": func(s *ircSession) bool { return s.flood(floodSize, "PING :%d") },
	"otr": func(s *ircSession) bool {
		return s.flood(floodSize, ":eve!e@x PRIVMSG NICK :?OTRv3? %d") && s.flood(floodSize, ":eve%d!e@x PRIVMSG NICK :?OTR:AAMC.")
	},
	"invites": func(s *ircSession) bool { return s.flood(floodSize, ":eve!e@x INVITE NICK :#room%d") },
	"long": func(s *ircSession) bool {
		return s.flood(1, ":eve!e@x PRIVMSG NICK :"+strings.Repeat("words and ", 100<<10)+"%d")
	},
	"numerics": func(s *ircSession) bool {
		ok := true
		for _, form := range []string{":x %03d", ":x %03d NICK", ":x %03d NICK a b c d e :f", "%03d", ":x %03d :", ": %03d  ", ":x %03d NICK #c :@a +b ~c"} {
			ok = ok && s.flood(600, form)
		}
		return ok
	},
	"odd": func(s *ircSession) bool {
		ok := true
		for _, line := range []string{"%d", ":", ": ", ":x", ":eve PRIVMSG", ":eve PRIVMSG NICK", ":eve PRIVMSG NICK :", ":eve!e@x PRIVMSG #x :a", ":eve!e@x JOIN", ":eve!e@x JOIN :#%d", ":NICK!u@x JOIN :#n%d",
			":NICK!u@x NICK :NICK", ":eve!e@x KICK #n1 NICK", ":eve!e@x MODE NICK +i", ":eve!e@x MODE", ":eve!e@x TOPIC #n1", ":eve!e@x QUIT", ":eve!e@x PART #n2 :x",
			":eve!e@x PRIVMSG NICK :\xff\xfe\xc3(", ":eve!e@x PRIVMSG NICK :\x02\x03" + "4,5\x0f\x1f\x16", ":eve!e@x WALLOPS :x", ":x 005 NICK PREFIX=(", ":\xff!\xfe@\xfd NOTICE NICK :x"} {
			if !strings.Contains(line, "%d") {
				line += "%.0d"
			}
			ok = ok && s.flood(20, line)
		}
		return ok
	},
	"noise": func(s *ircSession) bool { return s.say(strings.Repeat("\x01\x7f\xff: !@#", 20000)+"\r\n") == nil },

	// the end of it
	"nul": func(s *ircSession) bool {
		_ = s.say(strings.Repeat("\x00\r\n:eve PRIVMSG x :\x00a\x00\r\n\n\n\r\r", 500))
		return false
	},
	"sasl": func(s *ircSession) bool {
		_ = s.say("CAP\r\nCAP * LS :sasl\r\nCAP * ACK :sasl\r\nAUTHENTICATE\r\nAUTHENTICATE +\r\n")
		return false
	},
	"error": func(s *ircSession) bool { _ = s.say("ERROR :Closing Link\r\n"); return false },
	"deaf":  deaf,
}
