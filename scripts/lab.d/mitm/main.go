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
	listen := flag.String("listen", "", "address to listen on, at ports 5222, "+redirectPort+" and 6697")
	certs := flag.String("certs", "", "folder of NAME.crt and NAME.key")
	log := flag.String("log", "", "file for the events")
	orders := flag.String("orders", "", "folder of what is to be done to whom")
	attack := flag.String("print", "", "write this attack, ATTACK TAG, to standard output, for a client to send; no server")
	to := flag.String("to", "", "... to this JID")
	flag.IntVar(&floodMost, "most", floodMost, "stanzas of a flood at the most")
	flag.Parse()
	if *attack != "" {
		printAttack(*attack, *to)
		return
	}
	err := serve(*listen, *certs, *log, *orders)
	fmt.Fprintln(os.Stderr, "mitm:", err)
	os.Exit(1)
}

// serve never returns but by an error.
func serve(address, certs, log, orders string) error {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	j := &journal{file: file}
	var number atomic.Int64
	next := func() int64 { return number.Add(1) }
	failed := make(chan error, 3)
	go func() {
		failed <- serveIRC(net.JoinHostPort(address, "6697"), certs, orders, j, next)
	}()
	go func() {
		failed <- accept(net.JoinHostPort(address, redirectPort), func(c net.Conn) {
			j.write(event{Conn: next(), Peer: c.RemoteAddr().String(), Event: "elsewhere"})
			_ = c.Close()
		})
	}()
	go func() {
		failed <- accept(net.JoinHostPort(address, "5222"), func(c net.Conn) {
			s := &session{conn: c, certs: certs, orders: orders, journal: j}
			s.seen = event{Conn: next(), Peer: c.RemoteAddr().String()}
			s.run()
		})
	}()
	return <-failed
}

func accept(address string, serve func(net.Conn)) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serve(c)
	}
}
