// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"
	"testing"
)

func TestCounting(t *testing.T) {
	const pass = `{"Action":"pass","Package":"m/p","Test":"TestA"}` + "\n"
	const end = `{"Action":"pass","Package":"m/p"}` + "\n"
	cases := []struct {
		name, input             string
		skipFails               bool
		passed, failed, skipped int
		shows                   string
	}{
		{"nothing", end, true, 0, 0, 0, ""},
		{"pass", pass + end, true, 1, 0, 0, "ok      m/p: 1 passed"},
		{"fail", `{"Action":"output","Package":"m/p","Test":"TestA","Output":"because\n"}` + "\n" +
			`{"Action":"fail","Package":"m/p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"m/p"}`, true, 0, 1, 0, "because"},
		{"skip in CI", `{"Action":"skip","Package":"m/p","Test":"TestA"}` + "\n" + end, true, 0, 1, 0, "NOT OK"},
		{"skip", `{"Action":"skip","Package":"m/p","Test":"TestA"}` + "\n" + end, false, 0, 0, 1, "skipped p.TestA"},
		{"does not build", `{"ImportPath":"m/p","Action":"build-output","Output":"p.go:1: no\n"}` + "\n" +
			`{"Action":"fail","Package":"m/p","FailedBuild":"m/p"}`, true, 0, 1, 0, "p.go:1: no"},
		{"panic", pass + `{"Action":"output","Package":"m/p","Test":"TestB","Output":"panic: x\n"}` + "\n" +
			`{"Action":"fail","Package":"m/p"}`, true, 1, 1, 0, "panic: x"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, results strings.Builder
			c := newCounter(&out, &results, tc.skipFails)
			if err := c.read(strings.NewReader(tc.input)); err != nil {
				t.Fatal(err)
			}
			if c.passed != tc.passed || c.failed != tc.failed || c.skipped != tc.skipped {
				t.Errorf("got %s", c.summary())
			}
			if !strings.Contains(out.String(), tc.shows) {
				t.Errorf("output lacks %q:\n%s", tc.shows, out.String())
			}
			if got := strings.Count(results.String(), "\n"); got != tc.passed+tc.failed {
				t.Errorf("%d results kept", got)
			}
		})
	}
}
