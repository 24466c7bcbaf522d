// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// An event is one line of the log.
type event struct {
	Time       float64  `json:"time"`
	Conn       int64    `json:"conn"`
	Peer       string   `json:"peer"`
	To         string   `json:"to"`
	Event      string   `json:"event"`
	Secure     bool     `json:"secure"`
	Mechanism  string   `json:"mechanism,omitempty"`
	Mechanisms []string `json:"mechanisms,omitempty"`
	Name       string   `json:"name,omitempty"`
	Error      string   `json:"error,omitempty"`
}

// A journal writes events, one at a time.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

func (j *journal) write(e event) {
	e.Time = float64(time.Now().UnixMilli()) / 1000
	line, err := json.Marshal(e)
	if err != nil {
		return // strings and numbers always marshal
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		fmt.Fprintln(os.Stderr, "mitm: cannot write the log:", err)
		os.Exit(1)
	}
}

func main() {
	listen := flag.String("listen", "", "address:port")
	certs := flag.String("certs", "", "folder of NAME.crt and NAME.key")
	log := flag.String("log", "", "file for the events")
	flag.Parse()
	err := serve(*listen, *certs, *log)
	fmt.Fprintln(os.Stderr, "mitm:", err)
	os.Exit(1)
}

// serve never returns but by an error.
func serve(listen, certs, log string) error {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	j := &journal{file: file}
	var number atomic.Int64
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		s := &session{conn: c, certs: certs, journal: j}
		s.seen = event{Conn: number.Add(1), Peer: c.RemoteAddr().String()}
		go s.run()
	}
}
