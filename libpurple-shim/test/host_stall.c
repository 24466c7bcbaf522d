/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long the main loop did not turn, at the longest. What this thread waited
 * for a processor, while other programs had it, is not counted.
 */
#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static guint timer;
static gint64 last, longest;	/* microseconds */

/* Microseconds for which the kernel let us wait (proc(5), schedstat). */
static gint64
waited(void)
{
	static int fd = -1;
	char text[128] = "";
	char *second = NULL;

	if (fd < 0)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
		(void)g_ascii_strtoull(text, &second, 10);
	if (!second || second == text) {
		say("no schedstat");
		exit(1);
	}
	return (gint64)(g_ascii_strtoull(second, NULL, 10) / 1000);
}

static gboolean
tick_cb(gpointer data)
{
	gint64 now = g_get_monotonic_time() - waited();

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
