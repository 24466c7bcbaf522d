// SPDX-License-Identifier: GPL-3.0-or-later

// Command testcount runs go test and counts each test and subtest. It prints
// one line a package and the whole output of what failed, and adds a line for
// each test to the file named by TEST_RESULTS. A package that does not build
// is a failure, so is a run without any test, and, where CI=true, a skip.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

type counter struct {
	out, results            io.Writer
	skipFails               bool
	passed, failed, skipped int
	output                  map[string]*bytes.Buffer // by package and test
	perPackage              map[string][2]int        // passed, failed
}

func newCounter(out, results io.Writer, skipFails bool) *counter {
	return &counter{out: out, results: results, skipFails: skipFails,
		output: map[string]*bytes.Buffer{}, perPackage: map[string][2]int{}}
}

func main() {
	results := io.Discard
	if name := os.Getenv("TEST_RESULTS"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			fmt.Fprintln(os.Stderr, "testcount: cannot keep results:", err)
			os.Exit(1)
		}
		results = f
	}
	c := newCounter(os.Stdout, results, os.Getenv("CI") == "true")
	err := run(c, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
	}
	fmt.Println(c.summary())
	if err != nil || c.failed > 0 || c.passed == 0 {
		os.Exit(1)
	}
}

// run has go test's own exit status as its error, so that a failure that no
// event told of is not lost.
func run(c *counter, args []string) error {
	words := []string{"test"}
	if len(args) > 1 && args[0] == "-C" { // another module's folder: go wants it first
		words, args = append(words, args[:2]...), args[2:]
	}
	cmd := exec.Command("go", append(append(words, "-json"), args...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot run go test: %w", err)
	}
	readErr := c.read(pipe)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	return readErr
}

func (c *counter) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			_, _ = c.out.Write(line) // not an event: a message of the go command
		default:
			c.take(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read go test's output: %w", err)
		}
	}
}

func (c *counter) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		if c.output[key] == nil {
			c.output[key] = &bytes.Buffer{}
		}
		c.output[key].WriteString(e.Output)
	case "build-output":
		fmt.Fprint(c.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			c.takePackage(e, key)
		} else {
			c.takeTest(e, key)
		}
		delete(c.output, key)
	}
}

func (c *counter) takeTest(e event, key string) {
	n := c.perPackage[e.Package]
	name := e.Package[strings.LastIndexByte(e.Package, '/')+1:] + "." + e.Test
	switch {
	case e.Action == "pass":
		n[0]++
		c.record(true, name)
	case e.Action == "skip" && !c.skipFails:
		c.skipped++
		fmt.Fprintf(c.out, "skipped %s\n", name)
	default:
		n[1]++
		c.record(false, name)
		fmt.Fprintf(c.out, "NOT OK  %s (%s)\n%s", name, e.Action, c.output[key])
	}
	c.perPackage[e.Package] = n
}

// takePackage also counts a package that failed without a failing test: one
// that does not build, panics or runs out of time.
func (c *counter) takePackage(e event, key string) {
	n := c.perPackage[e.Package]
	if e.Action == "fail" && n[1] == 0 {
		n[1]++
		c.record(false, e.Package)
		fmt.Fprintf(c.out, "NOT OK  %s\n%s", e.Package, c.unfinished(e.Package, key))
	}
	if n[0]+n[1] > 0 {
		fmt.Fprintf(c.out, "%-7s %s: %d passed, %d failed, %.1f s\n", okText(n[1] == 0), e.Package, n[0], n[1], e.Elapsed)
	}
}

// unfinished is what the package printed, and its tests that never ended.
func (c *counter) unfinished(pkg, key string) string {
	var b strings.Builder
	for k, out := range c.output {
		if k != key && strings.HasPrefix(k, pkg+" ") {
			b.Write(out.Bytes())
		}
	}
	if own := c.output[key]; own != nil {
		b.Write(own.Bytes())
	}
	return b.String()
}

func (c *counter) record(passed bool, name string) {
	if passed {
		c.passed++
	} else {
		c.failed++
	}
	fmt.Fprintf(c.results, "%s %s\n", map[bool]string{true: "ok", false: "not ok"}[passed], name)
}

func (c *counter) summary() string {
	return fmt.Sprintf("go test: %d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

func okText(ok bool) string {
	if ok {
		return "ok"
	}
	return "NOT OK"
}
