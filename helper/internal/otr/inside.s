// SPDX-License-Identifier: GPL-3.0-or-later

// Empty: with an assembly file in the package, Go lets a function of it have
// its body elsewhere (inside.go, sendTLVs).
