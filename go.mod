module purpleonion.org/purple-onion

go 1.24

require (
	filippo.io/bigmod v0.1.0
	github.com/coyim/constbn v0.0.0-20251201142907-b19b950d1e1c
	github.com/coyim/otr3 v0.0.0-20251201172118-4568b9acbc7c
	github.com/cretz/bine v0.2.0
	github.com/godbus/dbus/v5 v5.2.4
	github.com/google/renameio/v2 v2.0.0
	github.com/pelletier/go-toml/v2 v2.4.0
	github.com/rogpeppe/go-internal v1.14.1
	github.com/spf13/cobra v1.10.2
	golang.org/x/net v0.43.0
	golang.org/x/sys v0.35.0
)

require (
	github.com/awnumar/memcall v0.5.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	golang.org/x/crypto v0.41.0 // indirect
	golang.org/x/tools v0.34.0 // indirect
)

replace github.com/coyim/constbn => ./helper/constbn
