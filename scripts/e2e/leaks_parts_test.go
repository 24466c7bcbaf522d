// SPDX-License-Identifier: GPL-3.0-or-later

//go:build leaks

package e2e

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// The programs of the cell's cases; all are this one, by its arguments.
const (
	partOutside = "cell-outside" // PROGRAM ARGS...: everything outside, and the program beside it
	partInside  = "cell-inside"  // WHAT: the program, which tries one thing
	partService = "cell-service" // NAME: a service of the session bus
)

// part runs one, and does not come back.
func part(args []string) {
	var err error
	switch args[1] {
	case partOutside:
		err = outside(args[2:])
	case partInside:
		err = inside(args[2])
	case partService:
		err = service(args[2])
	default:
		return
	}
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		os.Exit(ended.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	elsewhere      = "10.77.0.5:9" // a host of the lab's that is not Tor's
	nameServer     = "10.77.0.53:53"
	activatable    = "org.example.Activated"
	portal         = "org.freedesktop.portal.Desktop"
	abstractSocket = "@purple-onion-leaks"
)

// tell is what everything outside does when it is spoken to.
func tell(to, text string) {
	conn, err := net.Dial("udp", to)
	if err == nil {
		_, err = io.WriteString(conn, text)
		_ = conn.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no packet:", err)
	}
}

// Path sockets of the outside, by where they are.
var (
	runtimeDir  = fmt.Sprintf("/run/user/%d", os.Getuid())
	outerBus    = runtimeDir + "/bus"
	inHome      = filepath.Join(os.Getenv("HOME"), "sockets")
	pathSockets = []string{runtimeDir + "/agent", "/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/resolve/io.systemd.Resolve", "/tmp/" + filepath.Base(os.Getenv("HOME")) + ".sock"}
	askLater    = filepath.Join(inHome, "ask") // made by who wants the socket that is made later
	laterSocket = filepath.Join(inHome, "later")
)

// outside is a computer with an empty /run of its own, where much listens.
func outside(words []string) error {
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	for _, dir := range []string{runtimeDir + "/systemd", "/run/docker", "/run/dbus", "/run/systemd/resolve", "/run/nscd", inHome} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, path := range append(pathSockets, abstractSocket, runtimeDir+"/systemd/private", filepath.Join(inHome, "plain"), filepath.Join(inHome, "first-name")) {
		if err := answer("unix", path, told); err != nil {
			return err
		}
	}
	defer os.Remove(pathSockets[len(pathSockets)-1])
	if err := answer("unix", "/run/nscd/socket", lookUp); err != nil {
		return err
	}
	// As ssh does with the socket of a master: bound by a name, known by another.
	if err := os.Rename(filepath.Join(inHome, "first-name"), filepath.Join(inHome, "renamed")); err != nil {
		return err
	}
	if err := relative(); err != nil {
		return err
	}
	if err := datagrams(filepath.Join(inHome, "datagrams")); err != nil {
		return err
	}
	go func() {
		for ; ; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(askLater); err == nil {
				_ = answer("unix", laterSocket, told)
				return
			}
		}
	}()
	bus, err := session()
	if err != nil {
		return err
	}
	defer func() { _ = bus.Process.Kill(); _ = bus.Wait() }()
	left, err := descriptor()
	if err != nil {
		return err
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{left, left, left, left, left, left}
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtimeDir, "DBUS_SESSION_BUS_ADDRESS=unix:path="+outerBus, "http_proxy=http://"+elsewhere, "ALL_PROXY=socks5://"+elsewhere)
	return cmd.Run()
}

// answer listens, and handles what is said.
func answer(network, address string, handle func([]byte)) error {
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			said := make([]byte, 4096)
			if n, _ := conn.Read(said); n > 0 {
				handle(said[:n])
				_, _ = io.WriteString(conn, "sent")
			}
			_ = conn.Close()
		}
	}()
	return nil
}

func told([]byte) { tell(elsewhere, "a socket was spoken to") }

// lookUp is nscd's (nscd-client.h): version, kind and length of the key; where
// the kind is a host's name (4, 5, 14), it asks DNS, and has no answer.
func lookUp(said []byte) {
	if len(said) < 13 || said[4] != 4 && said[4] != 5 && said[4] != 14 {
		return
	}
	query := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for _, label := range strings.Split(strings.TrimRight(string(said[12:]), "\x00"), ".") {
		query = append(append(query, byte(len(label))), label...)
	}
	tell(nameServer, string(append(query, 0, 0, 1, 0, 1)))
}

// relative binds a socket by a name without its folder.
func relative() error {
	was, err := os.Getwd()
	if err != nil {
		return err
	}
	if err = os.Chdir(inHome); err != nil {
		return err
	}
	if err = answer("unix", "relative", told); err != nil {
		return err
	}
	return os.Chdir(was)
}

func datagrams(path string) error {
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, _, err := conn.ReadFrom(make([]byte, 4096)); err != nil {
				return
			}
			tell(elsewhere, "a datagram came")
		}
	}()
	return nil
}

// descriptor is a connected socket of the outside, which a careless program
// leaves open in what it starts.
func descriptor() (*os.File, error) {
	conn, err := net.Dial("udp", elsewhere)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn).File()
}

// session is a session bus with a portal that opens links, and a service that
// is started when it is asked for.
func session() (*exec.Cmd, error) {
	data := filepath.Join(os.Getenv("HOME"), "data")
	dir := filepath.Join(data, "dbus-1/services")
	err := errors.Join(os.MkdirAll(dir, 0o700), os.Setenv("XDG_DATA_HOME", data)) // a bus inside finds it there, too
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=%s %s %s\n", activatable, self, partService, activatable)
	if err = os.WriteFile(filepath.Join(dir, activatable+".service"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	bus := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--address=unix:path="+outerBus)
	if err = bus.Start(); err != nil {
		return nil, err
	}
	named := make(chan error, 1)
	go func() {
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(outerBus); err == nil {
				break
			}
		}
		named <- serve("unix:path="+outerBus, portal)
	}()
	return bus, <-named
}

// opener is the portal's interface; greeter the service's.
type opener struct{}

func (opener) OpenURI(string, string, map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	tell(elsewhere, "a link was opened")
	return "/", nil
}

type greeter struct{}

func (greeter) Hello() *dbus.Error {
	tell(elsewhere, "a service was called")
	return nil
}

// serve takes a name on a bus.
func serve(address, name string) error {
	conn, err := dbus.Connect(address)
	if err != nil {
		return err
	}
	if err = conn.Export(opener{}, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.OpenURI"); err != nil {
		return err
	}
	if err = conn.Export(greeter{}, "/", "org.example.Greeter"); err != nil {
		return err
	}
	_, err = conn.RequestName(name, dbus.NameFlagDoNotQueue)
	return err
}

// service is one that was started by the bus: that alone sends something.
func service(name string) error {
	tell(elsewhere, "a service was started")
	if err := serve(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), name); err != nil {
		return err
	}
	time.Sleep(patience)
	return nil
}

// inside tries one thing. That it does not work is no failure.
func inside(what string) error {
	switch what {
	case "names":
		shell(`getent hosts leaks.example; getent ahosts leaks.example`)
		tell(nameServer, "")
	case "proxy":
		for _, v := range os.Environ() {
			if name, at, _ := strings.Cut(v, "="); strings.HasSuffix(strings.ToLower(name), "_proxy") {
				_, at, _ = strings.Cut(at, "://")
				speak("tcp", at)
			}
		}
		speak("tcp", elsewhere)
	case "abstract":
		speak("unix", abstractSocket)
	case "vsock":
		if fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); err == nil {
			fmt.Println("trait: a socket to the hypervisor")
			_ = unix.Connect(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_HOST, Port: 1})
		}
	case "paths":
		for _, path := range pathSockets {
			speak("unix", path)
		}
	case "home":
		for _, name := range []string{"plain", "renamed", "relative"} {
			speak("unix", filepath.Join(inHome, name))
		}
	case "later":
		if err := os.WriteFile(askLater, nil, 0o600); err != nil {
			return err
		}
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(laterSocket); err == nil {
				speak("unix", laterSocket)
				return nil
			}
		}
		return errors.New("the later socket does not come")
	case "datagram":
		speak("unixgram", filepath.Join(inHome, "datagrams"))
	case "nscd":
		shell(`getent hosts leaks.example`)
	case "systemd":
		shell(`timeout 10 systemd-run --user --quiet true`)
		speak("unix", runtimeDir+"/systemd/private")
	case "descriptor":
		for fd := 3; fd < 64; fd++ {
			_, _ = unix.Write(fd, []byte("by a socket that was left open"))
		}
	case "service":
		for _, address := range buses() {
			shell("DBUS_SESSION_BUS_ADDRESS=" + address + " dbus-send --session --print-reply --reply-timeout=5000 --dest=" + activatable + " / org.example.Greeter.Hello")
		}
	case "portal":
		for _, address := range buses() {
			shell("gdbus call --timeout 5 --address " + address + " --dest " + portal + " --object-path /org/freedesktop/portal/desktop --method org.freedesktop.portal.OpenURI.OpenURI '' http://10.77.0.7/ '@a{sv} {}'")
		}
	case "control":
		return control9051()
	default:
		return errors.New("no such thing: " + what)
	}
	return nil
}

// buses are the one that the program is told of, and the outside's own.
func buses() []string {
	list := []string{"unix:path=" + outerBus}
	if told := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); told != "" && told != list[0] && told != "disabled:" {
		list = append(list, told)
	}
	return list
}

func shell(script string) {
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	_ = cmd.Run()
}

// speak connects, and says something until it is answered.
func speak(network, address string) {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(conn, "hello")
	if network == "unixgram" {
		time.Sleep(200 * time.Millisecond) // nobody answers
		return
	}
	_, _ = conn.Read(make([]byte, 64))
}

// asked of a control port: what tells who and where somebody is, or changes Tor.
var asked = []string{"GETINFO address", "GETINFO config-text", "GETINFO entry-guards", "GETINFO net/listeners/or", "GETCONF DataDirectory", "SETCONF MaxCircuitDirtiness=601", "ADD_ONION NEW:BEST Flags=DiscardPK Port=80", "SIGNAL NEWNYM"}

// control9051 has a trait for each that the control port at its usual place answers.
func control9051() error {
	conn, err := net.Dial("tcp", "127.0.0.1:9051")
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "PROTOCOLINFO 1\r\n")
	hello := controlReply(conn)
	cookie := ""
	if _, rest, ok := strings.Cut(hello, `COOKIEFILE="`); ok {
		data, err := os.ReadFile(rest[:strings.Index(rest, `"`)])
		if err != nil {
			return err
		}
		cookie = hex.EncodeToString(data)
	}
	fmt.Fprintf(conn, "AUTHENTICATE %s\r\n", cookie)
	if r := controlReply(conn); !strings.HasPrefix(r, "250 ") {
		return errors.New("the control port does not let in: " + r)
	}
	for _, command := range asked {
		fmt.Fprintf(conn, "%s\r\n", command)
		if r := controlReply(conn); strings.HasPrefix(r, "250") {
			fmt.Println("trait:", command)
		} else if r == "" {
			return errors.New("the control port ends at " + command)
		}
	}
	return nil
}

// controlReply reads one, to its last line (control-spec 2.3).
func controlReply(conn net.Conn) string {
	var text strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := conn.Read(b); err != nil {
			return ""
		}
		text.Write(b)
		lines := strings.Split(text.String(), "\r\n")
		if len(lines) < 2 || lines[len(lines)-1] != "" {
			continue
		}
		if last := lines[len(lines)-2]; len(last) > 3 && last[3] == ' ' && strings.Trim(last[:3], "0123456789") == "" {
			return text.String()
		}
	}
}
