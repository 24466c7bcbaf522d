module purpleonion.org/purple-onion/helper/constbn/oracletest

go 1.24

require (
	github.com/coyim/constbn v0.0.0-20251201142907-b19b950d1e1c
	purpleonion.org/constbn v0.0.0
)

require (
	filippo.io/bigmod v0.1.0 // indirect
	golang.org/x/sys v0.35.0 // indirect
)

// Ours, which has the original's name: Go lets a folder replace any path.
replace purpleonion.org/constbn => ../
