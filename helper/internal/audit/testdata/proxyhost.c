// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * proxyhost: what the real libpurple makes of user directories.
 *
 * Each line on stdin is a user directory and, after tabs, NAME=VALUE of the
 * environment. For each a child loads it and answers with a line for each
 * account, the fields separated by tabs and the texts in hexadecimal:
 *
 *	account NAME TYPE HOST PORT USER REFUSED SECURITY PLAIN SSL
 *
 * TYPE is a PurpleProxyType; REFUSED is 1 where purple_proxy_connect gives up
 * at once; SECURITY, PLAIN, SSL are settings as their protocols ask for them.
 * "no_proxy N" is how many exceptions libpurple took from the environment,
 * and "end" ends a case. The main loop never runs, so nothing is connected.
 */
#include <glib.h>
#include <purple.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int no_proxy_entries;

static guint
input_add(int fd, PurpleInputCondition cond, PurpleInputFunction func,
	  gpointer data)
{
	(void)fd, (void)cond, (void)func, (void)data;
	return 1;
}

static gboolean
input_remove(guint handle)
{
	(void)handle;
	return TRUE;
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = input_add,
	.input_remove = input_remove,
};

static void
debug_print(PurpleDebugLevel level, const char *category, const char *text)
{
	(void)level, (void)category;
	sscanf(text, "Loaded %d no_proxy", &no_proxy_entries);
}

static gboolean
debug_enabled(PurpleDebugLevel level, const char *category)
{
	(void)level, (void)category;
	return TRUE;
}

static PurpleDebugUiOps debug_ops = {
	.print = debug_print,
	.is_enabled = debug_enabled,
};

static void
put_hex(const char *text)
{
	putchar('\t');
	for (; text && *text; text++)
		printf("%02x", (unsigned char)*text);
}

static void
connected_cb(gpointer data, gint source, const gchar *error)
{
	(void)data, (void)source, (void)error;
}

static int
refused(PurpleAccount *account)
{
	static int handle;
	PurpleProxyConnectData *c;

	c = purple_proxy_connect(&handle, account, "192.0.2.1", 5222,
				 connected_cb, NULL);
	if (c)
		purple_proxy_connect_cancel(c);
	return c == NULL;
}

static void
put_account(PurpleAccount *account)
{
	PurpleProxyInfo *info = purple_proxy_get_setup(account);

	printf("account");
	put_hex(purple_account_get_username(account));
	printf("\t%d", purple_proxy_info_get_type(info));
	put_hex(purple_proxy_info_get_host(info));
	printf("\t%d", purple_proxy_info_get_port(info));
	put_hex(purple_proxy_info_get_username(info));
	printf("\t%d", refused(account));
	put_hex(purple_account_get_string(account, "connection_security", ""));
	printf("\t%d\t%d\n",
	       purple_account_get_bool(account, "auth_plain_in_clear", FALSE),
	       purple_account_get_bool(account, "ssl", FALSE));
}

static void
one_case(char **fields)
{
	GList *l;
	int i;

	for (i = 1; fields[i]; i++)
		putenv(fields[i]);
	purple_util_set_user_dir(fields[0]);
	purple_debug_set_ui_ops(&debug_ops);
	purple_eventloop_set_ui_ops(&loop_ops);
	if (!purple_core_init("proxyhost"))
		exit(1);
	/* a matching no_proxy would hide what the proxy alone comes to */
	if (no_proxy_entries) {
		g_unsetenv("no_proxy");
		g_unsetenv("NO_PROXY");
		purple_proxy_uninit();
		purple_proxy_init();
	}
	for (l = purple_accounts_get_all(); l; l = l->next)
		put_account(l->data);
	printf("no_proxy\t%d\nend\n", no_proxy_entries);
	fflush(stdout);
	_exit(0);
}

int
main(void)
{
	char line[65536];
	int status;

	g_log_set_always_fatal(0);
	while (fgets(line, sizeof(line), stdin)) {
		pid_t pid;

		line[strcspn(line, "\n")] = '\0';
		pid = fork();
		if (pid == 0)
			one_case(g_strsplit(line, "\t", -1));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	return 0;
}
