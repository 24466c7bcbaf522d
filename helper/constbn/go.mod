module github.com/coyim/constbn

go 1.24

require filippo.io/bigmod v0.1.0

require golang.org/x/sys v0.35.0 // indirect
