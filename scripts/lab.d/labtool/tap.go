// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

// tap stands before a server that speaks in clear: it does TLS for it, and
// writes each line that a client sent to a file, as JSON.
func tap(args []string) (int, error) {
	listen, pair, target, log := args[0], args[1], args[2], args[3]
	certificate, err := tls.LoadX509KeyPair(pair+".crt", pair+".key")
	if err != nil {
		return 1, err
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 1, err
	}
	l, err := tls.Listen("tcp", listen, &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return 1, err
	}
	t := &tapped{file: file}
	for number := 1; ; number++ {
		c, err := l.Accept()
		if err != nil {
			return 1, err
		}
		go t.carry(c, target, number)
	}
}

type tapped struct {
	mu   sync.Mutex
	file *os.File
}

// carry joins a client to the server until either ends.
func (t *tapped) carry(client net.Conn, target string, number int) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, server)
	}()
	for in := bufio.NewReader(client); ; {
		line, err := in.ReadString('\n')
		t.write(number, line)
		if _, err := io.WriteString(server, line); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

func (t *tapped) write(number int, line string) {
	out, err := json.Marshal(struct {
		Conn int    `json:"conn"`
		Line string `json:"line"`
	}{number, strings.TrimRight(line, "\r\n")})
	if err != nil || line == "" {
		return // a number and a string always marshal
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.file.Write(append(out, '\n'))
}
