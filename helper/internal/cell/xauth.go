// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import (
	"encoding/binary"
	"errors"
)

// familyWild matches any host (X11/Xauth.h): inside, the host's name is another.
const familyWild = 0xffff

// cookiesFor takes from an Xauthority file the entries of one display, for any
// host. Each is a family and four counted strings: address, display number,
// name and data of the method, all big-endian (libXau, AuRead.c).
func cookiesFor(file []byte, display string) ([]byte, error) {
	var out []byte
	for len(file) > 0 {
		if len(file) < 2 {
			return nil, errors.New("cannot read the X authority file: it ends in the middle of an entry")
		}
		file = file[2:]
		var fields [4][]byte
		for i := range fields {
			if len(file) < 2 || len(file)-2 < int(binary.BigEndian.Uint16(file)) {
				return nil, errors.New("cannot read the X authority file: it ends in the middle of an entry")
			}
			n := int(binary.BigEndian.Uint16(file))
			fields[i], file = file[2:2+n], file[2+n:]
		}
		if number := string(fields[1]); number != "" && number != display {
			continue
		}
		fields[0] = nil
		out = binary.BigEndian.AppendUint16(out, familyWild)
		for _, f := range fields {
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(f))), f...)
		}
	}
	return out, nil
}
