// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// A packet is what the judge looks at. What cannot be parsed stays in kind
// ("ethertype 88cc", "ip fragment", ...), so it is never taken for Tor's.
type packet struct {
	kind    string // tcp, udp, or another name of what it is
	dst     netip.AddrPort
	payload []byte // of UDP
	body    []byte // of ICMPv6, from its type on
}

// String names the destination: "udp 10.77.0.53:53", "icmp 8.8.8.8".
func (p packet) String() string {
	switch {
	case !p.dst.IsValid():
		return p.kind
	case p.kind == "tcp" || p.kind == "udp":
		return p.kind + " " + p.dst.String()
	}
	return p.kind + " " + p.dst.Addr().String()
}

func parse(frame []byte) packet {
	if len(frame) < 14 {
		return packet{kind: "short frame"}
	}
	body := frame[14:]
	switch kind := binary.BigEndian.Uint16(frame[12:]); kind {
	case 0x0800:
		return parseIPv4(body)
	case 0x86dd:
		return parseIPv6(body)
	case 0x0806:
		return packet{kind: "arp"}
	default:
		return packet{kind: fmt.Sprintf("ethertype %04x", kind)}
	}
}

// parseIPv4 reads RFC 791.
func parseIPv4(b []byte) packet {
	if len(b) < 20 || b[0]>>4 != 4 {
		return packet{kind: "short ip"}
	}
	size := int(b[0]&15) * 4
	if size < 20 || len(b) < size {
		return packet{kind: "short ip"}
	}
	dst := netip.AddrFrom4([4]byte(b[16:20]))
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 { // more fragments, or an offset
		return packet{kind: "ip fragment", dst: netip.AddrPortFrom(dst, 0)}
	}
	return parseTransport(b[9], dst, b[size:])
}

// parseIPv6 reads RFC 8200; of the extension headers it knows hop-by-hop,
// which MLD uses.
func parseIPv6(b []byte) packet {
	if len(b) < 40 || b[0]>>4 != 6 {
		return packet{kind: "short ip6"}
	}
	dst, next, body := netip.AddrFrom16([16]byte(b[24:40])), b[6], b[40:]
	if next == 0 && len(body) >= 8 {
		size := int(body[1])*8 + 8
		if len(body) >= size {
			next, body = body[0], body[size:]
		}
	}
	return parseTransport(next, dst, body)
}

func parseTransport(protocol byte, dst netip.Addr, b []byte) packet {
	p := packet{dst: netip.AddrPortFrom(dst, 0)}
	switch protocol {
	case 6, 17:
		p.kind = map[byte]string{6: "tcp", 17: "udp"}[protocol]
		if len(b) < 8 {
			p.kind = "short " + p.kind
			return p
		}
		p.dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
		if protocol == 17 {
			p.payload = b[8:]
		}
	case 1:
		p.kind = "icmp"
	case 58:
		p.kind, p.body = "icmp6", b
	default:
		p.kind = fmt.Sprintf("protocol %d", protocol)
	}
	return p
}

// isKernelMLD says whether this is the kernel's own report that it listens to
// its solicited-node groups (ff02::1:ff..., RFC 4291 2.7.1), which it sends
// when an address is set. A report of any other group is a program's doing.
func (p packet) isKernelMLD() bool {
	b := p.body // RFC 3810 5.2
	if p.kind != "icmp6" || len(b) < 8 || b[0] != 143 {
		return false
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	for b = b[8:]; n > 0; n-- {
		if len(b) < 20 || !strings.HasPrefix(string(b[4:20]), solicitedNode) {
			return false
		}
		size := 20 + 16*int(binary.BigEndian.Uint16(b[2:])) + 4*int(b[1])
		if len(b) < size {
			return false
		}
		b = b[size:]
	}
	return true
}

const solicitedNode = "\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff"

// dnsName gives the name asked for in a DNS or mDNS query (RFC 1035 4.1.2),
// "?" where it cannot be read, "" where this is no DNS packet.
func (p packet) dnsName() string {
	if p.kind != "udp" || (p.dst.Port() != 53 && p.dst.Port() != 5353) {
		return ""
	}
	var labels []string
	b := p.payload
	if len(b) < 12 {
		return "?"
	}
	for b = b[12:]; len(b) > 0 && len(labels) < 64; b = b[1+int(b[0]):] {
		n := int(b[0])
		if n == 0 {
			return printable(strings.Join(labels, ".") + ".")
		}
		if n > 63 || len(b) < 1+n {
			break
		}
		labels = append(labels, string(b[1:1+n]))
	}
	return "?"
}

// printable makes a name from the wire fit for a terminal and drops the last
// dot, but for the root's.
func printable(name string) string {
	if name != "." {
		name = strings.TrimSuffix(name, ".")
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
}
