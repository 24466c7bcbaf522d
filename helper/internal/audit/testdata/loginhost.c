// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * loginhost DIR: signs the accounts of a user directory on, with the real
 * libpurple, until its stdin ends.
 */
#include <glib.h>
#include <purple.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
	PurpleInputFunction function;
	gpointer data;
} Watch;

static gboolean
watch_cb(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	Watch *w = data;
	PurpleInputCondition c = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		c |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR))
		c |= PURPLE_INPUT_WRITE;
	w->function(w->data, g_io_channel_unix_get_fd(channel), c);
	return TRUE;
}

static guint
input_add(int fd, PurpleInputCondition cond, PurpleInputFunction function,
	  gpointer data)
{
	GIOChannel *channel = g_io_channel_unix_new(fd);
	GIOCondition c = G_IO_HUP | G_IO_ERR;
	Watch *w = g_new0(Watch, 1);
	guint id;

	w->function = function;
	w->data = data;
	if (cond & PURPLE_INPUT_READ)
		c |= G_IO_IN;
	if (cond & PURPLE_INPUT_WRITE)
		c |= G_IO_OUT;
	id = g_io_add_watch_full(channel, 0, c, watch_cb, w, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

static void
stdin_cb(gpointer data, gint fd, PurpleInputCondition cond)
{
	char byte;

	(void)cond;
	if (read(fd, &byte, 1) <= 0)
		g_main_loop_quit(data);
}

int
main(int argc, char **argv)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	GList *l;

	if (argc != 2)
		return 2;
	purple_util_set_user_dir(argv[1]);
	purple_eventloop_set_ui_ops(&loop_ops);
	if (!purple_core_init("loginhost"))
		return 1;
	purple_input_add(0, PURPLE_INPUT_READ, stdin_cb, loop);
	for (l = purple_accounts_get_all(); l; l = l->next)
		purple_account_set_enabled(l->data, "loginhost", TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL,
						PURPLE_STATUS_AVAILABLE));
	g_main_loop_run(loop);
	_exit(0);
}
