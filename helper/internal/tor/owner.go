// SPDX-License-Identifier: GPL-3.0-or-later

package tor

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// Whose listener may be Tor's. Accepted are
//   - root: it can read our memory anyway, and init systems hand Tor its sockets;
//   - ourselves: Tor Browser and a private Tor. A program of the same user that
//     imitates Tor is not told apart (THREATS.md);
//   - the users that distributions run Tor as, looked up in /etc/passwd itself
//     (never by NSS, which may ask the network) and only with a system uid, so
//     that a person who is named "tor" is not taken for it;
//   - in a user namespace that does not map it, the kernel's overflow uid: every
//     user outside looks like that, so there the owner says nothing, and Tor's
//     behaviour alone has to do. Where uid 65534 is mapped it is a user of this
//     namespace (nobody), and refused.
const (
	overflowUID  = 65534
	maxSystemUID = 999
)

var torUsers = []string{"debian-tor", "tor", "_tor", "toranon"}

func allowedOwner(uid uint32, passwd, uidMap string) bool {
	if uid == 0 || int64(uid) == int64(os.Getuid()) || int64(uid) == int64(os.Geteuid()) {
		return true
	}
	return slices.Contains(torUIDs(passwd), uid) || uid == overflowUID && !userfile.MapsUID(uidMap, overflowUID)
}

// torUIDs reads the text of /etc/passwd.
func torUIDs(passwd string) []uint32 {
	var uids []uint32
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 3 || !slices.Contains(torUsers, f[0]) {
			continue
		}
		if uid, err := strconv.ParseUint(f[2], 10, 32); err == nil && uid <= maxSystemUID {
			uids = append(uids, uint32(uid))
		}
	}
	return uids
}

// findOwner reads one of /proc/net/tcp and tcp6 (proc_pid_net(5)) for the
// listener's end of a connection: local is the listener's address, remote
// ours. A connection that was not accepted yet has inode 0 and no owner.
func findOwner(table io.Reader, local, remote netip.AddrPort) (uid uint32, found bool) {
	lines := bufio.NewScanner(io.LimitReader(table, 64<<20))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[9] == "0" {
			continue
		}
		l, ok1 := kernelAddress(f[1])
		r, ok2 := kernelAddress(f[2])
		if !ok1 || !ok2 || l != local || r != remote {
			continue
		}
		n, err := strconv.ParseUint(f[7], 10, 32)
		return uint32(n), err == nil
	}
	return 0, false
}

// kernelAddress reads "0100007F:235A": 32-bit words in the machine's own
// (little-endian, on all that we build for) order, port in hexadecimal.
func kernelAddress(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), true
}
