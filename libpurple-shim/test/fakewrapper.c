/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fakewrapper - a plugin of somebody else's, which puts functions of its own
 * over those that it finds: over TLS's, the certificate verifier's or
 * XMPP's, as FAKE_WRAPPER says ("ssl", "verifier", "protocol").
 */
#define PURPLE_PLUGINS
#include <stdlib.h>

#include <certificate.h>
#include <plugin.h>
#include <prpl.h>
#include <sslconn.h>
#include <version.h>

static void (*below_close)(PurpleSslConnection *gsc);
static void (*below_start)(PurpleCertificateVerificationRequest *vrq);
static void (*below_login)(PurpleAccount *account);

static void
over_close(PurpleSslConnection *gsc)
{
	below_close(gsc);
}

static void
over_start(PurpleCertificateVerificationRequest *vrq)
{
	below_start(vrq);
}

static void
over_login(PurpleAccount *account)
{
	below_login(account);
}

static PurpleCertificateVerifier *
verifier(void)
{
	return purple_certificate_find_verifier("x509", "tls_cached");
}

static PurplePluginProtocolInfo *
jabber(void)
{
	return PURPLE_PLUGIN_PROTOCOL_INFO(purple_find_prpl("prpl-jabber"));
}

static gboolean
over(const char *what)
{
	return purple_strequal(getenv("FAKE_WRAPPER"), what);
}

static gboolean
load(PurplePlugin *plugin)
{
	(void)plugin;
	below_close = purple_ssl_get_ops()->close;
	below_start = verifier()->start_verification;
	below_login = jabber()->login;
	if (over("ssl"))
		purple_ssl_get_ops()->close = over_close;
	if (over("verifier"))
		verifier()->start_verification = over_start;
	if (over("protocol"))
		jabber()->login = over_login;
	return TRUE;
}

static gboolean
unload(PurplePlugin *plugin)
{
	(void)plugin;
	purple_ssl_get_ops()->close = below_close;
	verifier()->start_verification = below_start;
	jabber()->login = below_login;
	return TRUE;
}

static PurplePluginInfo info = {
	.magic = PURPLE_PLUGIN_MAGIC,
	.major_version = PURPLE_MAJOR_VERSION,
	.minor_version = PURPLE_MINOR_VERSION,
	.type = PURPLE_PLUGIN_STANDARD,
	.id = (char *)"core-fakewrapper",
	.name = (char *)"fakewrapper",
	.load = load,
	.unload = unload,
};

static void
init_plugin(PurplePlugin *plugin)
{
	(void)plugin;
}

PURPLE_INIT_PLUGIN(fakewrapper, init_plugin, info)
