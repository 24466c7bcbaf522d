// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/redact"
)

const lookupTimeout = 5 * time.Second

// SRV is a target of a service (RFC 2782), without its trailing dot.
type SRV struct {
	Target           string
	Port             uint16
	Priority, Weight uint16
}

// LookupSRV asks resolver ("host:853#tls-name") for service ("_xmpp-client._tcp")
// of domain by DNS over TLS (RFC 7858) through Tor with these isolation
// credentials, in at most five seconds. The targets come in the order in which
// they are to be tried. See ErrNoService and ErrNoRecords.
func (c *Client) LookupSRV(ctx context.Context, user, password redact.Secret, resolver, service, domain string) ([]SRV, error) {
	host, port, tlsName, err := ParseResolver(resolver)
	if err != nil {
		return nil, err
	}
	query, err := newQuery(service + "." + strings.TrimSuffix(domain, ".") + ".")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	stream, err := c.Dial(ctx, user, password, host, port)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	answer, err := exchange(ctx, stream, &tls.Config{ServerName: tlsName, MinVersion: tls.VersionTLS12}, query.wire)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the resolver %s: %w", tlsName, err)
	}
	list, err := query.read(answer)
	if errors.Is(err, ErrNoService) {
		return nil, &Error{policy.ReasonNoSuchService, err}
	}
	return order(list), err
}

// ParseResolver reads "host:853#tls-name".
func ParseResolver(text string) (host string, port uint16, tlsName string, err error) {
	where, tlsName, ok := strings.Cut(text, "#")
	host, portText, err := net.SplitHostPort(where)
	n, err2 := strconv.ParseUint(portText, 10, 16)
	if !ok || err != nil || err2 != nil || n == 0 || host == "" || tlsName == "" {
		return "", 0, "", fmt.Errorf("cannot use the resolver %q: not host:853#tls-name", text)
	}
	return host, uint16(n), tlsName, nil
}

// exchange sends one message over TLS, two bytes of length before it (RFC 7858 3.3).
func exchange(ctx context.Context, stream net.Conn, config *tls.Config, query []byte) ([]byte, error) {
	conn := tls.Client(stream, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(append([]byte{byte(len(query) >> 8), byte(len(query))}, query...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, int(size[0])<<8|int(size[1]))
	_, err := io.ReadFull(conn, answer)
	return answer, err
}
