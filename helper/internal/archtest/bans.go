// SPDX-License-Identifier: GPL-3.0-or-later

package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"sort"
	"strings"
)

// ban keeps something out of packages. What is an import path, or
// path.Name for one name of it; both may be patterns (package path). In and
// Except name packages; an empty In means all.
// TestsToo binds packages that only tests use as well.
type ban struct {
	what, in, except []string
	testsToo         bool
	reason           string
}

var bans = []ban{
	{what: []string{"os", "os/*", "io/fs", "path/filepath", "syscall", "net", "net/*", "log", "log/*", "time.Now", "time.Since", "time.Until", "time.After*", "time.New*", "time.Sleep", "time.Tick", "math/rand*", "math/rand/*"},
		in:     []string{"policy", "redact"},
		reason: "pure: the same facts always give the same decision"},
	{what: []string{"net", "net/http", "net/*/*", "crypto/tls", "golang.org/x/net/*"},
		in:     []string{"audit", "profile", "engine", "otr", "config", "userfile", "policy", "redact"},
		reason: "reads and decides; the network is tor's and gate's (I2)"},
	{what: []string{"net.Dial*", "net.FileConn", "crypto/tls.Dial*", "net/http", "golang.org/x/net/proxy", "golang.org/x/net/*socks*"}, except: []string{"tor", "busapi"},
		reason: "only tor dials (I2); busapi the unix socket of the session bus, and nothing else"},
	{what: []string{"github.com/godbus/dbus/v5.Dial*", "github.com/godbus/dbus/v5.Connect*", "github.com/godbus/dbus/v5.Session*", "github.com/godbus/dbus/v5.System*"},
		reason: "would start a bus, or connect over tcp"},
	{what: []string{"net.Lookup*", "net.Resolve*", "net.DefaultResolver", "net.Resolver"},
		reason: "a name is asked over Tor or not at all (I2)"},
	{what: []string{"golang.org/x/net/proxy.SOCKS5"}, except: []string{},
		reason: "offers no-auth, so streams could share a circuit (I3)"},
	{what: []string{"os/exec.Cmd", "os/exec.Command*", "os.StartProcess", "syscall.ForkExec", "syscall.StartProcess"}, except: []string{"tor", "cell", "cmd/purple-onion"},
		reason: "only Tor and the cell are started"},
	{what: []string{"log", "os.Stdout", "os.Stderr", "fmt.Print*", "builtin.print*"}, except: []string{"cmd/purple-onion", "otr"},
		reason: "writing to a broken fd 1 or 2 from Go ends Pidgin, and may show a secret (I7); otr takes os.Stdout from otr3, which prints"},
	{what: []string{"os.Exit", "log.Fatal*", "log.Panic*", "syscall.Exit", "runtime.Goexit"}, except: []string{"cmd/purple-onion"},
		reason: "would end Pidgin"},
	{what: []string{"os.Setenv", "os.Unsetenv", "os.Clearenv", "syscall.Setenv", "syscall.Unsetenv", "syscall.Clearenv", "os.Chdir"},
		reason: "races with getenv in GTK; the folder is the whole process's"},
	{what: []string{"math/rand*", "math/rand/*"},
		reason: "credentials and names come from crypto/rand (I3)"},
	{what: []string{"C"}, except: []string{"cmd/libpurple-onion", "otr/libotrtest", "constbn/secrettest"}, testsToo: true,
		reason: "one place where C and Go meet; programs that tests need are others, for cgo cannot stand in a _test.go file"},
	{what: []string{"unsafe"}, except: []string{"cmd/libpurple-onion", "tor", "cell", "otr"},
		reason: "hostile input is read in memory-safe Go; otr/inside.go mends otr3 from without, and reads no input"},
}

// harmless are text and arithmetic under a banned pattern: they open no socket.
var harmless = []string{"net/netip", "net/url", "golang.org/x/net/html"}

func (b ban) binds(f file) bool {
	return (b.testsToo || !f.forTests) && (len(b.in) == 0 || slices.Contains(b.in, f.pkg)) && !slices.Contains(b.except, f.pkg)
}

func (b ban) matches(what string) bool {
	return slices.ContainsFunc(b.what, func(pattern string) bool {
		ok, _ := path.Match(pattern, what)
		return ok
	})
}

// breaches lists what the files use against bans.
func breaches(files []file) []string {
	var out []string
	for _, f := range files {
		check := func(what, at string) {
			for _, b := range bans {
				if b.binds(f) && b.matches(what) {
					out = append(out, fmt.Sprintf("%s: %s may not use %s: %s", at, f.pkg, what, b.reason))
				}
			}
		}
		for _, p := range f.imports() {
			if !slices.Contains(harmless, p) {
				check(p, f.name)
			}
		}
		f.uses(func(what string, at position) { check(what, at.String()) })
	}
	sort.Strings(out)
	return slices.Compact(out)
}

// strayGoroutines lists go statements beyond the one of each package, and
// those one whose function recovers from no panic: in Pidgin's process a
// panic in a goroutine would end Pidgin.
func strayGoroutines(files []file) []string {
	starters := map[string][]string{}
	var out []string
	for _, f := range files {
		if f.forTests {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if stmt, ok := n.(*ast.GoStmt); ok {
				at := f.fset.Position(stmt.Pos()).String()
				starters[f.pkg] = append(starters[f.pkg], at)
				if f.pkg != "cmd/purple-onion" && !startsGuarded(stmt) {
					out = append(out, at+": a go statement whose function defers no recover")
				}
			}
			return true
		})
	}
	for pkg, at := range starters {
		if len(at) > 1 {
			out = append(out, fmt.Sprintf("%s has %d go statements, one starter is enough: %s", pkg, len(at), strings.Join(at, ", ")))
		}
	}
	sort.Strings(out)
	return out
}

func startsGuarded(stmt *ast.GoStmt) bool {
	lit, ok := stmt.Call.Fun.(*ast.FuncLit)
	if !ok || len(lit.Body.List) == 0 {
		return false
	}
	first, ok := lit.Body.List[0].(*ast.DeferStmt)
	return ok && recovers(first)
}

// recovers says whether a deferred call's own function calls recover.
func recovers(stmt *ast.DeferStmt) bool {
	found := false
	ast.Inspect(stmt.Call.Fun, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			found = found || ok && id.Name == "recover"
		}
		return true
	})
	return found
}
