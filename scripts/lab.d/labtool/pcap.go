// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	pcapMagic    = 0xa1b2c3d4 // microseconds, the writer's byte order
	linkEthernet = 1
	maxFrame     = 1 << 18
)

var errCut = errors.New("the capture ends in the middle of a packet")

// frames calls each with every captured frame of a pcap file
// (pcap-savefile(5)), as capture or tcpdump -w writes it.
func frames(path string, each func(frame []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	header := make([]byte, 24)
	if _, err := io.ReadFull(r, header); err != nil {
		return fmt.Errorf("cannot read the capture's header: %w", err)
	}
	order, err := byteOrder(header)
	if err != nil {
		return err
	}
	for {
		frame, err := nextFrame(r, order)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(frame)
	}
}

func byteOrder(header []byte) (binary.ByteOrder, error) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(header) == pcapMagic {
			if link := order.Uint32(header[20:]); link != linkEthernet {
				return nil, fmt.Errorf("link type %d is not Ethernet", link)
			}
			return order, nil
		}
	}
	return nil, errors.New("not a pcap file")
}

// nextFrame gives io.EOF only at a packet's border.
func nextFrame(r io.Reader, order binary.ByteOrder) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errCut
		}
		return nil, err
	}
	n := order.Uint32(head[8:])
	if n > maxFrame {
		return nil, fmt.Errorf("a captured packet of %d bytes", n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, errCut
	}
	return frame, nil
}
