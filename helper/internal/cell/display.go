// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// needX11 are programs that speak X11 alone (GTK 2).
var needX11 = []string{"pidgin"}

// bind is one path of the outside that is seen inside.
type bind struct{ From, To string }

// shown is what of the display, sound and bus is let in.
type shown struct {
	binds   []bind
	set     map[string]string
	cookies []byte // of the X authority file
	say     []string
}

func isSocket(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&os.ModeSocket != 0
}

// showDisplay picks the display's socket.
func (c Config) showDisplay(runtimeDir string) (shown, error) {
	wayland, waylandErr := c.wayland(runtimeDir)
	x11, x11Err := c.x11(runtimeDir)
	switch c.Display {
	case DisplayX11:
		return x11, x11Err
	case DisplayWayland:
		return wayland, waylandErr
	case DisplayAuto:
		if waylandErr == nil && !slices.Contains(needX11, filepath.Base(c.Program[0])) {
			return wayland, nil
		}
		if x11Err == nil {
			return x11, nil
		}
	case DisplayNone:
	}
	return shown{say: []string{"display  none"}}, nil
}

func (c Config) wayland(runtimeDir string) (shown, error) {
	name := lookup(c.Env, "WAYLAND_DISPLAY")
	if name == "" {
		return shown{}, errors.New("cannot give the Wayland display: WAYLAND_DISPLAY is not set")
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(lookup(c.Env, "XDG_RUNTIME_DIR"), name)
	}
	if !filepath.IsAbs(name) || !isSocket(name) {
		return shown{}, fmt.Errorf("cannot give the Wayland display: %s is no socket", name)
	}
	return shown{
		binds: []bind{{name, filepath.Join(runtimeDir, "wayland-0")}},
		set:   map[string]string{"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"},
		say:   []string{"display  Wayland, " + name + ": what the compositor lets its clients do"},
	}, nil
}

// local is a display of this computer; one over TCP cannot be reached from a cell.
var local = regexp.MustCompile(`^(?:unix)?:([0-9]{1,5})(?:\.[0-9]+)?$`)

func (c Config) x11(runtimeDir string) (shown, error) {
	text := lookup(c.Env, "DISPLAY")
	m := local.FindStringSubmatch(text)
	switch {
	case text == "":
		return shown{}, errors.New("cannot give the X11 display: DISPLAY is not set")
	case m == nil:
		return shown{}, fmt.Errorf("cannot give the X11 display %q: not of this computer", text)
	}
	path := "/tmp/.X11-unix/X" + m[1]
	if !isSocket(path) {
		return shown{}, fmt.Errorf("cannot give the X11 display %s: %s is no socket", text, path)
	}
	s := shown{
		binds: []bind{{path, path}},
		// SysV shared memory is not shared with the X server; Qt does not notice by itself.
		set: map[string]string{"DISPLAY": ":" + m[1], "QT_X11_NO_MITSHM": "1", "XDG_SESSION_TYPE": "x11"},
		say: []string{"display  X11, " + text + ": any X11 program can read what is typed and shown in all windows of it, and type into them"},
	}
	file := lookup(c.Env, "XAUTHORITY")
	if file == "" {
		file = filepath.Join(lookup(c.Env, "HOME"), ".Xauthority")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return s, nil // a server that asks for none
	}
	if s.cookies, err = cookiesFor(data, m[1]); err != nil {
		return shown{}, fmt.Errorf("cannot give the X11 display: %w", err)
	}
	s.set["XAUTHORITY"] = filepath.Join(runtimeDir, "Xauthority")
	return s, nil
}

// showSound lets the sound servers' sockets in.
func (c Config) showSound(runtimeDir string) shown {
	if !c.Sound {
		return shown{}
	}
	s := shown{set: map[string]string{}}
	outside := lookup(c.Env, "XDG_RUNTIME_DIR")
	pulse := filepath.Join(outside, "pulse/native")
	if server, ok := strings.CutPrefix(lookup(c.Env, "PULSE_SERVER"), "unix:"); ok {
		pulse = server
	}
	if filepath.IsAbs(pulse) && isSocket(pulse) {
		inside := filepath.Join(runtimeDir, "pulse/native")
		s.binds = append(s.binds, bind{pulse, inside})
		s.set["PULSE_SERVER"] = "unix:" + inside
	}
	if pipewire := filepath.Join(outside, "pipewire-0"); filepath.IsAbs(pipewire) && isSocket(pipewire) {
		s.binds = append(s.binds, bind{pipewire, filepath.Join(runtimeDir, "pipewire-0")})
	}
	if len(s.binds) == 0 {
		s.say = []string{"sound    none: no sound server's socket was found"}
		return s
	}
	for _, b := range s.binds {
		s.say = append(s.say, "sound    "+b.From+": a sound server can be told to record, and to send sound over the network")
	}
	return s
}
