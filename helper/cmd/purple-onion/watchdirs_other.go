// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package main

import (
	"context"
	"time"
)

// watchDirs looks now and then.
func watchDirs(ctx context.Context, _ func() []string, changed chan<- struct{}) (again func()) {
	background(func() {
		for pause(ctx, time.Minute) {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})
	return func() {}
}
