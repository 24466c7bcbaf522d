# SPDX-License-Identifier: GPL-3.0-or-later
# Builds, checks, installs. `make help` lists the targets.

VERSION := $(shell cat VERSION)

prefix     ?= /usr/local
exec_prefix ?= $(prefix)
bindir     ?= $(exec_prefix)/bin
libdir     ?= $(exec_prefix)/lib
DESTDIR    ?=
# libpurple looks for plugins in its own libdir only: for a system-wide install
# give libdir as `pkg-config --variable=libdir purple` says it.
pluginsdir ?= $(libdir)/purple-2
helperdir  ?= $(libdir)/purple-onion
datadir    ?= $(prefix)/share
mandir     ?= $(datadir)/man
systemduserdir ?= $(prefix)/lib/systemd/user
metainfodir ?= $(datadir)/metainfo
bashcompdir ?= $(datadir)/bash-completion/completions
zshcompdir  ?= $(datadir)/zsh/site-functions
fishcompdir ?= $(datadir)/fish/vendor_completions.d

CC         ?= gcc
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2 -g

# Go's linker flags: nothing for the debugger in it, unless a packager says
# GO_STRIP= and strips himself. GO_CLI=cgo links the command by the C linker.
GO_STRIP   ?= -s -w
GO_CLI     ?= static

# No toolchain is fetched from the web behind anyone's back.
export GOTOOLCHAIN := local

# The shim finds the helper beside itself, as ../purple-onion/libpurple-onion.so.
cli    := build/purple-onion
shim   := build/lib/plugins/purple-onion.so
helper := build/lib/purple-onion/libpurple-onion.so

all: $(cli) $(helper) $(shim)
build: all
.PHONY: all build

help:
	@printf '%s\n' \
	  'make setup          install what is needed (Debian, Ubuntu), download modules' \
	  'make demo           show the main job on an offline lab' \
	  'make test           every test, with the lab' \
	  'make check          linters and quick tests, without the lab' \
	  'make                build into build/' \
	  'make dist           the source tarball, with the Go modules, in build/dist' \
	  'make deb            Debian packages, in build/deb' \
	  'make packages       build and test them (as root, on Debian)' \
	  'make install        into prefix=$(prefix) libdir=$(libdir) (DESTDIR is kept)' \
	  'make install-user   plugin, helper and command into your home directory' \
	  'make uninstall, uninstall-user, bench, fuzz FUZZTIME=30s, soak SOAK_MINUTES=30, clean'
.PHONY: help

setup:
	scripts/setup
.PHONY: setup

demo: setup
	@$(MAKE) --no-print-directory all
	scripts/demo
.PHONY: demo

# Go's own cache knows what is out of date: these are always asked to build.
FORCE:
.PHONY: FORCE

go_flags   := -trimpath -buildvcs=false -mod=$(if $(wildcard vendor/modules.txt),vendor,readonly)
go_ldflags := $(GO_STRIP) -buildid= -X main.version=$(VERSION)
hardened   := -Wl,-z,relro,-z,now,-z,noexecstack

# The command needs nothing of C: with cgo too it looks up no names by glibc.
ifeq ($(GO_CLI),cgo)
cli_build = CGO_ENABLED=1 CGO_CFLAGS='$(cgo_cflags)' go build $(go_flags) -buildmode=pie -tags netgo,osusergo \
  -ldflags '$(go_ldflags) -linkmode=external -extldflags "$(hardened)"'
else
cli_build = CGO_ENABLED=0 go build $(go_flags) -buildmode=pie -ldflags '$(go_ldflags)'
endif

$(cli): FORCE
	@mkdir -p $(@D)
	$(cli_build) -o $@ ./helper/cmd/purple-onion

# -ffile-prefix-map stays out of cgo's flags: with it the library differs from
# one build to the next; -trimpath does its work.
cgo_cflags := $(filter-out -ffile-prefix-map=%,$(CFLAGS)) -DPONION_VERSION=$(VERSION) -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
map        := helper/cmd/libpurple-onion/ponion.map
helper_ld  := $(hardened),--version-script=$(CURDIR)/$(map)

# build_helper TAGS
define build_helper
	@mkdir -p $(@D)
	CGO_ENABLED=1 CGO_CFLAGS='$(cgo_cflags)' go build $(go_flags) -buildmode=c-shared $(if $(1),-tags $(1)) \
	  -ldflags '$(go_ldflags) -extldflags "$(helper_ld)"' \
	  -o $@ ./helper/cmd/libpurple-onion
	@rm -f $(@:.so=.h)
endef

$(helper): FORCE $(map)
	$(build_helper)

# Helpers for the control arms of scripts/leaks, with a build tag each.
# Nothing else is made from them, and nothing installs them.
tagged := $(foreach tag,sabotage testclock nogate,build/leaks/$(tag)/libpurple-onion.so)
leaks-helpers: $(tagged)
.PHONY: leaks-helpers

$(tagged): build/leaks/%/libpurple-onion.so: FORCE $(map)
	$(call build_helper,$*)

# The shim.
arch         := $(shell $(CC) -dumpmachine)
# Not asked for before it is used: on a fresh machine pkg-config comes with set-up.
purple_cflags = $(shell $(PKG_CONFIG) --cflags purple)
shim_cflags   = -std=gnu11 -fPIC -fvisibility=hidden -Wall -Wextra -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wformat=2 -fstack-protector-strong -fstack-clash-protection \
  -ffile-prefix-map=$(CURDIR)=. -DPONION_VERSION=$(VERSION) \
  -Ihelper/cmd/libpurple-onion -Ilibpurple-shim $(purple_cflags)
ifneq ($(filter x86_64-% i686-% i386-%,$(arch)),)
shim_cflags += -fcf-protection
endif
ifeq ($(CI),true)
shim_cflags += -Werror
endif
harden       := -D_FORTIFY_SOURCE=2
sanitise     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
shim_ldflags := -shared -Wl,-z,relro,-z,now,-z,defs -Wl,--as-needed
purple_libs   = $(shell $(PKG_CONFIG) --libs purple) -ldl

shim_src   := $(wildcard libpurple-shim/*.c)
shim_obj   := $(shim_src:libpurple-shim/%.c=build/obj/shim/%.o)
shim_asan  := $(shim_src:libpurple-shim/%.c=build/obj/asan/%.o)

$(shim): $(shim_obj)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(shim_ldflags) $(LDFLAGS) -o $@ $(shim_obj) $(purple_libs)

build/obj/shim/%.o: libpurple-shim/%.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(shim_cflags) $(harden) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The shim for its tests: under the address and undefined-behaviour sanitisers.
asan := build/asan/lib/plugins/purple-onion.so
asan: $(asan)
.PHONY: asan

$(asan): $(shim_asan)
	@mkdir -p $(@D)
	$(CC) $(sanitise) -shared -Wl,--as-needed -o $@ $(shim_asan) $(purple_libs)

build/obj/asan/%.o: libpurple-shim/%.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(shim_cflags) $(CPPFLAGS) $(sanitise) -MMD -MP -c -o $@ $<

# The shim without its hooks, for scripts/leaks: the functions that nohooks.c
# has stand in the place of the shim's own, each of which has to be there. The
# controls' has those of sabotage.c as well.
nohooks  := $(foreach with,shim asan,build/leaks/nohooks/$(with).so)
sabotage := $(foreach with,shim asan,build/leaks/sabotage/$(with).so)
leaks-shims: $(nohooks) $(sabotage)
.PHONY: leaks-shims

define link_with_wraps
	@mkdir -p $(@D)
	nm -g --defined-only $(shim_obj) | cut -d' ' -f3 | sort -u >$@.has
	nm -g --defined-only $(filter build/obj/$*/leaks/%,$^) | sed -n 's/.* __wrap_//p' | sort >$@.wraps
	[ -s $@.wraps ] && [ -z "$$(comm -13 $@.has $@.wraps)" ]
	$(CC) $(if $(filter asan,$*),$(sanitise),$(CFLAGS)) -shared -Wl,--as-needed $$(sed 's/^/-Wl,--wrap=/' $@.wraps) \
	  -o $@ $(filter build/obj/$*/leaks/%,$^) $(shim_src:libpurple-shim/%.c=build/obj/$*/%.o) $(purple_libs)
endef

$(nohooks): build/leaks/nohooks/%.so: build/obj/%/leaks/nohooks.o $(shim_obj) $(shim_asan)
	$(link_with_wraps)

$(sabotage): build/leaks/sabotage/%.so: build/obj/%/leaks/nohooks.o build/obj/%/leaks/sabotage.o $(shim_obj) $(shim_asan)
	$(link_with_wraps)

# The shim's tests: fake*.c are libraries (a helper, another plugin), X_*.c
# belongs to X.c, everything else is a program on the real libpurple.
test_src  := $(wildcard libpurple-shim/test/*.c)
more_src  := $(wildcard libpurple-shim/test/*_*.c)
fake_src  := $(filter-out $(more_src),$(filter libpurple-shim/test/fake%,$(test_src)))
host_src  := $(filter-out $(fake_src) $(more_src),$(test_src))
fakes     := $(fake_src:libpurple-shim/test/%.c=build/test/%.so)
hosts     := $(host_src:libpurple-shim/test/%.c=build/test/%)
hosts_asan := $(host_src:libpurple-shim/test/%.c=build/asan/test/%)
shim-tests: $(fakes) $(hosts) $(hosts_asan) $(asan) $(shim)
.PHONY: shim-tests
test_h := $(wildcard libpurple-shim/test/*.h) helper/cmd/libpurple-onion/ponion.h
build/test/host build/asan/test/host: $(filter libpurple-shim/test/host_%,$(more_src)) $(test_h)
build/test/fakehelper.so: libpurple-shim/test/fakehelper_messages.c $(test_h)

$(fakes): build/test/%.so: libpurple-shim/test/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(shim_cflags) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF build/test/$*.d -shared -o $@ $(filter %.c,$^) \
	  $(shell $(PKG_CONFIG) --libs glib-2.0) -lpthread

$(hosts): build/test/%: libpurple-shim/test/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(shim_cflags) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF build/test/$*.d -rdynamic -o $@ $(filter %.c,$^) $(purple_libs) -lpthread

$(hosts_asan): build/asan/test/%: libpurple-shim/test/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(shim_cflags) $(CPPFLAGS) $(sanitise) -MMD -MP -MF build/asan/test/$*.d -rdynamic -o $@ $(filter %.c,$^) $(purple_libs) -lpthread

-include $(wildcard build/obj/*/*.d build/test/*.d build/asan/test/*.d)

# Tests.
test:
	scripts/test-all
.PHONY: test

check:
	scripts/check-all
.PHONY: check

FUZZTIME ?= 10s
fuzz:
	scripts/fuzz $(FUZZTIME)
.PHONY: fuzz

SOAK_MINUTES ?= 30
soak:
	scripts/soak --minutes $(SOAK_MINUTES)
.PHONY: soak

bench: shim-tests
	go test -run '^$$' -bench . -benchtime 3s -benchmem ./helper/... github.com/coyim/constbn
	go test -run '^$$' -bench BesideLibotr -benchtime 1x -tags libotr ./helper/internal/otr
	go test -tags shim -count=1 -v -run TestTypedCost ./libpurple-shim/shimtest | grep 'a typed message'
.PHONY: bench

# Packages.
dist:
	scripts/dist
.PHONY: dist

deb:
	scripts/deb
.PHONY: deb

packages:
	scripts/test/packages
.PHONY: packages


# Installing. Nothing is stripped, and nothing is written outside DESTDIR. Each
# line is a mode, a file of ours, and where it goes.
bus_service := org.purpleonion.Helper1.service
define installed
755 $(cli) $(bindir)/purple-onion
644 $(shim) $(pluginsdir)/purple-onion.so
644 $(helper) $(helperdir)/libpurple-onion.so
644 dbus/org.purpleonion.Helper1.xml $(datadir)/dbus-1/interfaces/org.purpleonion.Helper1.xml
644 dbus/org.purpleonion.Account1.xml $(datadir)/dbus-1/interfaces/org.purpleonion.Account1.xml
644 dbus/pidgin-deny.conf $(datadir)/purple-onion/pidgin-deny.conf
644 packaging/apparmor/purple-onion-run $(datadir)/purple-onion/purple-onion-run
644 build/dbus/$(bus_service) $(datadir)/dbus-1/services/$(bus_service)
644 build/dbus/purple-onion.service $(systemduserdir)/purple-onion.service
644 packaging/man/purple-onion.1 $(mandir)/man1/purple-onion.1
644 packaging/appstream/org.purpleonion.purple_onion.metainfo.xml $(metainfodir)/org.purpleonion.purple_onion.metainfo.xml
644 build/completions/bash $(bashcompdir)/purple-onion
644 build/completions/zsh $(zshcompdir)/_purple-onion
644 build/completions/fish $(fishcompdir)/purple-onion.fish
endef
export installed

completions: $(cli)
	@mkdir -p build/completions
	@for shell in bash zsh fish; do $(cli) completion $$shell >build/completions/$$shell || exit 1; done
.PHONY: completions

# The services name the command where it is installed.
bus-files:
	@mkdir -p build/dbus
	@sed 's,/usr/bin/,$(bindir)/,' dbus/$(bus_service) >build/dbus/$(bus_service)
	@sed 's,/usr/bin/,$(bindir)/,' dbus/systemd/purple-onion.service >build/dbus/purple-onion.service
.PHONY: bus-files

install: all completions bus-files
	@printf '%s\n' "$$installed" | while read -r mode from to; do \
	  $(INSTALL) -D -m $$mode "$$from" "$(DESTDIR)$$to" || exit 1; done
.PHONY: install

uninstall:
	@printf '%s\n' "$$installed" | while read -r mode from to; do rm -f "$(DESTDIR)$$to" || exit 1; done
	-rmdir $(DESTDIR)$(datadir)/purple-onion 2>/dev/null
	-rmdir $(DESTDIR)$(helperdir) 2>/dev/null
.PHONY: uninstall

user_dir := $(HOME)/.purple
user_bus_service := $(HOME)/.local/share/dbus-1/services/$(bus_service)
install-user: all
	$(INSTALL) -d -m 700 $(user_dir)
	$(INSTALL) -d -m 700 $(user_dir)/plugins $(user_dir)/purple-onion
	$(INSTALL) -d $(HOME)/.local/bin
	$(INSTALL) -m 600 $(shim) $(user_dir)/plugins/purple-onion.so
	$(INSTALL) -m 600 $(helper) $(user_dir)/purple-onion/libpurple-onion.so
	$(INSTALL) -m 755 $(cli) $(HOME)/.local/bin/purple-onion
	$(INSTALL) -d $(HOME)/.local/share/dbus-1/services
	sed -e 's,/usr/bin/,$(HOME)/.local/bin/,' -e '/^SystemdService=/d' dbus/$(bus_service) >$(user_bus_service)
	chmod 644 $(user_bus_service)
	@echo 'Installed. Next: purple-onion doctor (if ~/.local/bin is not on PATH: ~/.local/bin/purple-onion doctor)'
.PHONY: install-user

# Backups in ~/.purple/purple-onion/backup are the user's, and stay.
uninstall-user:
	@echo 'Accounts that are still protected stay refused; `purple-onion release --all` gives their settings back.'
	rm -f $(user_dir)/plugins/purple-onion.so $(user_dir)/purple-onion/libpurple-onion.so $(HOME)/.local/bin/purple-onion $(user_bus_service)
	-rmdir $(user_dir)/purple-onion 2>/dev/null
.PHONY: uninstall-user

# build/tools, the linters, takes minutes to build again: `rm -r build` has it gone too.
clean:
	rm -rf build/purple-onion build/lib build/obj build/asan build/test build/leaks build/demo build/logs build/dbus \
	  build/completions build/dist build/deb
.PHONY: clean
