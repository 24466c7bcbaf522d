// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// plan is what build and init need to know. It goes in as JSON, and holds
// nothing that the program may not know.
type plan struct {
	Ports      []uint16 // of 127.0.0.1, listened on inside
	RuntimeDir string
	User       string // a name, where no file has one
	Home       string
	EmptyHome  bool
	UserDir    string // empty: as in the home
	Binds      []bind
	GPU        bool
	Cookies    []byte
	HideDirs   []string
	MakesDir   bool // ~/.purple, to put UserDir on

	Program []string
	Dir     string
	Env     []string
	Bus     Bus
}

// plan looks at the outside. say are the lines for the person.
func (c Config) plan() (p plan, say []string, err error) {
	home := lookup(c.Env, "HOME")
	if !filepath.IsAbs(home) || filepath.Clean(home) == "/" {
		return p, nil, fmt.Errorf("cannot use HOME %q: not the path of a folder", home)
	}
	p = plan{
		Ports: []uint16{c.TorPort}, RuntimeDir: "/run/user/" + strconv.Itoa(os.Geteuid()),
		User: userName(lookup(c.Env, "USER")), Home: filepath.Clean(home), EmptyHome: c.EmptyHome, Program: c.Program, Dir: c.Dir, Bus: c.Bus, HideDirs: c.Hide,
	}
	say = []string{fmt.Sprintf("Tor      at %s: inside at 127.0.0.1:%d", c.TorName, c.TorPort)}
	if c.Control != nil {
		p.Ports = append(p.Ports, c.ControlPort)
		say = append(say, fmt.Sprintf("control  at 127.0.0.1:%d: Tor's state and this cell's own streams", c.ControlPort))
	}
	if st, err := os.Stat(home); !c.EmptyHome && (err != nil || !st.IsDir()) {
		return p, nil, fmt.Errorf("cannot share the home: %s is no folder", home)
	}
	if c.UserDir != "" {
		if p.UserDir, err = userDir(c.UserDir); err != nil {
			return p, nil, err
		}
		_, none := os.Lstat(p.purple())
		p.MakesDir = !c.EmptyHome && errors.Is(none, os.ErrNotExist)
	}
	display, err := c.showDisplay(p.RuntimeDir)
	if err != nil {
		return p, nil, err
	}
	sound := c.showSound(p.RuntimeDir)
	bus, busSay, err := c.bus(&p)
	if err != nil {
		return p, nil, err
	}
	set := c.cellVariables()
	for _, s := range []shown{display, sound, bus} {
		p.Binds = append(p.Binds, s.binds...)
		maps.Copy(set, s.set)
	}
	set["HOME"], set["XDG_RUNTIME_DIR"] = p.Home, p.RuntimeDir
	p.Cookies, p.GPU = display.cookies, len(display.binds) > 0
	p.Env = c.environ(set)
	say = append(append(append(say, display.say...), busSay...), sound.say...)
	return p, append(say, p.sayFiles()...), nil
}

// purple is libpurple's user directory.
func (p plan) purple() string { return filepath.Join(p.Home, ".purple") }

// userName takes what may stand in /etc/passwd.
func userName(name string) string {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return "user"
	}
	return name
}

// userDir is the absolute path of a folder that exists: a new one would be an
// empty identity by a typing mistake.
func userDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot use the user directory %s: %w", dir, err)
	}
	st, err := os.Stat(abs)
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot use the user directory: %w", err)
	case !st.IsDir():
		return "", fmt.Errorf("cannot use the user directory %s: not a folder", dir)
	}
	return abs, nil
}

// privateDirs are fresh inside: what is bound to a socket there is out of reach.
var privateDirs = []string{"/run", "/tmp", "/var/run", "/dev", "/proc", "/sys"}

func private(path string) bool {
	for _, dir := range privateDirs {
		if below(path, dir) {
			return true
		}
	}
	return false
}

// ownDirs are where the cell's own file systems are: a socket there was made
// inside.
func (p plan) ownDirs() []string {
	list := []string{"/run", "/tmp", "/dev/shm"}
	if p.EmptyHome {
		list = append(list, p.Home)
	}
	return list
}

// sayFiles tells which files stay.
func (p plan) sayFiles() []string {
	say := []string{"home     " + p.Home + ", readable and writable: a program in the cell can leave others to be run outside"}
	if p.EmptyHome {
		say[0] = "home     empty, gone afterwards"
	}
	if p.UserDir != "" {
		say = append(say, "~/.purple is "+p.UserDir)
	}
	say = append(say, "files    the rest of the file system, as your user; fresh: /run, /tmp, /dev")
	if os.Geteuid() == 0 {
		say = append(say, "files    your user is root: a program in the cell can change what others run")
	}
	if _, err := os.Stat("/dev/dri"); err == nil && p.GPU {
		say = append(say, "device   the graphics card")
	}
	table, _ := os.ReadFile("/proc/self/mountinfo")
	for _, m := range mounts(string(table)) {
		if m.remote() && !private(m.point) {
			say = append(say, fmt.Sprintf("files    %s lies on the network (%s): the system fetches it, not by Tor", m.point, m.kind))
		}
	}
	return say
}

// bus plans the session bus. Without one that was wanted expressly, there is none.
func (c Config) bus(p *plan) (s shown, say []string, err error) {
	address := "unix:path=" + filepath.Join(p.RuntimeDir, "bus")
	name := map[Bus]string{BusPrivate: "dbus-daemon", BusFiltered: "xdg-dbus-proxy"}[c.Bus]
	if name != "" {
		if _, err = lookPath(name, "", lookup(c.Env, "PATH")); err != nil && c.BusWanted {
			return s, nil, fmt.Errorf("cannot give a %s session bus: %s is not installed", c.Bus, name)
		} else if err != nil {
			p.Bus = BusNone
			say = []string{fmt.Sprintf("bus      none: %s is not installed", name)}
		}
	}
	switch p.Bus {
	case BusPrivate:
		say = []string{"bus      a private one"}
	case BusFiltered:
		if lookup(c.Env, "DBUS_SESSION_BUS_ADDRESS") == "" {
			return s, nil, errors.New("cannot give a filtered session bus: DBUS_SESSION_BUS_ADDRESS is not set")
		}
		say = []string{"bus      the session's, for " + strings.Join(busNames, " and ") + " alone; a link in a notification opens outside"}
	default:
		address = "disabled:"
		if say == nil {
			say = []string{"bus      none"}
		}
	}
	return shown{set: map[string]string{"DBUS_SESSION_BUS_ADDRESS": address}}, say, nil
}

// busNames are what xdg-dbus-proxy lets through.
var busNames = []string{"org.purpleonion.Helper1", "org.freedesktop.Notifications"}

// lookPath is exec.LookPath for another folder and PATH.
func lookPath(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, runnable(name)
	}
	problem := error(os.ErrNotExist)
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		full := filepath.Join(d, name)
		err := runnable(full)
		if err == nil {
			return full, nil
		}
		if _, missing := os.Stat(full); missing == nil {
			problem = err
		}
	}
	return "", problem
}

func runnable(path string) error {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir() || st.Mode()&0o111 == 0:
		return os.ErrPermission
	}
	return nil
}
