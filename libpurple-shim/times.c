/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When an account does something, and who wanted it. At the program's start
 * libpurple signs every enabled account on, and a change of the program's
 * status changes all accounts in one loop: neither is a person's word about
 * this account.
 */
#include "shim.h"

#include <eventloop.h>
#include <prefs.h>
#include <savedstatuses.h>

#define CURRENT "/purple/savedstatus/default"
#define IDLE_AWAY "/purple/savedstatus/isidleaway"

static gboolean starting;	/* the main loop has not turned since load */
static guint start_timer;
static gboolean activating;	/* the program's status is being set */
static guint activate_timer;

static gboolean
started_cb(gpointer data)
{
	(void)data;
	start_timer = 0;
	starting = FALSE;
	return FALSE;
}

static gboolean
activated_cb(gpointer data)
{
	(void)data;
	activate_timer = 0;
	activating = FALSE;
	return FALSE;
}

/* libpurple sets the preference, then each account (savedstatuses.c). */
static void
status_pref_cb(const char *name, PurplePrefType type, gconstpointer value,
	       gpointer data)
{
	(void)name;
	(void)type;
	(void)value;
	(void)data;
	activating = TRUE;
	if (!activate_timer)
		activate_timer = purple_timeout_add(0, activated_cb, NULL);
}

void
savedstatus_changed_cb(PurpleSavedStatus *now, PurpleSavedStatus *old,
		       void *data)
{
	(void)now;
	(void)old;
	(void)data;
	activating = FALSE;
}

gboolean
times_activating(void)
{
	return activating;
}

void
times_asked(PurpleAccount *account)
{
	watched_get(account)->asked = TRUE;
}

/* Enabled or made by a person: the program's start makes neither signal. */
void
account_asked_cb(PurpleAccount *account, void *data)
{
	(void)data;
	if (!starting)
		times_asked(account);
}

/* Going online is also asked for by setting the program's status. */
gboolean
times_wanted(PurpleAccount *account)
{
	if (activating && !starting)
		times_asked(account);
	return watched_get(account)->asked;
}

guint
times_delay(void)
{
	GKeyFile *answer = call_helper(call_new("delay"));
	int ms = answer ? g_key_file_get_integer(answer, "answer", "ms", NULL)
			: 0;

	if (answer)
		g_key_file_free(answer);
	return (guint)MAX(ms, 0);
}

/* Before the last words: the helper keeps what is sent from now on. */
void
times_leaving(PurpleAccount *account)
{
	struct watched *w = watched_get(account);

	if (helper_api() && w->sign_on && w->online && !w->told)
		helper_api()->signon_state(w->sign_on, PONION_SIGNON_LEAVING);
}

void
times_init(void)
{
	starting = TRUE;
	activating = FALSE;
	start_timer = purple_timeout_add(0, started_cb, NULL);
	purple_prefs_connect_callback(shim_plugin, CURRENT, status_pref_cb,
				      NULL);
	purple_prefs_connect_callback(shim_plugin, IDLE_AWAY, status_pref_cb,
				      NULL);
}

/* process.c gives back the callbacks of all preferences. */
void
times_uninit(void)
{
	if (start_timer)
		purple_timeout_remove(start_timer);
	if (activate_timer)
		purple_timeout_remove(activate_timer);
	start_timer = activate_timer = 0;
}
