// SPDX-License-Identifier: GPL-3.0-or-later

// Package oracletest compares our constbn with the one that it replaces. It is
// a module of its own because both have the same name.
package oracletest
