// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	stallAfter = 10 * time.Second // a bus that takes nothing for so long is left
	frameMax   = 128 << 20        // bytes of one message (D-Bus specification, Message Format)
)

// ErrNoBus is that there is no session bus.
var ErrNoBus = errors.New("there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set")

// unixSockets reads a bus address (D-Bus specification, Server Addresses). No
// other transport than a unix socket is used: tcp would be a way out of this
// computer, and others start programs.
func unixSockets(address string) []string {
	var list []string
	for _, entry := range strings.Split(address, ";") {
		rest, ok := strings.CutPrefix(entry, "unix:")
		if !ok {
			continue
		}
		for _, pair := range strings.Split(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			text, err := url.PathUnescape(value)
			switch {
			case err != nil || text == "":
			case key == "path":
				list = append(list, text)
			case key == "abstract":
				list = append(list, "@"+text)
			}
		}
	}
	return list
}

// limits are what others may send.
type limits struct {
	largest int     // bytes of a call or an answer
	burst   float64 // calls and signals at once
	each    float64 // ... and in each second after it
}

// connect is a connection of our own to the bus at address, signed in. What is
// beyond the limits is passed over.
func connect(ctx context.Context, address string, l limits, handler dbus.Handler, signals dbus.SignalHandler) (*dbus.Conn, error) {
	if address == "" {
		return nil, ErrNoBus
	}
	sockets := unixSockets(address)
	err := errors.New("it is not a unix socket")
	for _, path := range sockets {
		var socket net.Conn
		if socket, err = (&net.Dialer{}).DialContext(ctx, "unix", path); err != nil {
			continue
		}
		return signIn(ctx, &wire{Conn: socket, limits: l, tokens: l.burst}, handler, signals)
	}
	return nil, fmt.Errorf("cannot connect to the session bus: %w", err)
}

func signIn(ctx context.Context, w *wire, handler dbus.Handler, signals dbus.SignalHandler) (*dbus.Conn, error) {
	// By a plain stream godbus negotiates no file descriptors: a peer's would
	// stay open in Pidgin for good.
	conn, err := dbus.NewConn(w, dbus.WithContext(ctx), dbus.WithHandler(handler), dbus.WithSignalHandler(signals))
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	_ = w.SetReadDeadline(time.Now().Add(stallAfter))
	err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	if err == nil {
		err = conn.Hello()
	}
	if err != nil {
		stop()
		_ = conn.Close()
		_ = w.Close()
		return nil, fmt.Errorf("cannot sign in to the session bus: %w", err)
	}
	_ = w.SetReadDeadline(time.Time{})
	return conn, nil
}

// wire is the socket. Once the messages begin it looks at the head of each
// (D-Bus specification, Message Format) and passes over what is too large, or
// too much, before anything of it is kept.
type wire struct {
	net.Conn
	limits

	framed atomic.Bool // see Write
	head   bytes.Reader
	rest   int // bytes of this message still to be read from the socket
	tokens float64
	last   time.Time
}

// Write notes the end of the sign-in: godbus starts its reader after it.
func (w *wire) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("BEGIN")) {
		w.framed.Store(true)
	}
	_ = w.SetWriteDeadline(time.Now().Add(stallAfter))
	n, err := w.Conn.Write(p)
	if err != nil {
		_ = w.Conn.Close() // half a message may be out
	}
	return n, err
}

func (w *wire) Read(p []byte) (int, error) {
	for w.framed.Load() && w.head.Len() == 0 && w.rest == 0 {
		if err := w.nextFrame(); err != nil {
			return 0, err
		}
	}
	if w.head.Len() > 0 {
		return w.head.Read(p)
	}
	if w.framed.Load() {
		p = p[:min(len(p), w.rest)]
	}
	n, err := w.Conn.Read(p)
	if w.framed.Load() {
		w.rest -= n
	}
	return n, err
}

func (w *wire) nextFrame() error {
	head := make([]byte, 16)
	if _, err := io.ReadFull(w.Conn, head); err != nil {
		return err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'B' {
		order = binary.BigEndian
	}
	body, fields := uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[12:]))
	rest := (fields+7)/8*8 + body
	if rest > frameMax {
		return errors.New("the bus sends a message that is too large")
	}
	if int(rest) > w.largest || !answers(head[1]) && !w.allowed(time.Now()) {
		_, err := io.CopyN(io.Discard, w.Conn, int64(rest))
		return err
	}
	w.head.Reset(head)
	w.rest = int(rest)
	return nil
}

// answers are what we asked for: method returns and errors.
func answers(kind byte) bool {
	return kind == byte(dbus.TypeMethodReply) || kind == byte(dbus.TypeError)
}

// allowed is a token bucket.
func (w *wire) allowed(now time.Time) bool {
	if !w.last.IsZero() {
		w.tokens = min(w.burst, w.tokens+now.Sub(w.last).Seconds()*w.each)
	}
	w.last = now
	if w.tokens < 1 {
		return false
	}
	w.tokens--
	return true
}
