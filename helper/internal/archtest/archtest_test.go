// SPDX-License-Identifier: GPL-3.0-or-later

package archtest

import (
	"go/ast"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

func sources(t *testing.T) []file {
	t.Helper()
	files, err := load(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}

func report(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestImports(t *testing.T) {
	allowed, err := parseAllow(allowText)
	if err != nil {
		t.Fatal(err)
	}
	report(t, importErrors(sources(t), allowed))
}

func TestBans(t *testing.T)       { report(t, breaches(sources(t))) }
func TestGoroutines(t *testing.T) { report(t, strayGoroutines(sources(t))) }

func TestEachPackageHasDoc(t *testing.T) {
	documented, seen := map[string]bool{}, map[string]bool{}
	for _, f := range sources(t) {
		seen[f.pkg] = true
		own := "/" + path.Base(f.pkg) + ".go" // enough for a package of one file
		if f.syntax.Doc != nil && (strings.HasSuffix(f.name, "/doc.go") || strings.HasSuffix(f.name, own)) {
			documented[f.pkg] = true
		}
	}
	for pkg := range seen {
		if !documented[pkg] {
			t.Errorf("%s has no doc.go with a package comment", pkg)
		}
	}
}

// TestRulesBite gives each rule a source that breaks it, and one that is fine.
func TestRulesBite(t *testing.T) {
	cases := []struct{ name, path, source, want string }{
		{"import not allowed", "helper/internal/gate/a.go", `package gate; import _ "purpleonion.org/purple-onion/helper/internal/audit"`, "gate may not import audit"},
		{"clock in policy", "helper/internal/policy/a.go", `package policy; import "time"; var x = time.Now()`, "time.Now"},
		{"file in redact", "helper/internal/redact/a.go", `package redact; import _ "os"`, "redact may not use os"},
		{"net in audit", "helper/internal/audit/a.go", `package audit; import _ "net"`, "audit may not use net"},
		{"netip is text", "helper/internal/audit/a.go", `package audit; import _ "net/netip"`, ""},
		{"dial in gate", "helper/internal/gate/a.go", `package gate; import "net"; var d net.Dialer`, "net.Dialer"},
		{"dial under another name", "helper/internal/gate/a.go", `package gate; import n "net"; var d = n.DialTimeout`, "net.DialTimeout"},
		{"dial in tor", "helper/internal/tor/a.go", `package tor; import "net"; var d net.Dialer`, ""},
		{"look-up in tor", "helper/internal/tor/a.go", `package tor; import "net"; var d = net.LookupHost`, "net.LookupHost"},
		{"exit", "helper/internal/engine/a.go", `package engine; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		{"log", "helper/internal/engine/a.go", `package engine; import _ "log"`, "may not use log"},
		{"print", "helper/cmd/libpurple-onion/a.go", `package main; func f() { println() }`, "builtin.println"},
		{"environment", "helper/cmd/purple-onion/a.go", `package main; import "os"; var e = os.Setenv`, "os.Setenv"},
		{"C", "helper/internal/tor/a.go", `package tor; import "C"`, "may not use C"},
		{"C for tests", "helper/internal/tor/tortest/a.go", `package tortest; import "C"`, "may not use C"},
		{"C for OTR's tests", "helper/internal/otr/libotrtest/a.go", `package libotrtest; import "C"`, ""},
		{"for tests alone", "helper/internal/otr/a.go", `package otr; import _ "purpleonion.org/purple-onion/helper/internal/otr/libotrtest"`, "may not import"},
		{"on another system", "helper/internal/gate/a_windows.go", "//go:build windows\n\npackage gate; import \"os/exec\"; var c exec.Cmd", "os/exec.Cmd"},
		{"second go", "helper/internal/gate/a.go", `package gate; func f() { go func() { defer func() { recover() }() }(); go func() { defer func() { recover() }() }() }`, "2 go statements"},
		{"go without recover", "helper/internal/gate/a.go", `package gate; func f() { go f() }`, "defers no recover"},
		{"deferred, but no recover", "helper/internal/gate/a.go", `package gate; func f() { go func() { defer f(); f() }() }`, "defers no recover"},
		{"one go", "helper/internal/gate/a.go", `package gate; func f() { go func() { defer func() { recover() }(); f() }() }`, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			files, err := load(fstest.MapFS{tc.path: {Data: []byte(tc.source)}})
			if err != nil {
				t.Fatal(err)
			}
			wrong := strings.Join(append(append(importErrors(files, nil), breaches(files)...), strayGoroutines(files)...), "\n")
			if tc.want == "" && wrong != "" || !strings.Contains(wrong, tc.want) {
				t.Errorf("want %q, got %q", tc.want, wrong)
			}
		})
	}
}

func TestUnusedPermissionFails(t *testing.T) {
	files := []file{{pkg: "gate", name: "a.go", syntax: &ast.File{}}}
	if got := importErrors(files, map[edge]string{{"gate", "policy"}: "x"}); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if _, err := parseAllow("gate policy"); err == nil {
		t.Error("a permission without a reason was taken")
	}
}
