// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// waitPort waits until every address accepts a TCP connection.
func waitPort(args []string) (int, error) {
	for _, address := range args[1:] {
		err := until(args[0], func() error {
			c, err := net.DialTimeout("tcp", address, time.Second)
			if err != nil {
				return err
			}
			return c.Close()
		})
		if err != nil {
			return 1, err
		}
	}
	return 0, nil
}

// waitLog waits until every file contains the text.
func waitLog(args []string) (int, error) {
	for _, file := range args[2:] {
		err := until(args[0], func() error {
			data, err := os.ReadFile(file)
			if err == nil && !bytes.Contains(data, []byte(args[1])) {
				err = fmt.Errorf("%q not in %s", args[1], file)
			}
			return err
		})
		if err != nil {
			return 1, err
		}
	}
	return 0, nil
}

// waitConsensus waits until the authority's consensus lists at least that
// many relays as Running (dir-spec.txt 3.4.1, the "s" line).
func waitConsensus(args []string) (int, error) {
	want, err := strconv.Atoi(args[2])
	if err != nil {
		return 2, err
	}
	return status(until(args[0], func() error {
		n, err := runningRelays(args[1])
		if err == nil && n < want {
			err = fmt.Errorf("%d of %d relays are Running", n, want)
		}
		return err
	}))
}

// runningRelays asks as HTTP/1.0 by hand: net/http would double the time that
// it takes to build this program.
func runningRelays(address string) (int, error) {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return 0, err
	}
	_, err = io.WriteString(c, "GET /tor/status-vote/current/consensus HTTP/1.0\r\n"+
		"Accept-Encoding: identity\r\n\r\n")
	if err != nil {
		return 0, err
	}
	n := 0
	lines := bufio.NewScanner(io.LimitReader(c, 1<<20))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "s ") && strings.Contains(lines.Text(), " Running") {
			n++
		}
	}
	return n, lines.Err()
}
