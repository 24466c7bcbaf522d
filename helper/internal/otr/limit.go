// SPDX-License-Identifier: GPL-3.0-or-later

package otr

import "time"

// limit lets so many through each minute. What comes from the wire must not
// keep the program busy: each step of an AKE costs milliseconds.
type limit struct {
	most  int
	used  int
	since time.Time
}

func (l *limit) allow(now time.Time) bool {
	if age := now.Sub(l.since); age >= time.Minute || age < 0 {
		l.used, l.since = 0, now
	}
	if l.used >= l.most {
		return false
	}
	l.used++
	return true
}

// spent says whether nothing more is let through for now, and counts nothing.
func (l *limit) spent(now time.Time) bool {
	age := now.Sub(l.since)
	return l.used >= l.most && age >= 0 && age < time.Minute
}
