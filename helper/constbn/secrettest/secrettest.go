// SPDX-License-Identifier: GPL-3.0-or-later

// Command secrettest raises to a power whose exponent valgrind takes for
// uninitialised memory. Valgrind's memcheck then reports each branch and each
// address that depends on the exponent (Langley's ctgrind). TestSecret runs it.
package main

/*
#include <valgrind/memcheck.h>
static void secret(void *p, size_t n) { VALGRIND_MAKE_MEM_UNDEFINED(p, n); }
static void known(void *p, size_t n) { VALGRIND_MAKE_MEM_DEFINED(p, n); }
*/
import "C"

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/coyim/constbn"
)

func main() {
	debug.SetGCPercent(-1) // memory that is not used again keeps no old marks
	modulus, _ := hex.DecodeString(os.Args[2])
	base, _ := hex.DecodeString(os.Args[3])
	exponent := []byte("forty bytes that nobody else is to know.")
	m, x := new(constbn.Int).SetBytes(modulus), new(constbn.Int).SetBytes(base)
	C.secret(unsafe.Pointer(&exponent[0]), C.size_t(len(exponent)))
	var result []byte
	switch os.Args[1] {
	case "constbn":
		result = new(constbn.Int).ExpB(x, exponent, m).Bytes()
	case "big":
		result = new(big.Int).Exp(x.GetBigInt(), new(big.Int).SetBytes(exponent), m.GetBigInt()).Bytes()
	}
	C.known(unsafe.Pointer(&result[0]), C.size_t(len(result)))
	fmt.Printf("%x\n", result)
}
