/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding, loading and stopping the helper. */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <debug.h>
#include <util.h>

static const struct ponion_api *loaded;	/* fits; lives as long as we do */
static gboolean started;
static const char *fault = "it was not loaded";

/* ../purple-onion/libpurple-onion.so beside our own folder; owned, or NULL. */
static char *
helper_path(void)
{
	Dl_info self;
	char *folder, *above, *path;

	if (!dladdr((void *)helper_path, &self) || !self.dli_fname ||
	    !g_path_is_absolute(self.dli_fname))
		return NULL;
	folder = g_path_get_dirname(self.dli_fname);
	above = g_path_get_dirname(folder);
	path = g_build_filename(above, "purple-onion", "libpurple-onion.so",
				NULL);
	g_free(above);
	g_free(folder);
	return path;
}

/*
 * Go's threads inherit the signal mask of this moment: the program's own
 * signals must not be delivered to them. The synchronous ones, and those that
 * Go's runtime needs, stay open.
 */
static void
block_signals(sigset_t *before)
{
	static const int open_ones[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGTRAP, SIGSYS, SIGABRT, SIGURG, SIGPROF };
	sigset_t all;
	gsize i;

	sigfillset(&all);
	for (i = 0; i < G_N_ELEMENTS(open_ones); i++)
		sigdelset(&all, open_ones[i]);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

static const struct ponion_api *
open_library(void)
{
	const struct ponion_api *(*get_api)(uint32_t);
	const struct ponion_api *found;
	char *path = helper_path();
	void *library;

	library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!library) {
		purple_debug_error(SHIM_ID, "cannot load the helper: %s\n",
				   path ? dlerror() : "no path");
		fault = "its library cannot be loaded";
		g_free(path);
		return NULL;
	}
	g_free(path);
	*(void **)&get_api = dlsym(library, "ponion_get_api");
	found = get_api ? get_api(PONION_ABI) : NULL;
	if (!found || found->abi != PONION_ABI ||
	    found->size < sizeof(struct ponion_api)) {
		fault = "its version does not fit this plugin";
		return NULL;
	}
	return found;
}

static gboolean
start(void)
{
	GKeyFile *settings = g_key_file_new();
	char *text;
	int ok;

	g_key_file_set_string(settings, "start", "user_dir",
			      purple_user_dir());
	text = g_key_file_to_data(settings, NULL, NULL);
	ok = loaded->start(text, events_fd());
	g_free(text);
	g_key_file_free(settings);
	if (!ok)
		fault = "it cannot start";
	return ok == 1;
}

gboolean
helper_load(void)
{
	sigset_t before;

	block_signals(&before);
	if (!loaded)
		loaded = open_library();
	started = loaded && start();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!started)
		purple_debug_error(SHIM_ID, "no helper: %s\n", fault);
	return started;
}

void
helper_stop(void)
{
	if (started)
		loaded->stop();
	started = FALSE;
	fault = "it was stopped";
}

const struct ponion_api *
helper_api(void)
{
	return started ? loaded : NULL;
}

const char *
helper_fault(void)
{
	return fault;
}
