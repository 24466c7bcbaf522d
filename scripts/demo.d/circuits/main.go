// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"time"
)

const (
	timeout   = 10 * time.Second
	maxAnswer = 4 << 20 // bytes that are read of the control port in all
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: circuits CONTROL COOKIE-FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "circuits: cannot ask the control port:", err)
		os.Exit(1)
	}
}

func run(address, cookieFile string) error {
	c, err := open(address, cookieFile)
	if err != nil {
		return err
	}
	defer c.Close()
	streams, err := c.ask("GETINFO stream-status")
	if err != nil {
		return err
	}
	circuits, err := c.ask("GETINFO circuit-status")
	if err != nil {
		return err
	}
	table := legs(circuits)
	for _, line := range streams {
		if err := c.show(strings.Fields(line), table); err != nil {
			return err
		}
	}
	return nil
}

// show prints one stream of stream-status: "ID STATUS CIRCUIT TARGET ..."
// (control-spec 3.9).
func (c *control) show(stream []string, table map[string]circuit) error {
	if len(stream) < 4 || stream[1] != "SUCCEEDED" || !strings.HasSuffix(stream[3], ":5222") {
		return nil
	}
	on, ok := table[stream[2]]
	if !ok {
		return fmt.Errorf("a stream rides circuit %q, which is not in circuit-status", stream[2])
	}
	ip, err := c.relayAddress(on.exit)
	if err != nil {
		return err
	}
	_, err = fmt.Println(strings.Join([]string{on.id, on.conflux, on.exit, on.exitName, ip, stream[3], on.tag}, "\t"))
	return err
}

// A circuit is what circuit-status says of one.
type circuit struct{ id, conflux, exit, exitName, tag string }

var (
	hop  = regexp.MustCompile(`^\$([0-9A-F]{40})(?:[~=](\w+))?$`)
	user = regexp.MustCompile(`SOCKS_USERNAME="(?:[^"\\]|\\.)*"`)
	word = regexp.MustCompile(`SOCKS_PASSWORD="(?:[^"\\]|\\.)*"`)
	flux = regexp.MustCompile(`CONFLUX_ID=(\S+)`)
)

// legs reads circuit-status: "ID BUILT $FINGERPRINT~name,... KEY=VALUE ...".
// Of the legs of a conflux set only one carries the credentials.
func legs(lines []string) map[string]circuit {
	table, tags := map[string]circuit{}, map[string]string{}
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != "BUILT" {
			continue
		}
		path := strings.Split(f[2], ",")
		end := hop.FindStringSubmatch(path[len(path)-1])
		if end == nil {
			continue
		}
		one := circuit{id: f[0], conflux: "-", exit: end[1], exitName: end[2], tag: tag(line)}
		if m := flux.FindStringSubmatch(line); m != nil {
			one.conflux = m[1]
			if one.tag != "-" {
				tags[one.conflux] = one.tag
			}
		}
		table[one.id] = one
	}
	for id, one := range table {
		if t := tags[one.conflux]; one.tag == "-" && t != "" {
			one.tag = t
			table[id] = one
		}
	}
	return table
}

func tag(line string) string {
	u, w := user.FindString(line), word.FindString(line)
	if u == "" || w == "" {
		return "-"
	}
	sum := sha256.Sum256([]byte(u + " " + w))
	return hex.EncodeToString(sum[:4])
}

// control is a connection to a control port, authenticated.
type control struct {
	net.Conn
	text *textproto.Reader
}

// open authenticates by cookie (control-spec 3.5).
func open(address, cookieFile string) (*control, error) {
	cookie, err := os.ReadFile(cookieFile)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &control{conn, textproto.NewReader(bufio.NewReader(io.LimitReader(conn, maxAnswer)))}
	if _, err := c.ask("AUTHENTICATE " + hex.EncodeToString(cookie)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// ask sends a command and gives the lines of its answer without "250-KEY="
// (one line) or "250+KEY=" and "." (many lines); control-spec 2.3.
func (c *control) ask(command string) ([]string, error) {
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		return nil, err
	}
	var lines []string
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			return nil, err
		}
		switch {
		case line == "250 OK":
			return lines, nil
		case strings.HasPrefix(line, "250-"):
			if _, value, _ := strings.Cut(line, "="); value != "" {
				lines = append(lines, value)
			}
		case strings.HasPrefix(line, "250+"):
			more, err := c.text.ReadDotLines()
			if err != nil {
				return nil, err
			}
			lines = append(lines, more...)
		default:
			return nil, fmt.Errorf("it answers %.80q", line)
		}
	}
}

// relayAddress is the address that the consensus gives for a relay: field 7 of
// its "r" line as the control port prints it (dir-spec 3.4.1).
func (c *control) relayAddress(fingerprint string) (string, error) {
	lines, err := c.ask("GETINFO ns/id/" + fingerprint)
	if err != nil {
		return "", err
	}
	for _, line := range lines {
		if f := strings.Fields(line); len(f) > 6 && f[0] == "r" && net.ParseIP(f[6]) != nil {
			return f[6], nil
		}
	}
	return "", fmt.Errorf("the consensus has no relay %s", fingerprint)
}
