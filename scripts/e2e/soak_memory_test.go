// SPDX-License-Identifier: GPL-3.0-or-later

//go:build soak

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sample is what a process holds at a moment.
type sample struct {
	memory  int // KiB, anonymous and resident: C's and Go's
	heap    int // KiB of it that malloc has by brk: C's, the most of it
	files   int // open descriptors
	threads int
}

func takeSample(t testing.TB, pid int) (s sample) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", pid)
	f, err := os.Open(proc + "smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inHeap := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) > 4 && strings.Contains(w[0], "-") {
			inHeap = w[len(w)-1] == "[heap]"
		}
		if w[0] == "Anonymous:" {
			kib, _ := strconv.Atoi(w[1])
			s.memory += kib
			if inHeap {
				s.heap += kib
			}
		}
	}
	fds, _ := os.ReadDir(proc + "fd")
	tasks, _ := os.ReadDir(proc + "task")
	s.files, s.threads = len(fds), len(tasks)
	return s
}

// grown says what has grown beyond measure in ours, beside libpurple alone
// that did the same: by the round, as they need not be equally fast. A first
// third is left out, in which things warm up.
func grown(t testing.TB, ours, alone []sample) (bad []string) {
	t.Helper()
	ours, alone = ours[len(ours)/3:], alone[len(alone)/3:]
	for _, what := range []struct {
		name  string
		of    func(s sample) int
		limit float64
	}{
		{"KiB of memory", func(s sample) int { return s.memory }, 4096},
		{"KiB of it by brk", func(s sample) int { return s.heap }, 4096},
		{"descriptors", func(s sample) int { return s.files }, 4},
		{"threads", func(s sample) int { return s.threads }, 4},
	} {
		n := float64(len(ours))
		by, beside := slope(ours, what.of)*n, slope(alone, what.of)*n
		line := fmt.Sprintf("%s: %d at last, grown by %.0f in %.0f rounds, libpurple alone by %.0f (at most %.0f more)",
			what.name, what.of(ours[len(ours)-1]), by, n, beside, what.limit)
		figure(t, "%s", line)
		if by-beside > what.limit {
			bad = append(bad, line)
		}
	}
	return bad
}

// slope is the median of the slopes between any two samples (Theil and Sen),
// by the round: what comes and goes does not move it.
func slope(all []sample, of func(s sample) int) float64 {
	var slopes []float64
	for i, a := range all {
		for k, b := range all[i+1:] {
			slopes = append(slopes, float64(of(b)-of(a))/float64(k+1))
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2]
}

// figure is for the person who reads the report.
func figure(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf(format, args...)
	if *soakOut == "" {
		return
	}
	f, err := os.OpenFile(*soakOut, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, format+"\n", args...)
}
