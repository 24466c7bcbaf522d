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
	"sync"
	"testing"
	"time"

	"purpleonion.org/purple-onion/helper/internal/tor/tortest"
)

// The gate against the same path without it, in one run. BenchmarkThroughput
// has a SOCKS proxy (microsocks) where Tor stands, dialled by the gate or by
// the client itself; in BenchmarkThroughputBare there is nothing in its place,
// which no account ever sees: client, gate and server then fight for the cores
// at gigabytes a second.

const batch = 16 << 20 // bytes that the server acknowledges together

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

func direct(t testing.TB, b *bench) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", b.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
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

func BenchmarkThroughputBare(tb *testing.B) { throughput(tb, "") }

func BenchmarkThroughput(tb *testing.B) { throughput(tb, microsocks(tb)) }

func throughput(tb *testing.B, proxy string) {
	b := newBench(tb, nil)
	sink(b)
	b.issue(nil)
	b.set(func() { b.proxy = proxy })
	plain, err := b.reach(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer plain.Close()
	gated := b.connect()
	_ = gated.SetDeadline(time.Time{})
	b.open(gated, "a.test", 5222)
	firstByte(tb, plain)
	firstByte(tb, gated)
	var ratios, rates []float64
	for tb.Loop() {
		d := send(tb, plain, batch)
		g := send(tb, gated, batch)
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
	b := newBench(tb, nil)
	sink(b)
	b.issue(nil)
	var added []time.Duration
	for tb.Loop() {
		start := time.Now()
		c := direct(tb, b)
		firstByte(tb, c)
		without := time.Since(start)
		_ = c.Close()
		start = time.Now()
		g := b.connect()
		b.open(g, "a.test", 5222)
		firstByte(tb, g)
		added = append(added, time.Since(start)-without)
		_ = g.Close()
	}
	slices.Sort(added)
	tb.ReportMetric(float64(added[len(added)/2].Microseconds())/1000, "added-ms")
}

func BenchmarkIdleMemory(tb *testing.B) {
	const n = 200 // connections
	for tb.Loop() {
		b := newBench(tb, nil)
		var held sync.WaitGroup
		held.Add(1)
		go func() {
			defer held.Done()
			var conns []net.Conn
			for {
				c, err := b.server.Accept()
				if err != nil {
					for _, c := range conns {
						_ = c.Close()
					}
					return
				}
				conns = append(conns, c)
			}
		}()
		b.issue(nil)
		before := inUse()
		for range n {
			b.open(b.connect(), "a.test", 5222)
		}
		per := float64(inUse()-before) / float64(n) / 1024
		tb.ReportMetric(per, "KiB/connection")
		b.Gate.Close()
		_ = b.server.Close()
		held.Wait()
	}
}

// inUse is the heap and the stacks: the test's own ends of the connections are
// counted too, so the gate's share is less.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
