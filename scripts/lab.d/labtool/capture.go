// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ring that the kernel writes packets into (packet(7), TPACKET_V2). A
// frame keeps a packet's first bytes: all headers, and a DNS question.
const (
	frameSize  = 1024
	frameCount = 8192
	blockSize  = 1 << 16

	offPacketType = 32 + 10 // sll_pkttype, in the sockaddr_ll behind the header
)

// capture writes what arrives at an interface, not what leaves by it, to a
// pcap file until SIGTERM. Then it says how many packets the kernel dropped.
//
// It is not tcpdump because that insists on another user than root, and a user
// namespace of an unprivileged user has none.
func capture(args []string) (int, error) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	fd, ring, err := openRing(args[0])
	if err != nil {
		return 1, fmt.Errorf("cannot capture on %s: %w", args[0], err)
	}
	file, err := os.OpenFile(args[1], os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 1, err
	}
	w := bufio.NewWriterSize(file, 1<<16)
	if err := writePcapHeader(w); err != nil {
		return 1, err
	}
	fmt.Println("listening on " + args[0])
	if err := drain(fd, ring, w, stop); err != nil {
		return 1, err
	}
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 1, err
	}
	fmt.Printf("%d packets dropped\n", stats.Drops)
	return 0, errors.Join(w.Flush(), file.Close())
}

func openRing(name string) (int, []byte, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return 0, nil, err
	}
	// protocol 0: nothing arrives before the ring is there and bound
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return 0, nil, err
	}
	err = unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{
		Block_size: blockSize,
		Block_nr:   frameSize * frameCount / blockSize,
		Frame_size: frameSize,
		Frame_nr:   frameCount,
	})
	if err != nil {
		return 0, nil, err
	}
	ring, err := unix.Mmap(fd, 0, frameSize*frameCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 0, nil, err
	}
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	return fd, ring, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index})
}

// drain writes packets as they come. When told to stop it first takes what is
// in the ring.
func drain(fd int, ring []byte, w *bufio.Writer, stop <-chan os.Signal) error {
	next, stopping := 0, false
	for {
		frame := ring[next*frameSize : (next+1)*frameSize]
		if takeFrame(frame, w) {
			next = (next + 1) % frameCount
			continue
		}
		if err := w.Flush(); err != nil || stopping {
			return err
		}
		select {
		case <-stop:
			stopping = true
			continue
		default:
		}
		if err := wait(fd); err != nil {
			return err
		}
	}
}

// wait returns when a packet came, or after 50 ms; an error means that the
// interface is gone.
func wait(fd int) error {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(p, 50); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if p[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
		return errors.New("the interface is gone")
	}
	return nil
}

// takeFrame writes the packet of a frame, if there is one, and gives the
// frame back to the kernel.
func takeFrame(frame []byte, w *bufio.Writer) bool {
	status := (*uint32)(unsafe.Pointer(&frame[0]))
	if atomic.LoadUint32(status)&unix.TP_STATUS_USER == 0 {
		return false
	}
	header := (*unix.Tpacket2Hdr)(unsafe.Pointer(&frame[0]))
	if frame[offPacketType] != unix.PACKET_OUTGOING {
		data := frame[header.Mac:][:header.Snaplen]
		record := make([]byte, 0, 16)
		for _, v := range []uint32{header.Sec, header.Nsec / 1000, header.Snaplen, header.Len} {
			record = binary.LittleEndian.AppendUint32(record, v)
		}
		_, _ = w.Write(record) // an error stays in w and comes out of Flush
		_, _ = w.Write(data)
	}
	atomic.StoreUint32(status, unix.TP_STATUS_KERNEL)
	return true
}

func writePcapHeader(w *bufio.Writer) error {
	header := make([]byte, 24)
	binary.LittleEndian.PutUint32(header, pcapMagic)
	binary.LittleEndian.PutUint16(header[4:], 2) // version 2.4
	binary.LittleEndian.PutUint16(header[6:], 4)
	binary.LittleEndian.PutUint32(header[16:], frameSize)
	binary.LittleEndian.PutUint32(header[20:], linkEthernet)
	if _, err := w.Write(header); err != nil {
		return err
	}
	return w.Flush()
}
