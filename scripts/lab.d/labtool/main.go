// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"time"
)

// A command gets its arguments without its own name and returns the exit
// status and what went wrong, if anything did.
type command struct {
	usage string
	run   func(args []string) (int, error)
	min   int // fewest arguments
}

var commands = map[string]command{
	"wait-port":      {"TIMEOUT ADDRESS:PORT...", waitPort, 2},
	"wait-log":       {"TIMEOUT TEXT FILE...", waitLog, 3},
	"wait-consensus": {"TIMEOUT ADDRESS:DIRPORT RELAYS", waitConsensus, 3},
	"wait-onion":     {"TIMEOUT CONTROL COOKIEFILE", waitOnion, 3},
	"wait-marker":    {"TIMEOUT PCAP TEXT", waitMarker, 3},
	"connect":        {"TIMEOUT SOCKS HOST:PORT", connect, 3},
	"send":           {"udp|tcp ADDRESS:PORT TEXT", send, 3},
	"capture":        {"INTERFACE FILE", capture, 2},
	"certs":          {"DIRECTORY NAME...", certs, 2},
	"dns":            {"udp|tls ADDRESS:PORT[#TLSNAME] A|SRV NAME", dns, 4},
	"xmpp":           {"[OPTION]... HOST:PORT JID PASSWORD", xmpp, 3},
	"tap":            {"LISTEN CERTIFICATE-WITHOUT-SUFFIX TARGET LOG", tap, 4},
	"judge":          {"[-json] -relays FILE -nonce TEXT -log FILE PCAP", judge, 1},
}

func main() {
	if len(os.Args) < 2 {
		fail(2, "usage: labtool COMMAND ...")
	}
	c, ok := commands[os.Args[1]]
	if !ok {
		fail(2, "no such command: "+os.Args[1])
	}
	if len(os.Args)-2 < c.min {
		fail(2, "usage: labtool "+os.Args[1]+" "+c.usage)
	}
	status, err := c.run(os.Args[2:])
	if err != nil {
		fail(max(status, 1), os.Args[1]+": "+err.Error())
	}
	os.Exit(status)
}

func fail(status int, text string) {
	fmt.Fprintln(os.Stderr, "labtool: "+text)
	os.Exit(status)
}

// until calls try every 50 ms until it returns nil or the time (a Go
// duration) is over; then the error says what it still waited for.
func until(timeout string, try func() error) error {
	d, err := time.ParseDuration(timeout)
	if err != nil {
		return err
	}
	for end := time.Now().Add(d); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s: %w", timeout, err)
		}
	}
}

// status turns an error into an exit status.
func status(err error) (int, error) {
	if err != nil {
		return 1, err
	}
	return 0, nil
}
