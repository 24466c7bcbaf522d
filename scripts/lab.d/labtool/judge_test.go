// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// frame4 is an Ethernet frame with an IPv4 packet to dst.
func frame4(protocol byte, dst string, port uint16, payload string) []byte {
	f := make([]byte, 14+20, 128)
	f[12], f[13] = 0x08, 0x00
	ip := f[14:]
	ip[0], ip[9] = 0x45, protocol
	addr := netip.MustParseAddr(dst).As4()
	copy(ip[16:], addr[:])
	f = append(f, 0x80, 0)
	f = binary.BigEndian.AppendUint16(f, port)
	f = append(f, 0, 0, 0, 0)
	return append(f, payload...)
}

// mld is a report of listening to a multicast group (RFC 3810 5.2).
func mld(group string) []byte {
	f := make([]byte, 14+40)
	f[12], f[13] = 0x86, 0xdd
	f[14], f[20] = 0x60, 58
	all := netip.MustParseAddr("ff02::16").As16()
	copy(f[14+24:], all[:])
	f = append(f, 143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0)
	g := netip.MustParseAddr(group).As16()
	return append(f, g[:]...)
}

const query = "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01"

func fragment() []byte {
	f := frame4(6, "10.77.0.10", 17000, "")
	f[14+6] = 0x20
	return f
}

func TestJudge(t *testing.T) {
	tor := frame4(6, "10.77.0.10", 17000, "")
	start := frame4(17, "10.77.0.1", 9, "n start")
	end := frame4(17, "10.77.0.1", 9, "n end")
	cases := []struct {
		name   string
		frames [][]byte
		log    string
		status int
		dst    string
		dns    string
	}{
		{"clean", [][]byte{start, tor, mld("ff02::1:ff00:c9"), end}, "0 packets dropped", 0, "", ""},
		{"name asked", [][]byte{start, frame4(17, "8.8.8.8", 53, query), end}, "0 packets dropped", 1, "udp 8.8.8.8:53", "a.test"},
		{"broken question", [][]byte{start, frame4(17, "8.8.8.8", 53, "x"), end}, "0 packets dropped", 1, "udp 8.8.8.8:53", "?"},
		{"udp to a relay", [][]byte{start, frame4(17, "10.77.0.10", 17000, ""), end}, "0 packets dropped", 1, "udp 10.77.0.10:17000", ""},
		{"another port of a relay", [][]byte{start, frame4(6, "10.77.0.10", 80, ""), end}, "0 packets dropped", 1, "tcp 10.77.0.10:80", ""},
		{"fragment", [][]byte{start, fragment(), end}, "0 packets dropped", 1, "ip fragment 10.77.0.10", ""},
		{"a group joined", [][]byte{start, mld("ff02::fb"), end}, "0 packets dropped", 1, "icmp6 ff02::16", ""},
		{"another marker", [][]byte{start, frame4(17, "10.77.0.1", 9, "m end"), end}, "0 packets dropped", 1, "udp 10.77.0.1:9", ""},
		{"short frame", [][]byte{start, {1, 2}, end}, "0 packets dropped", 1, "short frame", ""},
		{"no end", [][]byte{start, tor}, "0 packets dropped", 2, "", ""},
		{"no start", [][]byte{tor, end}, "0 packets dropped", 2, "", ""},
		{"twice", [][]byte{start, start, end}, "0 packets dropped", 2, "", ""},
		{"dropped", [][]byte{start, end}, "10 packets dropped", 2, "", ""},
		{"killed", [][]byte{start, end}, "listening", 2, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := judged(t, c.frames, c.log)
			if v.status() != c.status {
				t.Fatalf("status %d, want %d: %+v", v.status(), c.status, v)
			}
			if c.dst != "" && (len(v.List) != 1 || v.List[0].Dst != c.dst) {
				t.Errorf("list %+v, want %q", v.List, c.dst)
			}
			if c.dns != "" && (len(v.List[0].DNS) != 1 || v.List[0].DNS[0] != c.dns) {
				t.Errorf("names %q, want %q", v.List[0].DNS, c.dns)
			}
		})
	}
}

// TestJudgeCut: a capture that ends within a packet is not trusted.
func TestJudgeCut(t *testing.T) {
	dir := t.TempDir()
	pcap := writeCapture(t, dir, [][]byte{frame4(17, "10.77.0.1", 9, "n start")})
	data, err := os.ReadFile(pcap)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if err := os.WriteFile(pcap, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		err := frames(pcap, func([]byte) {})
		if n != 24 && err == nil { // 24: a header alone is whole
			t.Errorf("no error at %d of %d bytes", n, len(data))
		}
	}
}

func judged(t *testing.T, frames [][]byte, log string) verdict {
	t.Helper()
	dir := t.TempDir()
	pcap := writeCapture(t, dir, frames)
	relays, logFile := filepath.Join(dir, "relays"), filepath.Join(dir, "log")
	for file, text := range map[string]string{relays: "10.77.0.10:17000\n", logFile: log + "\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var v verdict
	if err := v.read(pcap, relays, "n", logFile); err != nil {
		v.Trusted = false
	}
	return v
}

func writeCapture(t *testing.T, dir string, frames [][]byte) string {
	t.Helper()
	path := filepath.Join(dir, "pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := writePcapHeader(w); err != nil {
		t.Fatal(err)
	}
	for _, frame := range frames {
		for _, v := range []int{0, 0, len(frame), len(frame)} {
			if err := binary.Write(w, binary.LittleEndian, uint32(v)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}
