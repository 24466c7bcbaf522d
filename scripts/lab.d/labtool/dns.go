// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sort"
	"strings"
	"time"
)

// dns asks a server, by UDP or by TLS (RFC 7858, its certificate checked by
// the machine's own authorities), and prints the answers sorted: addresses
// for A, "priority weight port target" for SRV.
func dns(args []string) (int, error) {
	how, server, kind, name := args[0], args[1], args[2], args[3]
	address, tlsName, _ := strings.Cut(server, "#")
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if how == "tls" {
			d := tls.Dialer{Config: &tls.Config{ServerName: tlsName}}
			return d.DialContext(ctx, "tcp", address)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answers, err := lookUp(ctx, resolver, kind, name)
	sort.Strings(answers)
	for _, a := range answers {
		fmt.Println(a)
	}
	return status(err)
}

func lookUp(ctx context.Context, r *net.Resolver, kind, name string) (answers []string, err error) {
	switch kind {
	case "A":
		return r.LookupHost(ctx, name)
	case "SRV":
		_, records, err := r.LookupSRV(ctx, "", "", name)
		for _, s := range records {
			answers = append(answers, fmt.Sprintf("%d %d %d %s", s.Priority, s.Weight, s.Port, s.Target))
		}
		return answers, err
	}
	return nil, fmt.Errorf("no such record type: %s", kind)
}
