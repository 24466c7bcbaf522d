// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The arguments by which our own file is told which stage it is.
const (
	argBuild = "cell-build"
	argInit  = "cell-init"
)

// What run gives both stages, beside 0, 1 and 2: the socket of messages, and
// the plan in a file of memory.
const (
	fdTalk = 3
	fdPlan = 4
)

// Stage is the part of a cell that this process is to be, by its arguments
// (os.Args), and the exit code that it came to.
func Stage(args []string) (code int, isStage bool) {
	if len(args) != 2 {
		return 0, false
	}
	switch args[1] {
	case argBuild:
		return stage(build), true
	case argInit:
		return stage(initialise), true
	}
	return 0, false
}

// stage runs one; its error goes to run, as the last message.
func stage(do func(*talk, plan) (int, error)) int {
	t := &talk{fd: fdTalk}
	p, err := readPlan()
	code := CodeNotMade
	if err == nil {
		code, err = do(t, p)
	}
	if err != nil {
		_ = t.send(message{Error: err.Error(), Code: code}, nil)
	}
	return code
}

func readPlan() (p plan, err error) {
	st := unix.Stat_t{}
	if err = unix.Fstat(fdPlan, &st); err != nil || st.Size > 64<<20 {
		return p, errors.New("cannot read the plan of the cell: this command is for purple-onion itself")
	}
	data := make([]byte, st.Size)
	if n, err := unix.Pread(fdPlan, data, 0); err != nil || n != len(data) {
		return p, fmt.Errorf("cannot read the plan of the cell: %w", err)
	}
	return p, json.Unmarshal(data, &p)
}

// planFile is a file of memory that holds the plan.
func planFile(p plan) (*os.File, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cannot write the plan of the cell: %w", err)
	}
	fd, err := unix.MemfdCreate("plan", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot write the plan of the cell: %w", err)
	}
	f := os.NewFile(uintptr(fd), "plan")
	if _, err = f.Write(data); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot write the plan of the cell: %w", err)
	}
	return f, nil
}

// message is what the stages and run tell each other.
type message struct {
	Error  string `json:",omitempty"` // with Code: why the cell ends
	Code   int    `json:",omitempty"`
	Ready  bool   `json:",omitempty"` // build's, with the listening sockets
	Go     bool   `json:",omitempty"` // run's: start the program
	Calls  bool   `json:",omitempty"` // build's, with where connect(2) is handed over
	Signal int    `json:",omitempty"` // run's: for the program
}

// talk is one end of the socket between run and the stages, which keeps
// messages apart (SOCK_SEQPACKET).
type talk struct{ fd int }

const maxMessage = 16 << 10

func talkPair() (ours *talk, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a socket: %w", err)
	}
	return &talk{pair[0]}, os.NewFile(uintptr(pair[1]), "cell"), nil
}

func (t *talk) send(m message, fds []int) error {
	if len(m.Error) > 4096 {
		m.Error = m.Error[:4096]
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	return unix.Sendmsg(t.fd, data, rights, nil, unix.MSG_NOSIGNAL)
}

// receive waits for the next message; io.EOF when the other end is gone. The
// descriptors that come with it are closed on exec.
func (t *talk) receive() (m message, fds []int, err error) {
	data, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*4))
	var n, rn int
	for {
		n, rn, _, _, err = unix.Recvmsg(t.fd, data, rights, unix.MSG_CMSG_CLOEXEC)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.ECONNRESET) || err == nil && n == 0 {
		return m, nil, io.EOF
	}
	if err != nil {
		return m, nil, fmt.Errorf("cannot read from the cell: %w", err)
	}
	controls, _ := unix.ParseSocketControlMessage(rights[:rn])
	for i := range controls {
		got, _ := unix.ParseUnixRights(&controls[i])
		fds = append(fds, got...)
	}
	return m, fds, json.Unmarshal(data[:n], &m)
}

func (t *talk) close() { _ = unix.Close(t.fd) }
