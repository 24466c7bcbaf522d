// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"net"
	"net/textproto"
	"strings"
	"testing"
)

const (
	fpA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	fpB = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

func TestLegs(t *testing.T) {
	table := legs([]string{
		`7 BUILT $` + fpA + `~a1,$` + fpB + `~x1 PURPOSE=CONFLUX_LINKED SOCKS_USERNAME="u 1\"" SOCKS_PASSWORD="p" CONFLUX_ID=C1`,
		`8 BUILT $` + fpB + `~a2,$` + fpB + `~x1 PURPOSE=CONFLUX_LINKED CONFLUX_ID=C1`,
		`9 BUILT $` + fpA + `~x2 PURPOSE=GENERAL SOCKS_USERNAME="u 1\"" SOCKS_PASSWORD="q"`,
		`10 BUILT $` + fpA + `~x2 PURPOSE=GENERAL SOCKS_USERNAME="u 1\"" SOCKS_PASSWORD="p"`,
		`11 EXTENDED $` + fpA + `~x2`,
		`12 BUILT nonsense`,
		``,
	})
	if len(table) != 4 {
		t.Fatalf("%d circuits are read, not 4: %v", len(table), table)
	}
	if c := table["8"]; c.exit != fpB || c.exitName != "x1" || c.conflux != "C1" || c.tag != table["7"].tag {
		t.Errorf("the second leg does not take after the first: %+v, %+v", c, table["7"])
	}
	if table["9"].tag == table["10"].tag {
		t.Error("another password gives the same tag")
	}
	if table["7"].tag != table["10"].tag {
		t.Error("the same credentials give two tags")
	}
	for id, c := range table {
		if strings.Contains(c.tag, "p") || len(c.tag) != 8 {
			t.Errorf("circuit %s: tag %q", id, c.tag)
		}
	}
}

func TestAsk(t *testing.T) {
	for answer, want := range map[string]string{
		"250-ns/id/X=r x1\r\n250 OK\r\n":                    "r x1",
		"250+ns/id/X=\r\nr x1\r\ns Exit\r\n.\r\n250 OK\r\n": "r x1|s Exit",
		"250-stream-status=\r\n250 OK\r\n":                  "",
		"552 Unrecognized\r\n":                              "error",
		"250+ns/id/X=\r\nr x1":                              "error",
	} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = bufio.NewReader(theirs).ReadString('\n')
			_, _ = theirs.Write([]byte(answer))
			_ = theirs.Close()
		}()
		c := &control{ours, textproto.NewReader(bufio.NewReader(ours))}
		lines, err := c.ask("GETINFO x")
		got := strings.Join(lines, "|")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is read as %q, not %q", answer, got, want)
		}
	}
}
