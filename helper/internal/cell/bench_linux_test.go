// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"io"
	"net"
	"os"
	"sort"
	"testing"
	"time"
)

// Start-up: what a cell adds to a program that ends at once, as the median of
// pairs. Without Tor's proof, which purple-onion makes before.
func BenchmarkStart(b *testing.B) {
	for _, w := range users(b) {
		for _, bus := range []Bus{BusNone, BusPrivate} {
			b.Run(w.name+"/bus-"+string(bus), func(b *testing.B) {
				var added []time.Duration
				for b.Loop() {
					started := time.Now()
					if err := w.command("true").Run(); err != nil {
						b.Fatal(err)
					}
					bare := time.Since(started)
					cmd := w.cell(b, order{Config: Config{Program: []string{"true"}, Bus: bus, BusWanted: true}})
					started = time.Now()
					if err := cmd.Run(); err != nil {
						b.Fatal(err)
					}
					added = append(added, time.Since(started)-bare)
				}
				sort.Slice(added, func(i, j int) bool { return added[i] < added[j] })
				b.ReportMetric(float64(added[len(added)/2].Microseconds())/1000, "ms-added")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// Throughput through the SOCKS port of a cell beside the same without one. A
// fake Tor that sends at the rate given stands for the real one, which moves
// some tens of megabytes a second at most; without a rate this is the bound of
// the machine's loopback, which a second hop always halves.
func BenchmarkThroughput(b *testing.B) {
	const size = 64 << 20
	w := users(b)[0]
	for _, c := range []struct {
		name string
		rate int // bytes a second; 0: none
	}{{"at-100MB", 100 << 20}, {"unbounded", 0}} {
		b.Run(c.name, func(b *testing.B) {
			tor := source(b, size, c.rate)
			_, port, err := net.SplitHostPort(tor)
			must(b, err)
			var outside, inside float64
			for b.Loop() {
				bare := w.bare(b, "sink:"+port)["sink:"+port]
				in := w.probes(b, order{Socks: tor}, "sink:9050")["sink:9050"]
				outside += duration(b, bare).Seconds()
				inside += duration(b, in).Seconds()
			}
			b.ReportMetric(outside/inside, "ratio")
			b.ReportMetric(size*float64(b.N)/inside/(1<<20), "MB/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func duration(b *testing.B, text string) time.Duration {
	b.Helper()
	d, err := time.ParseDuration(text)
	must(b, err)
	return d
}

// source sends size bytes to who connects, at a rate.
func source(b *testing.B, size, rate int) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			chunk := make([]byte, 256<<10)
			started := time.Now()
			for sent := 0; sent < size; sent += len(chunk) {
				if rate > 0 {
					time.Sleep(time.Until(started.Add(time.Duration(float64(sent) / float64(rate) * float64(time.Second)))))
				}
				if _, err := conn.Write(chunk); err != nil {
					break
				}
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// sink reads until the end, and says how long it took.
func sink(port string) string {
	started := time.Now()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return answerOf(err)
	}
	defer conn.Close()
	if _, err = io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}); err != nil && !os.IsTimeout(err) {
		return answerOf(err)
	}
	return time.Since(started).String()
}
