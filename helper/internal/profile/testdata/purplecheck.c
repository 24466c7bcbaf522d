// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Prints what the real libpurple makes of a user directory, a line a fact:
 *	account PROTOCOL NAME ENABLED HASPASSWORD
 *	proxy TYPE HOST PORT USER PASSWORD
 *	setting NAME TYPE VALUE
 *	pref PATH TYPE VALUE
 * Strings are escaped by g_strescape. With "hold" it then says "ready" and
 * waits for its stdin to end, so that it can be found running. With "save" it
 * writes accounts.xml and prefs.xml again, as libpurple does at quit. With
 * "connect" it connects the first account and ends when that has failed.
 */
#include <purple.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* account.c's private struct. */
struct setting {
	PurplePrefType type;
	char *ui;
	union {
		int integer;
		char *string;
		gboolean boolean;
	} value;
};

static void
print(const char *text)
{
	char *escaped = g_strescape(text ? text : "", NULL);

	printf(" \"%s\"", escaped);
	g_free(escaped);
}

static void
print_setting(gpointer key, gpointer value, gpointer data)
{
	struct setting *s = value;

	(void)data;
	printf("setting");
	print(key);
	switch (s->type) {
	case PURPLE_PREF_STRING:
		printf(" string");
		print(s->value.string);
		break;
	case PURPLE_PREF_INT:
		printf(" int \"%d\"", s->value.integer);
		break;
	case PURPLE_PREF_BOOLEAN:
		printf(" bool \"%d\"", s->value.boolean ? 1 : 0);
		break;
	default:
		printf(" other \"\"");
	}
	putchar('\n');
}

static const char *
type_name(PurpleProxyType type)
{
	static const char *const names[] = {
		"none", "http", "socks4", "socks5", "envvar", "tor"
	};

	return type == PURPLE_PROXY_USE_GLOBAL ? "global" : names[type];
}

static void
print_account(PurpleAccount *account)
{
	PurpleProxyInfo *proxy = purple_account_get_proxy_info(account);

	printf("account");
	print(purple_account_get_protocol_id(account));
	print(purple_account_get_username(account));
	printf(" %d %d\n",
	       purple_account_get_enabled(account, "gtk-gaim") ||
	       purple_account_get_enabled(account, "gnt-purple"),
	       purple_account_get_password(account) != NULL);
	if (proxy) {
		printf("proxy \"%s\"", type_name(purple_proxy_info_get_type(proxy)));
		print(purple_proxy_info_get_host(proxy));
		printf(" \"%d\"", purple_proxy_info_get_port(proxy));
		print(purple_proxy_info_get_username(proxy));
		print(purple_proxy_info_get_password(proxy));
		putchar('\n');
	}
	g_hash_table_foreach(account->settings, print_setting, NULL);
}

static void
print_list(const char *path, GList *list)
{
	for (; list; list = list->next) {
		printf("pref \"%s\" item", path);
		print(list->data);
		putchar('\n');
	}
}

static void
print_pref(const char *path)
{
	if (!purple_prefs_exists(path))
		return;
	switch (purple_prefs_get_type(path)) {
	case PURPLE_PREF_STRING:
		printf("pref \"%s\" string", path);
		print(purple_prefs_get_string(path));
		break;
	case PURPLE_PREF_INT:
		printf("pref \"%s\" int \"%d\"", path, purple_prefs_get_int(path));
		break;
	case PURPLE_PREF_BOOLEAN:
		printf("pref \"%s\" bool \"%d\"", path, purple_prefs_get_bool(path));
		break;
	case PURPLE_PREF_PATH_LIST:
		print_list(path, purple_prefs_get_path_list(path));
		return;
	default:
		return;
	}
	putchar('\n');
}

struct io {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean
io_cb(GIOChannel *source, GIOCondition condition, gpointer data)
{
	struct io *io = data;

	io->function(io->data, g_io_channel_unix_get_fd(source),
		     condition & G_IO_IN ? PURPLE_INPUT_READ : PURPLE_INPUT_WRITE);
	return TRUE;
}

static guint
input_add(gint fd, PurpleInputCondition condition, PurpleInputFunction function,
	  gpointer data)
{
	struct io *io = g_new0(struct io, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);

	io->function = function;
	io->data = data;
	return g_io_add_watch_full(channel, G_PRIORITY_DEFAULT,
				   condition & PURPLE_INPUT_READ ? G_IO_IN : G_IO_OUT,
				   io_cb, io, g_free);
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = g_source_remove,
};

static void
connection_error_cb(PurpleConnection *gc, PurpleConnectionError reason,
		    const char *text, gpointer data)
{
	(void)gc;
	(void)reason;
	(void)text;
	g_main_loop_quit(data);
}

static gboolean
deadline_cb(gpointer data)
{
	(void)data;
	_exit(3);
}

static void
connect_first(void)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	PurpleAccount *account = purple_accounts_get_all()->data;

	purple_signal_connect(purple_connections_get_handle(), "connection-error",
			      loop, PURPLE_CALLBACK(connection_error_cb), loop);
	g_timeout_add_seconds(30, deadline_cb, NULL);
	purple_account_set_enabled(account, purple_core_get_ui(), TRUE);
	purple_account_connect(account);
	g_main_loop_run(loop);
	_exit(0);
}

int
main(int argc, char **argv)
{
	const char *user_dir = NULL, *mode = "";
	GList *l;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-c") && i + 1 < argc)
			user_dir = argv[++i];
		else
			mode = argv[i];
	}
	if (user_dir)
		purple_util_set_user_dir(user_dir);
	purple_debug_set_enabled(g_getenv("PURPLECHECK_DEBUG") != NULL);
	purple_eventloop_set_ui_ops(&loop_ops);
	purple_plugins_add_search_path("/nonexistent");
	if (!purple_core_init("purplecheck"))
		return 1;
	if (!strcmp(mode, "connect"))
		connect_first();
	if (!strcmp(mode, "save")) {
		purple_set_blist(purple_blist_new());
		purple_blist_load();
		purple_prefs_set_bool("/purple/debug/timestamps",
				      !purple_prefs_get_bool("/purple/debug/timestamps"));
		purple_account_set_bool(purple_accounts_get_all()->data, "purplecheck", TRUE);
		purple_core_quit();
		return 0;
	}
	for (l = purple_accounts_get_all(); l; l = l->next)
		print_account(l->data);
	print_pref("/purple/proxy/type");
	print_pref("/purple/proxy/host");
	print_pref("/purple/proxy/port");
	print_pref("/purple/proxy/username");
	print_pref("/purple/proxy/password");
	print_pref("/purple/network/auto_ip");
	print_pref("/purple/network/map_ports");
	print_pref("/purple/network/stun_server");
	print_pref("/purple/network/turn_server");
	print_pref("/pidgin/plugins/loaded");
	print_pref("/finch/plugins/loaded");
	fflush(stdout);
	if (!strcmp(mode, "hold")) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	_exit(0);
}
