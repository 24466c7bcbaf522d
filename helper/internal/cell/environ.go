// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"slices"
	"strconv"
	"strings"
)

// scrubbed are the variables that name something outside: sockets, agents,
// displays (the one that is let in is set anew), control of Tor, and where the
// person sits.
var scrubbed = []string{
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_ASKPASS", "GPG_AGENT_INFO", "GPG_TTY",
	"DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "XAUTHORITY", "XDG_RUNTIME_DIR", "SESSION_MANAGER", "AT_SPI_BUS_ADDRESS", "ICEAUTHORITY",
	"GNOME_DESKTOP_SESSION_ID", "GNOME_KEYRING_CONTROL", "GNOME_KEYRING_PID", "KDE_SESSION_UID",
	"JOURNAL_STREAM", "INVOCATION_ID", "NOTIFY_SOCKET", "MANAGERPID", "SYSTEMD_EXEC_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID",
	"CREDENTIALS_DIRECTORY", "DESKTOP_STARTUP_ID", "XDG_ACTIVATION_TOKEN", "XAUTHLOCALHOSTNAME", "SWAYSOCK", "I3SOCK", "KRB5CCNAME",
	"TMUX", "TMUX_PANE", "STY", "HOSTNAME", "HOST", "OLDPWD", "PWD", "TMPDIR", "TEMP", "TMP",
	"TOR_SOCKS_HOST", "TOR_SOCKS_PORT", "TOR_SOCKS_IPC_PATH",
	"RESOLV_HOST_CONF", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "NSS_WRAPPER_HOSTS", "MALLOC_TRACE",
}

// scrubbedPrefixes are families of them.
var scrubbedPrefixes = []string{
	"SOCKS_", "SOCKS4_", "SOCKS5_", "DBUS_", "PULSE_", "PIPEWIRE_", "JACK_", "TOR_CONTROL_", "DOCKER_", "CONTAINER_", "LIBVIRT_", "VSCODE_", "KUBE",
	"XDG_SESSION_", "XDG_SEAT", "IBUS_", "FCITX_", "PURPLE_ONION_",
}

// leads says whether a variable names something outside the cell.
func leads(name string) bool {
	if slices.Contains(scrubbed, name) || strings.Contains(strings.ToLower(name), "proxy") {
		return true
	}
	return slices.ContainsFunc(scrubbedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// homeFolders move a program's files out of its home: they go with an empty one.
var homeFolders = []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "PURPLEHOME"}

// lookup is the last value of a variable, as a shell would see it.
func lookup(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// environ is the program's environment: the caller's without what leads out,
// and what the plan sets.
func (c Config) environ(set map[string]string) []string {
	var env []string
	for _, v := range c.Env {
		name, _, ok := strings.Cut(v, "=")
		if !ok || leads(name) || c.EmptyHome && slices.Contains(homeFolders, name) || c.UserDir != "" && name == "PURPLEHOME" {
			continue
		}
		if _, replaced := set[name]; !replaced {
			env = append(env, v)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// cellVariables tell the plugin inside where Tor is, and that it is in a cell.
func (c Config) cellVariables() map[string]string {
	set := map[string]string{
		"PURPLE_ONION_CELL": "1",
		"TOR_SOCKS_HOST":    "127.0.0.1",
		"TOR_SOCKS_PORT":    strconv.Itoa(int(c.TorPort)),
	}
	if c.Control != nil {
		set["TOR_CONTROL_HOST"] = "127.0.0.1"
		set["TOR_CONTROL_PORT"] = strconv.Itoa(int(c.ControlPort))
	}
	return set
}
