/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the main loop did not turn, at the longest. */
#include "host.h"

static guint timer;
static gint64 last, longest;	/* microseconds */

static gboolean
tick_cb(gpointer data)
{
	gint64 now = g_get_monotonic_time();

	(void)data;
	longest = MAX(longest, now - last);
	last = now;
	return TRUE;
}

/* stall begin; stall end says how many milliseconds. */
gboolean
stall_run(char **w)
{
	if (!purple_strequal(w[0], "stall"))
		return FALSE;
	tick_cb(NULL);
	if (timer)
		g_source_remove(timer);
	timer = 0;
	if (purple_strequal(w[1], "begin")) {
		longest = 0;
		timer = g_timeout_add(2, tick_cb, NULL);
	} else {
		say("stall %.1f", (double)longest / 1000);
	}
	return TRUE;
}
