// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"html"
	"os"
	"os/exec"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/audit"
	"purpleonion.org/purple-onion/helper/internal/config"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// version is set by the linker.
var version = "dev"

// auditPage is the audit of the program's own user directory. The files are
// read as they stand: what the program has not saved yet is not in them.
func auditPage(userDir string) string {
	report := audit.Run(auditOptions(userDir))
	var text strings.Builder
	if err := report.WriteText(&text, audit.Info, false); err != nil {
		return html.EscapeString("cannot write the audit: " + err.Error())
	}
	// Pidgin would make smileys of ":p" and its like.
	return strings.NewReplacer("\n", "<br>", ":", "&#58;").Replace(html.EscapeString(text.String()))
}

// floor is read anew: the audit tells of the files as they stand.
func floor() (policy.Level, error) {
	c, err := config.Load(config.System(os.Getenv))
	return c.Floor, err
}

func auditOptions(userDir string) audit.Options {
	hostname, _ := os.Hostname() // unknown is judged as unknown
	return audit.Options{
		Version: version, UserDirs: []string{userDir}, Default: userDir,
		Lookup:   os.LookupEnv,
		Program:  func(name string) bool { _, err := exec.LookPath(name); return err == nil },
		StateDir: config.Folder(os.Getenv, "XDG_STATE_HOME", ".local/state"),
		Hostname: hostname, Floor: floor,
	}
}
