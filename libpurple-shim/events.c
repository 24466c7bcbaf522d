/* SPDX-License-Identifier: GPL-3.0-or-later */
/* News from the helper, taken on the main loop. */
#include "shim.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <debug.h>
#include <eventloop.h>

#define EVENTS_A_TURN 64

static int fd = -1;
static guint watch;

static void
blocked(const struct ponion_event *ev)
{
	PurpleAccount *account = watched_find(ev->handle);
	struct watched *w = account ? watched_get(account) : NULL;

	if (!w || !w->sign_on || ev->sign_on != w->sign_on)
		return;		/* about a session that is over */
	signon_refuse(account, ev->reason, ev->text, ev->passing == 1);
}

static void
state(const struct ponion_event *ev)
{
	PurpleAccount *account = watched_find(ev->handle);

	if (account)
		purple_debug_info(SHIM_ID, "%s:%s: %s\n",
				  purple_account_get_protocol_id(account),
				  purple_account_get_username(account),
				  ev->text);
}

static void
handle(const struct ponion_event *ev)
{
	switch (ev->kind) {
	case PONION_EVENT_BLOCKED:
		blocked(ev);
		break;
	case PONION_EVENT_STATE:
		state(ev);
		break;
	case PONION_EVENT_RESULT:
		if (!keys_result(ev->sign_on))
			actions_result(ev->sign_on);
		break;
	case PONION_EVENT_LINES:
		break;		/* taken after every wake */
	case PONION_EVENT_REQUEST:
		bus_request((guint32)ev->sign_on, FALSE);
		break;
	case PONION_EVENT_TOR:
		retry_tor(ev);
		/* fall through */
	default:
		purple_debug_info(SHIM_ID, "%s\n", ev->text);
	}
}

/*
 * The counter is taken before the queue, so that an event that comes in
 * between rings again. What is more than a turn's share waits for the next.
 */
static gboolean
take_events(void)
{
	struct ponion_event ev;
	int i;

	for (i = 0; i < EVENTS_A_TURN; i++) {
		const struct ponion_api *api = helper_api();

		memset(&ev, 0, sizeof(ev));
		ev.size = sizeof(ev);
		if (!api || api->next_event(&ev) != 1)
			return FALSE;
		handle(&ev);
	}
	return TRUE;
}

static void
events_cb(gpointer data, gint source, PurpleInputCondition condition)
{
	guint64 count;
	gboolean more;

	(void)data;
	(void)condition;
	if (read(source, &count, sizeof(count)) < 0)
		return;
	more = take_events();
	lines_drain();
	count = 1;
	if (more && write(source, &count, sizeof(count)) < 0)
		purple_debug_error(SHIM_ID, "cannot re-arm the events\n");
}

gboolean
events_init(void)
{
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return FALSE;
	watch = purple_input_add(fd, PURPLE_INPUT_READ, events_cb, NULL);
	return TRUE;
}

int
events_fd(void)
{
	return fd;
}

void
events_uninit(void)
{
	if (watch)
		purple_input_remove(watch);
	watch = 0;
	if (fd >= 0)
		close(fd);
	fd = -1;
}
