// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// callers finds out who is in a sandbox: who cannot be told is. Unique names
// are never used again on one bus, so that an answer stays right.
type callers struct {
	proc string // "/proc"
	// unnumbered: of a cell's own bus, to which `purple-onion run` connects in
	// everybody's place. It is in no process namespace of the cell's, so that
	// nobody there has a number; and all who are there are of the cell.
	unnumbered  bool
	credentials func(sender string) (map[string]dbus.Variant, error)

	mu    sync.Mutex
	known map[string]bool
}

const maxCallers = 256 // remembered

// onBus forgets the names of another bus: this one gives them out anew.
func (c *callers) onBus(proc string, credentials func(string) (map[string]dbus.Variant, error), unnumbered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proc, c.credentials, c.unnumbered, c.known = proc, credentials, unnumbered, nil
}

func (c *callers) sandboxed(sender string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in, ok := c.known[sender]; ok {
		return in
	}
	creds, err := c.credentials(sender)
	in := err != nil || confined(creds, c.proc, c.unnumbered)
	if len(c.known) >= maxCallers || c.known == nil {
		c.known = map[string]bool{}
	}
	if err == nil {
		c.known[sender] = in
	}
	return in
}

// numberless says whether a bus knows no process of a connection.
func numberless(creds map[string]dbus.Variant, err error) bool {
	pid, ok := creds["ProcessID"].Value().(uint32)
	return err == nil && ok && pid == 0
}

// askBus is GetConnectionCredentials of the D-Bus specification.
func askBus(conn *dbus.Conn) func(string) (map[string]dbus.Variant, error) {
	return func(sender string) (map[string]dbus.Variant, error) {
		ctx, cancel := context.WithTimeout(conn.Context(), 2*time.Second)
		defer cancel()
		var creds map[string]dbus.Variant
		err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionCredentials", dbus.FlagNoAutoStart, sender).Store(&creds)
		return creds, err
	}
}

// confined judges a caller by its AppArmor label, and its process by the marks
// of Flatpak and snap. Flatpak's own proxy, which is what is connected, has
// them too.
func confined(creds map[string]dbus.Variant, proc string, unnumbered bool) bool {
	uid, ok := creds["UnixUserID"].Value().(uint32)
	if !ok || int64(uid) != int64(os.Geteuid()) {
		return true
	}
	if label, ok := creds["LinuxSecurityLabel"].Value().([]byte); ok && labelled(string(label)) {
		return true
	}
	pid, ok := creds["ProcessID"].Value().(uint32)
	if !ok || pid == 0 {
		return !ok || !unnumbered
	}
	dir := filepath.Join(proc, strconv.FormatUint(uint64(pid), 10))
	if _, err := os.Lstat(filepath.Join(dir, "root/.flatpak-info")); !errors.Is(err, fs.ErrNotExist) {
		return true // it is there, or its root may not be looked into
	}
	// Read last: where the process has ended there is no such file either.
	groups, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	return err != nil || strings.Contains(string(groups), "/snap.")
}

// labelled reads a label of AppArmor, "NAME (MODE)" or "unconfined"
// (SO_PEERSEC); SELinux' has another form, and is not one of a sandbox.
func labelled(label string) bool {
	label = strings.TrimRight(label, "\x00\n")
	switch {
	case strings.HasPrefix(label, "snap."):
		return true
	case !strings.HasSuffix(label, ")"):
		return false
	}
	return !strings.HasSuffix(label, " (unconfined)")
}
