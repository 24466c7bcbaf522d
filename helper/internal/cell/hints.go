// SPDX-License-Identifier: GPL-3.0-or-later

package cell

import "strings"

// hints names the switches of this system that keep an unprivileged user from
// making namespaces, from what read gives of a file ("": not there). inCell
// says that this is a cell; profile is where AppArmor's profile is.
func hints(read func(path string) string, inCell bool, profile string) string {
	if inCell {
		return "this is a cell already, in which no further one can be made"
	}
	var list []string
	if read("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
		list = append(list, "user namespaces are off (Debian's switch): sudo sysctl kernel.unprivileged_userns_clone=1")
	}
	if read("/proc/sys/user/max_user_namespaces") == "0" {
		list = append(list, "no user namespaces are allowed: sudo sysctl user.max_user_namespaces=15000")
	}
	if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
		list = append(list, "AppArmor keeps user namespaces from programs without a profile (Ubuntu's switch kernel.apparmor_restrict_unprivileged_userns): "+
			"sudo install -m 644 "+profile+" /etc/apparmor.d/purple-onion-run; sudo apparmor_parser -r /etc/apparmor.d/purple-onion-run")
	}
	if read("/proc/sys/kernel/yama/ptrace_scope") == "3" {
		list = append(list, "no process may look into another, which the cell needs: kernel.yama.ptrace_scope is 3, until the computer starts anew")
	}
	if inContainer(read) {
		list = append(list, "this is a container, which may forbid namespaces or hide parts of /proc: run purple-onion outside of it")
	}
	return strings.Join(list, "; ")
}

func inContainer(read func(string) string) bool {
	if read("/run/.containerenv") != "" || read("/run/systemd/container") != "" || read("/.flatpak-info") != "" {
		return true
	}
	groups := read("/proc/1/cgroup")
	for _, word := range []string{"/docker", "/lxc", "/kubepods", "/libpod"} {
		if strings.Contains(groups, word) {
			return true
		}
	}
	return strings.Contains(read("/proc/1/environ"), "container=")
}
