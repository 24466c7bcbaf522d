// SPDX-License-Identifier: GPL-3.0-or-later

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// module and the folder that our packages lie in; a package is named by the
// rest ("gate", "cmd/purple-onion").
const module = "purpleonion.org/purple-onion/"

// position is where something stands in a file.
type position = token.Position

// file is one parsed Go file that is not a _test.go. ForTests is one of a
// package that only tests use (NAMEtest).
type file struct {
	pkg, name string
	forTests  bool
	syntax    *ast.File
	fset      *token.FileSet
}

// load parses every Go file below helper/, whatever its build tags. Tests and
// testdata are left out.
func load(tree fs.FS) ([]file, error) {
	var files []file
	fset := token.NewFileSet()
	err := fs.WalkDir(tree, "helper", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("cannot parse: %w", err)
		}
		pkg := short(path.Dir(name))
		files = append(files, file{pkg, name, strings.HasSuffix(pkg, "test") && pkg != "archtest", syntax, fset})
		return nil
	})
	return files, err
}

func short(dir string) string {
	return strings.TrimPrefix(strings.TrimPrefix(dir, "helper/"), "internal/")
}

// imports maps the name by which a file calls each import to its path.
func (f file) imports() map[string]string {
	m := map[string]string{}
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // parsed, so it cannot be
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		m[name] = p
	}
	return m
}

// uses calls found with each "import/path.Name" that the file names.
func (f file) uses(found func(what string, at position)) {
	imports := f.imports()
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && imports[x.Name] != "" {
				found(imports[x.Name]+"."+n.Sel.Name, f.fset.Position(n.Pos()))
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
				found("builtin."+id.Name, f.fset.Position(n.Pos()))
			}
		}
		return true
	})
}
