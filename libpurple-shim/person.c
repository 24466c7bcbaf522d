/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libpurple tells of the person by itself. A protected account does not
 * say how long nobody typed. A secret one stays available, or what was set for
 * it alone, whatever the program's status is, and sets no picture and no card;
 * one of level tor follows the program, but not in the same second as others.
 */
#include "wrap.h"

#include <string.h>

#include <debug.h>
#include <eventloop.h>
#include <savedstatuses.h>

/* Where nobody can tell which, the stricter. */
static gboolean
is_secret(PurpleAccount *account)
{
	struct watched *w = watched_get(account);

	return !w->open && w->level != PONION_LEVEL_TOR;
}

void
person_set_idle(PurpleConnection *gc, int seconds)
{
	const struct wrapped *own = wrap_original(gc);

	if (own && own->set_idle &&
	    watched_get(purple_connection_get_account(gc))->open)
		own->set_idle(gc, seconds);
}

void
person_set_buddy_icon(PurpleConnection *gc, PurpleStoredImage *image)
{
	const struct wrapped *own = wrap_original(gc);

	if (own && own->set_buddy_icon &&
	    !is_secret(purple_connection_get_account(gc)))
		own->set_buddy_icon(gc, image);
}

void
person_set_info(PurpleConnection *gc, const char *info)
{
	const struct wrapped *own = wrap_original(gc);

	if (own && own->set_info &&
	    !is_secret(purple_connection_get_account(gc)))
		own->set_info(gc, info);
}

/* ---- status ---- */

/* The status that a secret account has: its own, or available. */
static const char *
wanted(PurpleAccount *account)
{
	PurpleStatusType *type = purple_account_get_status_type_with_primitive(
		account, PURPLE_STATUS_AVAILABLE);
	const char *own = watched_get(account)->status;

	if (own)
		return own;
	return type ? purple_status_type_get_id(type) : NULL;
}

static gboolean
set_later_cb(gpointer data)
{
	PurpleAccount *account = data;
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	watched_get(account)->status_timer = 0;
	if (own && own->set_status && purple_account_is_connected(account))
		own->set_status(account,
				purple_account_get_active_status(account));
	return FALSE;
}

/* The newest one goes, when the time has come. */
static void
set_later(PurpleAccount *account, guint ms)
{
	struct watched *w = watched_get(account);

	if (!w->status_timer)
		w->status_timer = purple_timeout_add(ms, set_later_cb,
						     account);
}

/* TRUE where the protocol is to have the status now. */
static gboolean
may_set_secret(PurpleAccount *account, PurpleStatus *status)
{
	struct watched *w = watched_get(account);
	const char *id = purple_status_get_id(status);
	const char *want = wanted(account);

	if (!purple_status_is_exclusive(status))
		return FALSE;		/* a mood, a tune */
	if (!times_activating()) {
		g_free(w->status);
		w->status = g_strdup(id);
		return TRUE;
	}
	if (purple_strequal(id, want))
		return TRUE;
	if (want)
		purple_account_set_status(account, want, TRUE, NULL);
	return FALSE;
}

static gboolean
may_set(PurpleAccount *account, PurpleStatus *status)
{
	guint ms;

	if (watched_get(account)->open)
		return TRUE;
	if (is_secret(account))
		return may_set_secret(account, status);
	ms = times_activating() ? times_delay() : 0;
	if (ms)
		set_later(account, ms);
	return ms == 0;
}

void
person_set_status(PurpleAccount *account, PurpleStatus *status)
{
	PurpleConnection *gc = purple_account_get_connection(account);
	const struct wrapped *own = gc ? wrap_original(gc) : NULL;

	if (own && own->set_status && may_set(account, status))
		own->set_status(account, status);
}

/* TRUE where the account has the status that the program has. */
static gboolean
follows(PurpleAccount *account)
{
	PurpleSavedStatus *now = purple_savedstatus_get_current();
	PurpleStatusType *type;

	if (!now || purple_savedstatus_get_substatus(now, account))
		return FALSE;
	type = purple_account_get_status_type_with_primitive(
		account, purple_savedstatus_get_type(now));
	return type && purple_strequal(
		purple_status_type_get_id(type),
		purple_status_get_id(purple_account_get_active_status(account)));
}

/* The protocol takes the account's status along when it signs on. */
void
person_sign_on(PurpleAccount *account)
{
	const char *want = wanted(account);

	if (is_secret(account) && want && follows(account))
		purple_account_set_status(account, want, TRUE, NULL);
}
