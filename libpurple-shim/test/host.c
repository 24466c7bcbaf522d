/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host - a libpurple program without a face, driven by lines on stdin.
 *
 * host USER_DIR [PLUGIN.so ...]: loads the user directory and the plugins,
 * prints "ready", then one line for each thing that happens. Accounts are
 * named protocol:name. The commands stand in the table at the end.
 */
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define READ_COND (G_IO_IN | G_IO_HUP | G_IO_ERR)
#define WRITE_COND (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)

static GMainLoop *loop;
/* Press OK in forms; 2: a question's no; 3: that, at the command `press`. */
static int accept_forms;

void
say(const char *format, ...)
{
	char *line, *p;
	va_list args;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	for (p = line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	puts(line);
	fflush(stdout);
	g_free(line);
}

/* ---- libpurple's event loop over GLib's ---- */

struct io {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean
io_cb(GIOChannel *source, GIOCondition condition, gpointer data)
{
	struct io *io = data;
	PurpleInputCondition c = 0;

	if (condition & READ_COND)
		c |= PURPLE_INPUT_READ;
	if (condition & WRITE_COND)
		c |= PURPLE_INPUT_WRITE;
	io->function(io->data, g_io_channel_unix_get_fd(source), c);
	return TRUE;
}

static guint
input_add(gint fd, PurpleInputCondition c, PurpleInputFunction f, gpointer d)
{
	struct io *io = g_new0(struct io, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	guint id;

	io->function = f;
	io->data = d;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT,
				 (c & PURPLE_INPUT_READ ? READ_COND : 0) |
				 (c & PURPLE_INPUT_WRITE ? WRITE_COND : 0),
				 io_cb, io, g_free);
	g_io_channel_unref(channel);
	return id; /* cppcheck-suppress memleak ; the watch frees io */
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* ---- what a person would see ---- */

static char *
id_of(PurpleAccount *account)
{
	return g_strdup_printf("%s:%s", purple_account_get_protocol_id(account),
			       purple_account_get_username(account));
}

static void
disconnect_reason(PurpleConnection *gc, PurpleConnectionError reason,
		  const char *text)
{
	char *id = id_of(purple_connection_get_account(gc));

	say("error %s %s %s", id, purple_connection_error_is_fatal(reason) ?
	    "fatal" : "passing", text);
	g_free(id);
}

static PurpleConnectionUiOps connection_ops = {
	.report_disconnect_reason = disconnect_reason,
};

static void *
notify_message(PurpleNotifyMsgType type, const char *title,
	       const char *primary, const char *secondary)
{
	(void)type;
	say("notify %s | %s | %s", title ? title : "", primary ? primary : "",
	    secondary ? secondary : "");
	return NULL;
}

static void *
notify_formatted(const char *title, const char *primary,
		 const char *secondary, const char *text)
{
	say("page %s | %s | %s | %s", title ? title : "",
	    primary ? primary : "", secondary ? secondary : "", text);
	return NULL;
}

static void *
notify_uri(const char *uri)
{
	say("uri %s", uri);
	return NULL;
}

static PurpleNotifyUiOps notify_ops = {
	.notify_message = notify_message,
	.notify_formatted = notify_formatted,
	.notify_uri = notify_uri,
};

struct press {
	PurpleRequestActionCb cb;
	void *data;
	int index;
};

static struct press *unpressed;

static gboolean
press_button(gpointer data)
{
	struct press *press = data;

	press->cb(press->data, press->index);
	g_free(press);
	say("pressed");
	return FALSE;
}

/* The last button of a question of purple-onion's own is pressed where forms
 * are accepted; a question of libpurple's (a certificate) never is. A button's
 * number is as Pidgin gives it, from the last one on (gtkrequest.c). */
static void *
request_action(const char *title, const char *primary, const char *secondary,
	       int def, PurpleAccount *account, const char *who,
	       PurpleConversation *conv, void *data, size_t n, va_list actions)
{
	struct press *press;
	size_t i, count = n;

	(void)def; (void)account; (void)who; (void)conv;
	say("ask %s | %s | %s", title ? title : "", primary ? primary : "",
	    secondary ? secondary : "");
	if (!accept_forms || !purple_strequal(title, "purple-onion"))
		return NULL;
	if (accept_forms >= 2)
		n = 1;
	press = g_new0(struct press, 1);
	for (i = 0; i < n; i++) {
		(void)va_arg(actions, char *);
		press->cb = va_arg(actions, PurpleRequestActionCb);
	}
	press->data = data;
	press->index = (int)(count - n);
	if (accept_forms == 3)
		unpressed = press;
	else
		g_idle_add(press_button, press);
	return press;
}

static void
say_fields(PurpleRequestFields *fields)
{
	GList *g, *f;

	for (g = purple_request_fields_get_groups(fields); g; g = g->next)
		for (f = purple_request_field_group_get_fields(g->data); f;
		     f = f->next)
			say("field %s | %s", purple_request_field_get_id(f->data),
			    purple_request_field_get_label(f->data));
}

static GHashTable *answers;	/* field id -> value, for a form that has it */

static void
fill_fields(PurpleRequestFields *fields)
{
	GHashTableIter iter;
	gpointer id, value;

	g_hash_table_iter_init(&iter, answers);
	while (g_hash_table_iter_next(&iter, &id, &value)) {
		PurpleRequestField *f;

		if (!purple_request_fields_exists(fields, id))
			continue;
		f = purple_request_fields_get_field(fields, id);
		switch (purple_request_field_get_type(f)) {
		case PURPLE_REQUEST_FIELD_CHOICE:
			purple_request_field_choice_set_value(f, atoi(value));
			break;
		case PURPLE_REQUEST_FIELD_BOOLEAN:
			purple_request_field_bool_set_value(f, atoi(value));
			break;
		default:
			purple_request_field_string_set_value(f, value);
		}
		g_hash_table_iter_remove(&iter);
	}
}

struct form {
	PurpleRequestFieldsCb cb;
	void *data;
	PurpleRequestFields *fields;
};

static gboolean
press_ok(gpointer data)
{
	struct form *form = data;

	form->cb(form->data, form->fields);
	purple_request_fields_destroy(form->fields);
	g_free(form);
	return FALSE;
}

static void *
request_fields(const char *title, const char *primary, const char *secondary,
	       PurpleRequestFields *fields, const char *ok_text,
	       GCallback ok_cb, const char *cancel_text, GCallback cancel_cb,
	       PurpleAccount *account, const char *who,
	       PurpleConversation *conv, void *data)
{
	struct form *form;

	(void)ok_text; (void)cancel_text; (void)cancel_cb; (void)account;
	(void)who; (void)conv;
	say("form %s | %s | %s", title ? title : "", primary ? primary : "",
	    secondary ? secondary : "");
	say_fields(fields);
	fill_fields(fields);
	if (!accept_forms)
		return NULL;
	form = g_new0(struct form, 1);
	form->cb = (PurpleRequestFieldsCb)ok_cb;
	form->data = data;
	form->fields = fields;
	g_idle_add(press_ok, form);
	return form;
}

static void *
request_input(const char *title, const char *primary, const char *secondary,
	      const char *value, gboolean multiline, gboolean masked,
	      gchar *hint, const char *ok_text, GCallback ok_cb,
	      const char *cancel_text, GCallback cancel_cb,
	      PurpleAccount *account, const char *who,
	      PurpleConversation *conv, void *data)
{
	(void)multiline; (void)masked; (void)hint; (void)ok_text; (void)ok_cb;
	(void)cancel_text; (void)cancel_cb; (void)account; (void)who;
	(void)conv; (void)data;
	say("input %s | %s | %s | %s", title ? title : "",
	    primary ? primary : "", secondary ? secondary : "",
	    value ? value : "");
	return NULL;
}

static PurpleRequestUiOps request_ops = {
	.request_input = request_input,
	.request_action = request_action,
	.request_fields = request_fields,
};

/* ---- signals ---- */

static void
state_cb(PurpleConnection *gc, gpointer what)
{
	char *id = id_of(purple_connection_get_account(gc));

	say("%s %s", (const char *)what, id);
	g_free(id);
}

static void
received_cb(PurpleAccount *account, char *sender, char *message,
	    PurpleConversation *conv, PurpleMessageFlags flags, gpointer data)
{
	char *id = id_of(account);

	(void)conv; (void)flags; (void)data;
	say("message %s %s %s", id, sender, message);
	g_free(id);
}

static int handle;

static void
connect_signals(void)
{
	static const char *const names[] = { "signing-on", "signed-on",
					     "signed-off" };
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(names); i++)
		purple_signal_connect(purple_connections_get_handle(),
				      names[i], &handle,
				      PURPLE_CALLBACK(state_cb),
				      (gpointer)names[i]);
	purple_signal_connect(purple_conversations_get_handle(),
			      "received-im-msg", &handle,
			      PURPLE_CALLBACK(received_cb), NULL);
}

/* ---- commands ---- */

static PurpleAccount *
find(const char *id)
{
	GList *l;

	for (l = purple_accounts_get_all(); l; l = l->next) {
		char *have = id_of(l->data);
		gboolean same = purple_strequal(have, id);

		g_free(have);
		if (same)
			return l->data;
	}
	say("no-account %s", id);
	return NULL;
}

static void
cmd_enable(PurpleAccount *a, char **w)
{
	purple_account_set_enabled(a, purple_core_get_ui(),
				   atoi(w[2] ? w[2] : "1"));
}

static void
cmd_connect(PurpleAccount *a, char **w)
{
	(void)w;
	purple_account_connect(a);
}

static void
cmd_disconnect(PurpleAccount *a, char **w)
{
	(void)w;
	purple_account_disconnect(a);
}

static void
registered_cb(PurpleAccount *a, gboolean ok, void *data)
{
	char *id = id_of(a);

	(void)data;
	say("registered %s %d", id, ok);
	g_free(id);
}

static void
cmd_register(PurpleAccount *a, char **w)
{
	(void)w;
	purple_account_set_register_callback(a, registered_cb, NULL);
	purple_account_register(a);
}

static void
cmd_unregister(PurpleAccount *a, char **w)
{
	(void)w;
	purple_account_unregister(a, registered_cb, NULL);
}

static void
cmd_set(PurpleAccount *a, char **w)
{
	if (!w[2] || !w[3] || !w[4])
		return;
	if (w[3][0] == 's')
		purple_account_set_string(a, w[2], w[4]);
	else if (w[3][0] == 'b')
		purple_account_set_bool(a, w[2], atoi(w[4]));
	else
		purple_account_set_int(a, w[2], atoi(w[4]));
}

static void
cmd_proxy(PurpleAccount *a, char **w)
{
	PurpleProxyInfo *p = purple_proxy_info_new();

	purple_proxy_info_set_type(p, atoi(w[2]));
	purple_proxy_info_set_host(p, w[3]);
	purple_proxy_info_set_port(p, w[3] ? atoi(w[4]) : 0);
	purple_account_set_proxy_info(a, p);
}

static void
cmd_show(PurpleAccount *a, char **w)
{
	PurpleProxyInfo *p = purple_account_get_proxy_info(a);

	say("show %s proxy %d %s %d user %s", w[1],
	    p ? (int)purple_proxy_info_get_type(p) : -1,
	    p && purple_proxy_info_get_host(p) ?
		    purple_proxy_info_get_host(p) : "-",
	    p ? purple_proxy_info_get_port(p) : 0,
	    p && purple_proxy_info_get_username(p) ? "yes" : "no");
}

static void
cmd_get(PurpleAccount *a, char **w)
{
	say("get %s %s %s", w[1], w[2],
	    purple_account_get_string(a, w[2], "(absent)"));
}

static void
cmd_clear(PurpleAccount *a, char **w)
{
	(void)w;
	purple_account_clear_settings(a);
}

static void
cmd_rename(PurpleAccount *a, char **w)
{
	purple_account_set_username(a, w[2]);
}

static void
cmd_remove(PurpleAccount *a, char **w)
{
	purple_accounts_delete(a);
	say("removed %s", w[1]);
}

static void
cmd_send(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);

	if (gc && w[2] && w[3])
		say("sent %d", serv_send_im(gc, w[2], w[3], 0));
}

static void
cmd_status(PurpleAccount *a, char **w)
{
	purple_account_set_status(a, w[2], TRUE, "message", w[3], NULL);
}

static const struct host_command commands[] = {
	{ "enable", cmd_enable },	/* ACCOUNT [0|1] */
	{ "connect", cmd_connect },
	{ "disconnect", cmd_disconnect },
	{ "register", cmd_register },
	{ "unregister", cmd_unregister },
	{ "set", cmd_set },		/* ACCOUNT NAME string|bool|int VALUE */
	{ "proxy", cmd_proxy },		/* ACCOUNT TYPE HOST PORT */
	{ "show", cmd_show },
	{ "get", cmd_get },		/* ACCOUNT NAME */
	{ "clear", cmd_clear },
	{ "remove", cmd_remove },
	{ "rename", cmd_rename },	/* ACCOUNT NAME */
	{ "status", cmd_status },	/* ACCOUNT STATUS [TEXT] */
	{ "send", cmd_send },		/* ACCOUNT WHO TEXT */
	{ NULL, NULL },
};

static const struct host_command *
command_of(const struct host_command *table, const char *name)
{
	for (; table->name; table++)
		if (purple_strequal(table->name, name))
			return table;
	return NULL;
}

static PurplePlugin *
plugin_of(const char *path)
{
	PurplePlugin *plugin = purple_plugins_find_with_filename(path);

	return plugin ? plugin : purple_plugin_probe(path);
}

static void
load_plugin(const char *path)
{
	PurplePlugin *plugin = plugin_of(path);

	say("loaded %s %d", path, plugin && purple_plugin_load(plugin));
}

static void
run_action(const char *wanted)
{
	GList *l, *actions;
	PurplePlugin *plugin = purple_plugins_find_with_id("core-purple-onion");

	actions = plugin ? PURPLE_PLUGIN_ACTIONS(plugin, NULL) : NULL;
	for (l = actions; l; l = l->next) {
		PurplePluginAction *action = l->data;

		if (!action)
			continue;
		action->plugin = plugin;
		say("action %s", action->label);
		if (g_str_has_prefix(action->label, wanted))
			action->callback(action);
		purple_plugin_action_free(action);
	}
	g_list_free(actions);
}

/* As Pidgin's dialog does: settings, the list, then online or registering. */
static void
add_account(char **w)
{
	PurpleAccount *a = purple_account_new(w[2], w[1]);
	PurpleProxyInfo *proxy = purple_proxy_info_new();

	purple_account_set_password(a, "pw");
	purple_account_set_string(a, "connection_security",
				  "opportunistic_tls");
	if (atoi(w[3])) {
		purple_account_set_string(a, "connect_server", "127.0.0.1");
		purple_account_set_int(a, "port", atoi(w[3]));
	}
	purple_proxy_info_set_type(proxy, PURPLE_PROXY_NONE);
	purple_account_set_proxy_info(a, proxy);
	purple_accounts_add(a);
	if (purple_strequal(w[4], "register"))
		cmd_register(a, w);
	else
		purple_account_set_enabled(a, purple_core_get_ui(), TRUE);
}

/* Commands that are about no account; FALSE: none of them. */
static gboolean
run_other(char **w)
{
	PurplePlugin *plugin;

	if (purple_strequal(w[0], "quit")) {
		g_main_loop_quit(loop);
	} else if (purple_strequal(w[0], "load")) {
		load_plugin(w[1]);
	} else if (purple_strequal(w[0], "unload")) {
		plugin = plugin_of(w[1]);
		say("unloaded %s %d", w[1],
		    plugin && purple_plugin_unload(plugin));
	} else if (purple_strequal(w[0], "global")) {
		PurpleProxyInfo *p = purple_global_proxy_get_info();

		say("global %d %s %d", (int)purple_proxy_info_get_type(p),
		    purple_proxy_info_get_host(p) ?
			    purple_proxy_info_get_host(p) : "-",
		    purple_proxy_info_get_port(p));
	} else if (purple_strequal(w[0], "make")) {
		add_account(w);	/* PROTOCOL NAME PORT|0 enable|register */
	} else if (purple_strequal(w[0], "forms")) {
		accept_forms = atoi(w[1]);
	} else if (purple_strequal(w[0], "press") && unpressed) {
		press_button(g_steal_pointer(&unpressed));
	} else if (purple_strequal(w[0], "answer")) {
		g_hash_table_insert(answers, g_strdup(w[1]), g_strdup(w[2]));
	} else if (purple_strequal(w[0], "action")) {
		run_action(w[1]);
	} else if (purple_strequal(w[0], "pref")) {
		purple_prefs_set_string(w[1], w[2]);
	} else if (purple_strequal(w[0], "ping")) {
		say("pong %s", w[1] ? w[1] : "");
	} else {
		return FALSE;
	}
	return TRUE;
}

static void
run_line(const char *line)
{
	char **w = g_strsplit(line, "\t", 6);
	const struct host_command *command;
	PurpleAccount *account;

	if (w[0] && !run_other(w) && !messages_run(w) && !hooks_run(w) &&
	    !stall_run(w) && !soak_run(w)) {
		command = command_of(commands, w[0]);
		account = w[1] ? find(w[1]) : NULL;
		if (!command) {
			command = command_of(message_commands, w[0]);
			if (!command)
				command = command_of(hook_commands, w[0]);
			/* They need a connection. */
			if (account && !purple_account_get_connection(account))
				account = NULL;
		}
		if (command && account)
			command->run(account, w);
		else if (!command)
			say("no-command %s", w[0]);
	}
	g_strfreev(w);
}

static gboolean
stdin_cb(GIOChannel *in, GIOCondition condition, gpointer data)
{
	char *line = NULL;
	gsize end;

	(void)condition;
	(void)data;
	if (g_io_channel_read_line(in, &line, NULL, &end, NULL) !=
	    G_IO_STATUS_NORMAL) {
		g_main_loop_quit(loop);
		return FALSE;
	}
	line[end] = '\0';
	run_line(line);
	g_free(line);
	return TRUE;
}

static PurpleBlistUiOps blist_ops;	/* libpurple saves blist.xml for a UI */

static void
ui_init(void)
{
	purple_connections_set_ui_ops(&connection_ops);
	purple_notify_set_ui_ops(&notify_ops);
	purple_request_set_ui_ops(&request_ops);
	purple_blist_set_ui_ops(&blist_ops);
}

static PurpleCoreUiOps core_ops = { .ui_prefs_init = NULL,
				    .debug_ui_init = NULL,
				    .ui_init = ui_init };

int
main(int argc, char **argv)
{
	GIOChannel *in;
	int i;

	if (argc < 2) {
		fprintf(stderr, "usage: host USER_DIR [PLUGIN.so ...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					g_free);
	purple_util_set_user_dir(argv[1]);
	purple_debug_set_enabled(g_getenv("HOST_DEBUG") != NULL);
	purple_core_set_ui_ops(&core_ops);
	purple_eventloop_set_ui_ops(&loop_ops);
	if (!purple_core_init("host"))
		return 1;
	purple_set_blist(purple_blist_new());
	purple_blist_load();
	connect_signals();
	messages_init();
	hooks_init();
	for (i = 2; i < argc; i++)
		load_plugin(argv[i]);
	if (g_getenv("HOST_START"))	/* as Pidgin and Finch do */
		purple_accounts_restore_current_statuses();
	loop = g_main_loop_new(NULL, FALSE);
	in = g_io_channel_unix_new(0);
	g_io_add_watch(in, G_IO_IN | G_IO_HUP, stdin_cb, NULL);
	say("ready");
	g_main_loop_run(loop);
	purple_core_quit();
	return 0;
}
