// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"time"

	bine "github.com/cretz/bine/control"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

const (
	controlTimeout = 5 * time.Second
	maxAnswer      = 4 << 20 // bytes that one answer of the control port may have
)

// errNoControl is a control port that is not there, or not for us.
var errNoControl = errors.New("no control port that may be read")

// boundedConn lets no more than a budget through between two resets, since
// bine reads lines of any length.
type boundedConn struct {
	net.Conn
	budget int
}

func (b *boundedConn) Read(p []byte) (int, error) {
	if b.budget <= 0 {
		return 0, errors.New("the control port answers too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.budget)])
	b.budget -= n
	return n, err
}

// controlConn is one authenticated connection to a control port.
type controlConn struct {
	mu   sync.Mutex
	conn *boundedConn
	bine *bine.Conn
}

// openControlConn connects and authenticates. Before anything secret is sent
// the listener's owner has been looked at.
func openControlConn(ctx context.Context, a address, c candidate) (*controlConn, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, a.network, a.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoControl, err)
	}
	b := &boundedConn{Conn: conn, budget: maxAnswer}
	k := &controlConn{conn: b, bine: bine.NewConn(textproto.NewConn(b))}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(controlTimeout))
	if err = k.authenticate(c); err != nil {
		k.close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return k, nil
}

func (k *controlConn) authenticate(c candidate) error {
	info, err := k.bine.ProtocolInfo()
	if err != nil {
		return fmt.Errorf("%w: it does not speak Tor's control protocol", errNoControl)
	}
	if !c.remote {
		if err := checkOwner(k.conn.Conn); err != nil {
			return fmt.Errorf("%w: %w", errNoControl, err)
		}
	}
	if c.cookie != "" {
		info.CookieFile = c.cookie // bine keeps this very struct for Authenticate
	}
	err = k.authenticateBy(info, c.password)
	if err != nil {
		return fmt.Errorf("%w: cannot authenticate: %w", errNoControl, err)
	}
	return nil
}

func (k *controlConn) authenticateBy(info *bine.ProtocolInfo, password redact.Secret) error {
	if info.HasAuthMethod("NULL") {
		return k.bine.Authenticate("")
	}
	cookieErr := errors.New("it takes no cookie")
	if info.HasAuthMethod("SAFECOOKIE") {
		if cookieErr = readableCookie(info.CookieFile); cookieErr == nil {
			return k.bine.Authenticate("")
		}
	}
	if info.HasAuthMethod("HASHEDPASSWORD") && !password.Empty() {
		_, err := k.bine.SendRequest("AUTHENTICATE %s", hex.EncodeToString([]byte(password.Reveal())))
		return err
	}
	return cookieErr
}

// readableCookie keeps a control port from making us open a pipe or a device.
func readableCookie(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot read its cookie: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() != 32 {
		return errors.New("cannot read its cookie: not a file of 32 bytes")
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read its cookie: %w", err)
	}
	return f.Close()
}

// ask sends one command and waits for the answer, five seconds at most. An
// error that is a *textproto.Error is Tor's refusal; after any other the
// connection is of no more use.
func (k *controlConn) ask(command string) (*bine.Response, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.conn.SetDeadline(time.Now().Add(controlTimeout))
	k.conn.budget = maxAnswer
	return k.bine.SendRequest("%s", command)
}

// info is GETINFO of one key; lines of a long value are parted by "\n".
func (k *controlConn) info(key string) (string, error) {
	r, err := k.ask("GETINFO " + key)
	if err != nil {
		return "", err
	}
	for _, d := range r.Data {
		if value, ok := strings.CutPrefix(d, key+"="); ok {
			return strings.TrimPrefix(value, "\r\n"), nil
		}
	}
	return "", fmt.Errorf("cannot read %s: no such line in the answer", key)
}

// nextEvent waits for an asynchronous reply, as long as it takes.
func (k *controlConn) nextEvent() (string, error) {
	_ = k.conn.SetDeadline(time.Time{})
	k.conn.budget = maxAnswer
	r, err := k.bine.ReadResponse()
	if err != nil {
		return "", err
	}
	if !r.IsAsync() {
		return "", nil
	}
	return strings.Join(r.DataWithReply(), "\n"), nil
}

func (k *controlConn) close() { _ = k.conn.Close() }

func refusedCommand(err error) bool {
	var refusal *textproto.Error
	return errors.As(err, &refusal)
}
