/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An account's settings as its protection wants them. */
#include "shim.h"

#include <string.h>

#include <debug.h>

/* Which settings the helper is told; it says what becomes of them. */
static const struct {
	const char *name;
	char type;		/* s, b, i */
} told[] = {
	{ SHIM_LEVEL, 's' },
	{ "connection_security", 's' },
	{ "auth_plain_in_clear", 'b' },
	{ "connect_server", 's' },
	{ "bosh_url", 's' },
	{ "port", 'i' },
	{ "ssl", 'b' },
	{ "username", 's' },
	{ "realname", 's' },
	{ "use-global-buddyicon", 'b' },
};

/* "string:value" of a setting that is there, else NULL; owned. */
static char *
setting_text(PurpleAccount *account, const char *name, char type)
{
	const char *s;
	int i;

	switch (type) {
	case 's':
		s = purple_account_get_string(account, name, NULL);
		return s ? g_strconcat("string:", s, NULL) : NULL;
	case 'b':
		i = purple_account_get_bool(account, name, FALSE);
		if (i != purple_account_get_bool(account, name, TRUE))
			return NULL;
		return g_strdup(i ? "bool:1" : "bool:0");
	default:
		i = purple_account_get_int(account, name, -1);
		if (i != purple_account_get_int(account, name, -2))
			return NULL;
		return g_strdup_printf("int:%d", i);
	}
}

static void
snapshot_proxy(PurpleAccount *account, GKeyFile *request)
{
	static const char *const names[] = { "none", "http", "socks4",
					     "socks5", "envvar", "tor" };
	PurpleProxyInfo *proxy = purple_account_get_proxy_info(account);
	int type = proxy ? (int)purple_proxy_info_get_type(proxy) : -1;
	const char *s;

	if (!proxy)
		return;
	g_key_file_set_string(request, "proxy", "type",
			      type >= 0 && type < (int)G_N_ELEMENTS(names)
				      ? names[type] : "global");
	g_key_file_set_integer(request, "proxy", "port",
			       purple_proxy_info_get_port(proxy));
	s = purple_proxy_info_get_host(proxy);
	if (s)
		g_key_file_set_string(request, "proxy", "host", s);
	s = purple_proxy_info_get_username(proxy);
	if (s)
		g_key_file_set_string(request, "proxy", "username", s);
	s = purple_proxy_info_get_password(proxy);
	if (s)
		g_key_file_set_string(request, "proxy", "password", s);
}

void
pins_snapshot(PurpleAccount *account, GKeyFile *request)
{
	gsize i;

	g_key_file_set_string(request, "account", "protocol",
			      purple_account_get_protocol_id(account));
	g_key_file_set_string(request, "account", "name",
			      purple_account_get_username(account));
	snapshot_proxy(account, request);
	for (i = 0; i < G_N_ELEMENTS(told); i++) {
		char *text = setting_text(account, told[i].name,
					  told[i].type);

		if (text)
			g_key_file_set_string(request, "settings",
					      told[i].name, text);
		g_free(text);
	}
}

static char
type_of(const char *name)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(told); i++)
		if (purple_strequal(told[i].name, name))
			return told[i].type;
	return 's';
}

static void
carry_out_setting(PurpleAccount *account, const char *name, const char *text)
{
	if (g_str_has_prefix(text, "string:"))
		purple_account_set_string(account, name, text + 7);
	else if (g_str_has_prefix(text, "bool:"))
		purple_account_set_bool(account, name, text[5] == '1');
	else if (g_str_has_prefix(text, "int:"))
		purple_account_set_int(account, name,
				       (int)g_ascii_strtoll(text + 4, NULL,
							    10));
}

static PurpleProxyType
proxy_type(const char *name)
{
	static const struct {
		const char *name;
		PurpleProxyType type;
	} types[] = {
		{ "none", PURPLE_PROXY_NONE },
		{ "http", PURPLE_PROXY_HTTP },
		{ "socks4", PURPLE_PROXY_SOCKS4 },
		{ "socks5", PURPLE_PROXY_SOCKS5 },
		{ "envvar", PURPLE_PROXY_USE_ENVVAR },
		{ "tor", PURPLE_PROXY_TOR },
		{ "global", PURPLE_PROXY_USE_GLOBAL },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(types); i++)
		if (purple_strequal(name, types[i].name))
			return types[i].type;
	return PURPLE_PROXY_TOR;	/* nonsense goes nowhere */
}

/* [proxy] type=absent takes the account's own proxy away. */
static void
carry_out_proxy(PurpleAccount *account, GKeyFile *answer)
{
	PurpleProxyInfo *proxy;
	char *type = g_key_file_get_string(answer, "proxy", "type", NULL);
	char *s;

	if (purple_strequal(type, "absent")) {
		purple_account_set_proxy_info(account, NULL);
		g_free(type);
		return;
	}
	proxy = purple_proxy_info_new();
	purple_proxy_info_set_type(proxy, proxy_type(type));
	g_free(type);
	s = g_key_file_get_string(answer, "proxy", "host", NULL);
	purple_proxy_info_set_host(proxy, s);
	g_free(s);
	purple_proxy_info_set_port(proxy, g_key_file_get_integer(
						 answer, "proxy", "port",
						 NULL));
	s = g_key_file_get_string(answer, "proxy", "username", NULL);
	purple_proxy_info_set_username(proxy, s);
	g_free(s);
	s = g_key_file_get_string(answer, "proxy", "password", NULL);
	purple_proxy_info_set_password(proxy, s);
	g_free(s);
	purple_account_set_proxy_info(account, proxy);
}

void
pins_carry_out(PurpleAccount *account, GKeyFile *answer)
{
	char **keys, **k, *text;

	if (g_key_file_has_group(answer, "proxy"))
		carry_out_proxy(account, answer);
	keys = g_key_file_get_keys(answer, "unset", NULL, NULL);
	for (k = keys; k && *k; k++)
		purple_account_remove_setting(account, *k);
	g_strfreev(keys);
	keys = g_key_file_get_keys(answer, "set", NULL, NULL);
	for (k = keys; k && *k; k++) {
		char *now = setting_text(account, *k, type_of(*k));

		text = g_key_file_get_string(answer, "set", *k, NULL);
		/* Setting what is set already would have libpurple save,
		 * with the gate's port in the proxy. */
		if (text && !purple_strequal(text, now))
			carry_out_setting(account, *k, text);
		g_free(text);
		g_free(now);
	}
	g_strfreev(keys);
}

/* The account's own proxy, made where it has none. Set in place: nothing
 * that is being connected hangs on to a freed one. */
static PurpleProxyInfo *
own_proxy(PurpleAccount *account)
{
	PurpleProxyInfo *proxy = purple_account_get_proxy_info(account);

	if (!proxy) {
		proxy = purple_proxy_info_new();
		purple_account_set_proxy_info(account, proxy);
	}
	purple_proxy_info_set_type(proxy, PURPLE_PROXY_TOR);
	if (!purple_strequal(purple_proxy_info_get_host(proxy),
			     SHIM_DEAD_HOST))
		purple_proxy_info_set_host(proxy, SHIM_DEAD_HOST);
	return proxy;
}

static gboolean
proxy_changed(PurpleAccount *account, int port)
{
	PurpleProxyInfo *proxy = purple_account_get_proxy_info(account);

	return !proxy ||
	       purple_proxy_info_get_type(proxy) != PURPLE_PROXY_TOR ||
	       !purple_strequal(purple_proxy_info_get_host(proxy),
				SHIM_DEAD_HOST) ||
	       purple_proxy_info_get_port(proxy) != port;
}

void
pins_gate(PurpleAccount *account, struct watched *w,
	  const struct ponion_answer *answer)
{
	PurpleProxyInfo *proxy = own_proxy(account);

	purple_proxy_info_set_port(proxy, (int)answer->gate_port);
	purple_proxy_info_set_username(proxy, answer->user);
	purple_proxy_info_set_password(proxy, answer->password);
	w->gate_port = answer->gate_port;
}

void
pins_dead(PurpleAccount *account, struct watched *w)
{
	gboolean was_dead = !proxy_changed(account, SHIM_DEAD_PORT);
	PurpleProxyInfo *proxy = own_proxy(account);
	char *level;

	purple_proxy_info_set_port(proxy, SHIM_DEAD_PORT);
	purple_proxy_info_set_username(proxy, NULL);
	purple_proxy_info_set_password(proxy, NULL);
	w->gate_port = 0;
	if (was_dead)
		return;
	/* Have libpurple save: what it saved meanwhile has the gate's port. */
	level = g_strdup(purple_account_get_string(account, SHIM_LEVEL, NULL));
	if (level)
		purple_account_set_string(account, SHIM_LEVEL, level);
	g_free(level);
}

gboolean
pins_apply(PurpleAccount *account, struct watched *w)
{
	GKeyFile *request = call_new("pins"), *answer;

	pins_snapshot(account, request);
	answer = call_helper(request);
	if (!call_ok(answer)) {
		if (answer)
			g_key_file_free(answer);
		return FALSE;
	}
	g_key_file_remove_group(answer, "proxy", NULL);
	pins_carry_out(account, answer);
	if (w->pins)
		g_key_file_free(w->pins);
	w->pins = answer;
	return TRUE;
}

const char *
pins_changed(PurpleAccount *account, const struct watched *w)
{
	const char *changed = NULL;
	char **keys, **k;

	if (proxy_changed(account, w->gate_port ? (int)w->gate_port
						: SHIM_DEAD_PORT))
		return "proxy";
	if (!w->pins)
		return NULL;
	keys = g_key_file_get_keys(w->pins, "set", NULL, NULL);
	for (k = keys; k && *k && !changed; k++) {
		char *want = g_key_file_get_string(w->pins, "set", *k, NULL);
		char *have = setting_text(account, *k, type_of(*k));

		if (!purple_strequal(want, have))
			changed = g_intern_string(*k);
		g_free(want);
		g_free(have);
	}
	g_strfreev(keys);
	return changed;
}
