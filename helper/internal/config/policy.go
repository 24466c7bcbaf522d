// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// PolicyPath is the administrator's file. No variable of the environment
// moves it: whoever could would be rid of it.
const PolicyPath = "/etc/purple-onion/policy.toml"

// Files is where the configuration stands.
type Files struct {
	User        string // config.toml; empty: there is none
	Policy      string // policy.toml; empty: there is none
	PolicyOwner int    // the user whose policy.toml, and folder, must be: root
}

// System is where the configuration stands on this computer.
func System(getenv func(string) string) Files {
	return Files{User: File(getenv), Policy: PolicyPath}
}

// Policy is policy.toml. What it does not say is at its weakest.
type Policy struct {
	NewAccounts            policy.NewAccounts
	Floor                  policy.Level
	RequireProvenIsolation bool
	RequireVerified        bool
	DropPlaintext          bool
}

// policyFile is policy.toml as it is written: the keys of config.toml of which
// it can be told which value is the stricter one.
type policyFile struct {
	NewAccounts            newAccounts `toml:"new_accounts"`
	Floor                  level       `toml:"floor"`
	RequireProvenIsolation bool        `toml:"require_proven_isolation"`
	RequireVerified        bool        `toml:"require_verified"`
	DropPlaintext          bool        `toml:"drop_plaintext"`
}

// PolicyKeys are the keys that policy.toml may have.
func PolicyKeys() []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[policyFile]()) {
		keys = append(keys, f.Tag.Get("toml"))
	}
	return keys
}

// String is one line for a person: what the policy wants.
func (p Policy) String() string {
	text := "floor " + p.Floor.String() + ", new accounts " + p.NewAccounts.String()
	for _, b := range []struct {
		name string
		on   bool
	}{
		{"require_proven_isolation", p.RequireProvenIsolation}, {"require_verified", p.RequireVerified}, {"drop_plaintext", p.DropPlaintext},
	} {
		if b.on {
			text += ", " + b.name
		}
	}
	return text
}

// over makes a configuration as strict as the policy; where it is stricter
// already it stays.
func (p Policy) over(c Config) Config {
	c.NewAccounts = max(c.NewAccounts, p.NewAccounts)
	c.Floor = max(c.Floor, p.Floor)
	c.RequireProvenIsolation = c.RequireProvenIsolation || p.RequireProvenIsolation
	c.RequireVerified = c.RequireVerified || p.RequireVerified
	c.DropPlaintext = c.DropPlaintext || p.DropPlaintext
	return c
}

// LoadPolicy reads policy.toml alone. Without one found is false, and the
// policy wants nothing. File and folder have to be the owner's, and nobody
// else's to write; a symbolic link is refused.
func LoadPolicy(files Files) (p Policy, found bool, err error) {
	p = Policy{NewAccounts: policy.NewAccountsNone, Floor: policy.LevelNone}
	if files.Policy == "" {
		return p, false, nil
	}
	data, err := readPolicy(files)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	var f policyFile
	if err == nil {
		err = decode(data, &f)
	}
	if err != nil {
		return Policy{}, true, placed("the administrator's policy", files.Policy, err)
	}
	p.NewAccounts = max(p.NewAccounts, f.NewAccounts.what)
	p.Floor = max(p.Floor, f.Floor.level)
	p.RequireProvenIsolation, p.RequireVerified, p.DropPlaintext = f.RequireProvenIsolation, f.RequireVerified, f.DropPlaintext
	return p, true, nil
}

func readPolicy(files Files) ([]byte, error) {
	dir := filepath.Dir(files.Policy)
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a folder", dir)
	case !ownedBy(info, files.PolicyOwner):
		return nil, fmt.Errorf("%s does not belong to root", dir)
	case othersWrite(info):
		return nil, fmt.Errorf("others than root may write to %s; run: chmod go-w %s", dir, dir)
	}
	if info, err := os.Lstat(files.Policy); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, errors.New("it is a symbolic link")
	}
	return read(files.Policy, openNoFollow, func(info fs.FileInfo) error {
		switch {
		case !info.Mode().IsRegular():
			return errors.New("it is not a regular file")
		case !ownedBy(info, files.PolicyOwner):
			return errors.New("it does not belong to root")
		case othersWrite(info):
			return errors.New("others than root may write to it; run: chmod go-w FILE")
		}
		return nil
	})
}
