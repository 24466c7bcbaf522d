// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
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
	url := "http://" + args[1] + "/tor/status-vote/current/consensus"
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{Proxy: nil}}
	return status(until(args[0], func() error {
		n, err := runningRelays(client, url)
		if err == nil && n < want {
			err = fmt.Errorf("%d of %d relays are Running", n, want)
		}
		return err
	}))
}

func runningRelays(client *http.Client, url string) (int, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept-Encoding", "identity") // else tor may compress, and not say so
	reply, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("no consensus yet: %s", reply.Status)
	}
	n := 0
	lines := bufio.NewScanner(io.LimitReader(reply.Body, 1<<20))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "s ") && strings.Contains(lines.Text(), " Running") {
			n++
		}
	}
	return n, lines.Err()
}
