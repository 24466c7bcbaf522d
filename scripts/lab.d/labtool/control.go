// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// waitOnion waits until the tor at the control port has uploaded all
// descriptors of its onion service (control-spec 4.1.25, HS_DESC). Somebody
// who asks for the onion address before that gets a failure, which tor
// remembers for that directory.
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
	return status(countUploads(control, time.Now().Add(d)))
}

// countUploads returns when as many uploads are done as were begun and half a
// second passes without another.
func countUploads(control net.Conn, end time.Time) error {
	begun, done := 0, 0
	for time.Now().Before(end) {
		deadline := end
		if done > 0 && done >= begun {
			deadline = time.Now().Add(500 * time.Millisecond)
		}
		if err := control.SetReadDeadline(deadline); err != nil {
			return err
		}
		line, err := readLine(control)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && deadline != end:
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(line, "650 HS_DESC UPLOAD "):
			begun++
		case strings.HasPrefix(line, "650 HS_DESC UPLOADED "), strings.HasPrefix(line, "650 HS_DESC FAILED "):
			done++
		}
	}
	return fmt.Errorf("%d of %d uploads done", done, begun)
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

// ask sends commands whose answer is one line of "250 OK".
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

// readLine reads byte by byte, so that nothing behind the line is lost.
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
