// SPDX-License-Identifier: GPL-3.0-or-later

package busapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"purpleonion.org/purple-onion/helper/internal/engine"
)

// ErrNobody is that nobody is there under the name.
var ErrNobody = errors.New("no purple-onion is on the session bus: neither Pidgin's plugin nor the daemon")

// maxAnswer is in bytes.
const maxAnswer = maxReport + 1<<20

// Client asks a service. It starts none.
type Client struct {
	conn *dbus.Conn
	mode string
}

// nobody answers calls of others to a client.
type nobody struct{}

func (nobody) LookupObject(dbus.ObjectPath) (dbus.ServerObject, bool) { return nil, false }
func (nobody) DeliverSignal(string, string, *dbus.Signal)             {}

// Dial finds who has the name on the bus at address. ErrNoBus and ErrNobody
// are that there is none to ask.
func Dial(ctx context.Context, address string) (*Client, error) {
	conn, err := connect(ctx, address, limits{largest: maxAnswer, burst: 100}, nobody{}, nobody{})
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn}
	var owned bool
	if err = bus(ctx, conn, "NameHasOwner", Name).Store(&owned); err == nil && !owned {
		err = ErrNobody
	}
	if err == nil {
		var v dbus.Variant
		err = c.object(ctx, propertiesInterface+".Get", helperInterface, "Mode").Store(&v)
		c.mode, _ = v.Value().(string)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fromBus(err)
	}
	return c, nil
}

func (c *Client) object(ctx context.Context, method string, args ...any) *dbus.Call {
	return c.conn.Object(Name, Path).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...)
}

// Close ends the connection.
func (c *Client) Close() { _ = c.conn.Close() }

// Mode is ModePlugin or ModeDaemon, as the service says.
func (c *Client) Mode() string { return c.mode }

// Status is the service's report.
func (c *Client) Status(ctx context.Context) (engine.Live, error) {
	var text string
	live := engine.NewLive(engine.TorStatus{})
	if err := c.object(ctx, helperInterface+".Status").Store(&text); err != nil {
		return live, fromBus(err)
	}
	if err := json.Unmarshal([]byte(text), &live); err != nil {
		return live, fmt.Errorf("cannot read the answer: %w", err)
	}
	return live, nil
}

// Protect asks for a level, "none" to release.
func (c *Client) Protect(ctx context.Context, account, level string) error {
	return fromBus(c.object(ctx, helperInterface+".Protect", account, level).Err)
}

// NewCircuit has an account sign on anew.
func (c *Client) NewCircuit(ctx context.Context, account string) error {
	return fromBus(c.object(ctx, helperInterface+".NewCircuit", account).Err)
}

// Patience is how long a call may take before the service itself gives up.
const Patience = patience + 5*time.Second
