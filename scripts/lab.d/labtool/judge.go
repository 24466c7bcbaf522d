// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"
)

// Marker texts: nonce + these, in a UDP packet to markerPort in the world.
const (
	startMark  = " start"
	endMark    = " end"
	markerPort = 9
)

// A verdict is what a capture shows. Its zero value is not trusted.
type verdict struct {
	ToTor     int           `json:"to_tor"`
	Elsewhere int           `json:"elsewhere"`
	List      []destination `json:"list"`
	Trusted   bool          `json:"trusted"`
	Why       string        `json:"why,omitempty"` // why it is not trusted
}

type destination struct {
	Dst   string   `json:"dst"`
	Count int      `json:"count"`
	DNS   []string `json:"dns"`
}

// judge prints the verdict and exits 0 (nothing elsewhere), 1 (a leak), 2
// (the capture is not to be trusted, whatever it shows).
func judge(args []string) (int, error) {
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print JSON")
	relays := flags.String("relays", "", "file: an ADDRESS:PORT of a relay on each line")
	nonce := flags.String("nonce", "", "first word of the marker packets")
	log := flags.String("log", "", "what the capture printed")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	v := verdict{List: []destination{}}
	if err := v.read(flags.Arg(0), *relays, *nonce, *log); err != nil {
		v.Trusted, v.Why = false, err.Error()
	}
	if err := v.print(*asJSON); err != nil {
		return 2, err
	}
	return v.status(), nil
}

func (v *verdict) status() int {
	switch {
	case !v.Trusted:
		return 2
	case v.Elsewhere > 0:
		return 1
	}
	return 0
}

func (v *verdict) read(pcap, relayFile, nonce, log string) error {
	relays, err := readRelays(relayFile)
	if err != nil {
		return err
	}
	if nonce == "" {
		return errors.New("no nonce of the marker packets")
	}
	var marks []string
	found := map[string]*destination{}
	err = frames(pcap, func(frame []byte) {
		p := parse(frame)
		switch {
		case isMarker(p, nonce):
			marks = append(marks, strings.TrimPrefix(string(p.payload), nonce))
		case p.kind == "tcp" && relays[p.dst]:
			v.ToTor++
		case !p.isKernelMLD():
			v.Elsewhere++
			add(found, p)
		}
	})
	v.List = sorted(found)
	if err != nil {
		return err
	}
	if !slices.Equal(marks, []string{startMark, endMark}) {
		return fmt.Errorf("marker packets seen: %q", marks)
	}
	v.Trusted = true
	return noneDropped(log)
}

func isMarker(p packet, nonce string) bool {
	text := string(p.payload)
	return p.kind == "udp" && p.dst.Port() == markerPort &&
		(text == nonce+startMark || text == nonce+endMark)
}

func add(found map[string]*destination, p packet) {
	d := found[p.String()]
	if d == nil {
		d = &destination{Dst: p.String(), DNS: []string{}}
		found[p.String()] = d
	}
	d.Count++
	if name := p.dnsName(); name != "" && !slices.Contains(d.DNS, name) && len(d.DNS) < 100 {
		d.DNS = append(d.DNS, name)
	}
}

// sorted lists the most frequent first.
func sorted(found map[string]*destination) []destination {
	list := []destination{}
	for _, d := range found {
		sort.Strings(d.DNS)
		list = append(list, *d)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Count != list[j].Count {
			return list[i].Count > list[j].Count
		}
		return list[i].Dst < list[j].Dst
	})
	return list
}

func readRelays(file string) (map[netip.AddrPort]bool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	relays := map[netip.AddrPort]bool{}
	for _, word := range strings.Fields(string(data)) {
		address, err := netip.ParseAddrPort(word)
		if err != nil {
			return nil, err
		}
		relays[address] = true
	}
	return relays, nil
}

// noneDropped wants the capture's own word that the kernel dropped no packet.
// It is the last thing that a capture says, so it also ended as it should.
func noneDropped(log string) error {
	data, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(data), "\n") {
		if line == "0 packets dropped" {
			return nil
		}
	}
	return errors.New("the capture does not say that no packet was dropped")
}

func (v *verdict) print(asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(v)
	}
	fmt.Printf("to tor: %d\nelsewhere: %d\n", v.ToTor, v.Elsewhere)
	for _, d := range v.List {
		fmt.Printf("  %d  %s", d.Count, d.Dst)
		if len(d.DNS) > 0 {
			fmt.Printf("  asks for %s", strings.Join(d.DNS, " "))
		}
		fmt.Println()
	}
	if v.Trusted {
		fmt.Println("trusted: yes")
	} else {
		fmt.Printf("trusted: no: %s\n", v.Why)
	}
	return nil
}

// waitMarker waits until the capture holds a marker of exactly this text.
func waitMarker(args []string) (int, error) {
	return status(until(args[0], func() error {
		seen := false
		err := frames(args[1], func(frame []byte) {
			p := parse(frame)
			seen = seen || p.kind == "udp" && p.dst.Port() == markerPort && string(p.payload) == args[2]
		})
		if seen {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("no marker in %s", args[1])
		}
		return err
	}))
}
