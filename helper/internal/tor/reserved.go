// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/redact"
)

// reservedUser is a user name that Tor refuses since 0.4.9 (proposal 351: what
// begins so and is of no format that it knows).
const reservedUser = "<torS0X>purple-onion"

// checkReserved has the listener refuse a reserved user name, where its
// control port says that it is a Tor which does. Once for each Tor that is
// found: Tor notes it in its log. Other faults are for the next proof to find.
func (t *foundTor) checkReserved(ctx context.Context) error {
	p := t.control.Load()
	if p == nil || !refusesReserved(p.version) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := connect(ctx, t.candidate.socks)
	if err != nil {
		return nil
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, password := NewCredentials()
	if authenticate(conn, redact.New(reservedUser), password, t.candidate.checkOwner) == nil {
		return notTor("it takes a user name that Tor %s reserves and refuses", p.version)
	}
	return nil
}

// refusesReserved reads GETINFO version: "0.4.9.8 (git-...)".
func refusesReserved(version string) bool {
	number, _, _ := strings.Cut(version, " ")
	number, _, _ = strings.Cut(number, "-")
	parsed, err := numbers(strings.Split(number, "."))
	return err == nil && slices.Compare(parsed, []int{0, 4, 9}) >= 0
}

func numbers(words []string) ([]int, error) {
	var list []int
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 0 {
			return nil, errors.New("not a version")
		}
		list = append(list, n)
	}
	return list, nil
}
