// SPDX-License-Identifier: GPL-3.0-or-later

//go:build unix

package gate

import (
	"io"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

// The gate against the same path without it, both in one run, in turns. An
// account's path without the gate is client, SOCKS server, server: Tor is in
// both arms. Here a real SOCKS server (microsocks) stands where Tor does, on
// loopback like all else; Tor itself would be slower and hide more.
//
//	BenchmarkThroughput  gate/direct: 0.9 is wanted
//	BenchmarkConnect     added-ms, from connect to the server's first byte: less than 1
//	BenchmarkIdleMemory  KiB/connection, beyond both ends' own: less than 64
//
// With nothing at all in Tor's place, which no account ever sees, both arms are
// memory copies at gigabytes a second, and the gate, one copy more, reaches
// about half on two busy cores. Neither splice(2) nor buffers of 32 KiB to
// 1 MiB change that: measured.

const batch = 4 << 20 // bytes that the server acknowledges together

// sink takes all that comes, and answers each connection's first byte and each
// batch after it.
func sink(b *bench) {
	go func() {
		for {
			c, err := b.server.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 256<<10)
				if _, err := c.Read(buf[:1]); err != nil {
					return
				}
				_, _ = c.Write(buf[:1])
				for got := 0; ; {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if got += n; got >= batch {
						got -= batch
						_, _ = c.Write(buf[:1])
					}
				}
			}()
		}
	}()
}

// newPath is a gate and the two ways to a server that answers, as handle does.
func newPath(tb testing.TB, handle func(*bench)) *bench {
	b := newBench(tb, nil)
	handle(b)
	b.issue(nil)
	proxy := microsocks(tb)
	b.set(func() { b.proxy = proxy })
	return b
}

// direct is the way without the gate.
func direct(tb testing.TB, b *bench) net.Conn {
	tb.Helper()
	c, err := b.reach(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// gated is the way through it.
func gated(b *bench) net.Conn {
	c := b.connect()
	b.open(c, "a.test", 5222)
	_ = c.SetDeadline(time.Time{})
	return c
}

func firstByte(t testing.TB, c net.Conn) {
	t.Helper()
	_, _ = c.Write([]byte{1})
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// send gives bytes a second, from the first sent to the last that arrived.
func send(t testing.TB, c net.Conn, total int) float64 {
	t.Helper()
	block := make([]byte, 64<<10)
	start := time.Now()
	for sent := 0; sent < total; sent += len(block) {
		if _, err := c.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(c, make([]byte, total/batch)); err != nil {
		t.Fatal(err)
	}
	return float64(total) / time.Since(start).Seconds()
}

func BenchmarkThroughput(tb *testing.B) {
	b := newPath(tb, sink)
	plain, through := direct(tb, b), gated(b)
	defer plain.Close()
	firstByte(tb, plain)
	firstByte(tb, through)
	var ratios, rates []float64
	for tb.Loop() {
		d := send(tb, plain, batch)
		g := send(tb, through, batch)
		ratios, rates = append(ratios, g/d), append(rates, d/1e6)
	}
	slices.Sort(ratios)
	slices.Sort(rates)
	tb.ReportMetric(ratios[len(ratios)/2], "gate/direct")
	tb.ReportMetric(rates[len(rates)/2], "direct-MB/s")
}

// microsocks starts the real one and gives its address.
func microsocks(tb testing.TB) string {
	port := strconv.Itoa(int(tortest.FreePort(tb)))
	cmd := exec.Command("microsocks", "-i", "127.0.0.1", "-p", port, "-u", "tu", "-P", "tp")
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
			return "127.0.0.1:" + port
		}
		if time.Now().After(deadline) {
			tb.Fatal("microsocks never listened")
		}
	}
}

func BenchmarkConnect(tb *testing.B) {
	b := newPath(tb, sink)
	var added []time.Duration
	for tb.Loop() {
		without := reached(tb, func() net.Conn { return direct(tb, b) })
		added = append(added, reached(tb, func() net.Conn { return gated(b) })-without)
	}
	slices.Sort(added)
	tb.ReportMetric(float64(added[len(added)/2].Microseconds())/1000, "added-ms")
}

// reached is the time from connect to the server's first byte.
func reached(tb testing.TB, connect func() net.Conn) time.Duration {
	tb.Helper()
	start := time.Now()
	c := connect()
	defer c.Close()
	firstByte(tb, c)
	return time.Since(start)
}

func BenchmarkIdleMemory(tb *testing.B) {
	const n = 200 // connections
	for tb.Loop() {
		b := newPath(tb, hold)
		without := held(n, func() net.Conn { return direct(tb, b) })
		with := held(n, func() net.Conn { return gated(b) })
		tb.ReportMetric(float64(with-without)/n/1024, "KiB/connection")
		b.Gate.Close()
		_ = b.server.Close()
	}
}

// hold accepts, and keeps what it accepted.
func hold(b *bench) {
	go func() {
		var conns []net.Conn
		defer func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}()
		for {
			c, err := b.server.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
}

// held is how much n idle connections take, both of their ends included.
func held(n int, connect func() net.Conn) int64 {
	var conns []net.Conn
	before := inUse()
	for range n {
		conns = append(conns, connect())
	}
	took := inUse() - before
	for _, c := range conns {
		_ = c.Close()
	}
	return took
}

// inUse is the heap and the stacks.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
