// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

// maxBytes is far above any file that a person writes.
const maxBytes = 1 << 20

// Folder gives the user's folder of an XDG variable (XDG Base Directory
// Specification 0.8): its value where it is an absolute path, as anything else
// must be ignored, else inHome below HOME, joined with "purple-onion". It is
// empty where HOME is needed and not absolute either.
func Folder(getenv func(string) string, variable, inHome string) string {
	if dir := getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "purple-onion")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, inHome, "purple-onion")
	}
	return ""
}

// File is the path of config.toml in this environment; empty where there is
// no home directory to look in.
func File(getenv func(string) string) string {
	dir := Folder(getenv, "XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "config.toml")
}

// Load reads config.toml and the administrator's policy.toml, and gives the
// stricter of both. A missing file, and an empty path, give the defaults;
// anything else that is wrong is an error with file and, where it has one,
// line, and then the returned configuration must not be used.
func Load(files Files) (Config, error) {
	c, err := loadUser(files.User)
	if err != nil {
		return Config{}, err
	}
	p, _, err := LoadPolicy(files)
	if err != nil {
		return Config{}, err
	}
	return p.over(c), nil
}

func loadUser(path string) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	data, err := read(path, 0, trusted)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("cannot read configuration %s: %w", path, err)
	}
	f, err := parse(data)
	if err != nil {
		return Config{}, placed("configuration", path, err)
	}
	return f.config(), nil
}

// placed says what of which file is wrong, and where it has a line on which.
func placed(what, path string, err error) error {
	var at *lineError
	if errors.As(err, &at) {
		return fmt.Errorf("cannot read %s %s:%d: %s", what, path, at.line, at.msg)
	}
	return fmt.Errorf("cannot read %s %s: %w", what, path, err)
}

// read looks at what it opened, not at the name; it does not wait for a FIFO.
func read(path string, flag int, trusted func(fs.FileInfo) error) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock|flag, 0)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := trusted(info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = errors.New("it is larger than 1 MiB")
	}
	return data, err
}

func trusted(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case !ownOrRoots(info):
		return errors.New("it belongs to another user")
	case worldWritable(info):
		return errors.New("anybody may write to it; run: chmod go-w FILE")
	}
	return nil
}

func (f file) config() Config {
	c := Default()
	if f.NewAccounts.what != policy.NewAccountsNotAsked {
		c.NewAccounts = f.NewAccounts.what
	}
	if f.Floor.level != policy.LevelUnknown {
		c.Floor = f.Floor.level
	}
	c.RequireProvenIsolation = f.RequireProvenIsolation
	c.RequireVerified, c.DropPlaintext, c.NotifyNames = f.RequireVerified, f.DropPlaintext, f.NotifyNames
	c.TorBrowser, c.Autologin = f.TorBrowser.text != "never", f.Autologin
	if f.SignonDelayMax != nil {
		c.SignonDelayMax = f.SignonDelayMax.length
	}
	c.SRVResolver = f.SRVResolver.text
	if f.Tor.Mode.text != "" {
		c.Tor.Mode = f.Tor.Mode.text
	}
	c.Tor.Socks, c.Tor.Control, c.Tor.Program = f.Tor.Socks.text, f.Tor.Control.text, f.Tor.Program.text
	if f.Tor.ControlPassword != "" {
		c.Tor.ControlPassword = redact.New(f.Tor.ControlPassword)
	}
	for _, line := range f.Tor.Torrc {
		c.Tor.Torrc = append(c.Tor.Torrc, line.text)
	}
	for domain, onion := range f.Onions {
		c.Onions[domain] = onion.text
	}
	for name, a := range f.Accounts {
		account := Account{OnionOnly: a.OnionOnly, CAFile: a.CAFile.text, CertificatePin: a.CertificatePin.text,
			Autologin: a.Autologin, Resource: a.Resource.text, RequireVerified: a.RequireVerified}
		for _, buddy := range a.OTRv2 {
			account.OTRv2 = append(account.OTRv2, buddy.text)
		}
		c.Accounts[name] = account
	}
	return c
}
