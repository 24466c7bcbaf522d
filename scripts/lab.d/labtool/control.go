// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// waitOnion waits until the tor at the control port has uploaded a descriptor
// of its onion service (control-spec 4.1.25, HS_DESC UPLOADED). Somebody who
// asks for the onion address before that gets a failure, which tor remembers.
func waitOnion(args []string) (int, error) {
	var control net.Conn
	err := until(args[0], func() (err error) {
		control, err = subscribe(args[1], args[2])
		return err
	})
	if err != nil {
		return 1, err
	}
	defer control.Close()
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return 2, err
	}
	if err := control.SetReadDeadline(time.Now().Add(d)); err != nil {
		return 1, err
	}
	lines := bufio.NewScanner(control)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "650 HS_DESC UPLOADED ") {
			return 0, nil
		}
	}
	return 1, fmt.Errorf("no descriptor uploaded within %s", args[0])
}

// subscribe authenticates with the cookie and asks for HS_DESC events.
func subscribe(address, cookieFile string) (net.Conn, error) {
	cookie, err := os.ReadFile(cookieFile)
	if err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return nil, err
	}
	if err := ask(c, "AUTHENTICATE "+hex.EncodeToString(cookie), "SETEVENTS HS_DESC"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ask sends commands whose answer is one line of "250 OK". It reads byte by
// byte's worth of buffer only, so that no event behind the answer is lost.
func ask(c net.Conn, words ...string) error {
	if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	for _, w := range words {
		if _, err := c.Write([]byte(w + "\r\n")); err != nil {
			return err
		}
		line, err := readLine(c)
		if err != nil {
			return err
		}
		if line != "250 OK" {
			return fmt.Errorf("control port says %q", line)
		}
	}
	return c.SetDeadline(time.Time{})
}

func readLine(c net.Conn) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < 1024; line = append(line, one[0]) {
		if _, err := c.Read(one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
	}
	return "", fmt.Errorf("control port's line is too long")
}
