// SPDX-License-Identifier: GPL-3.0-or-later

package audit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAddLive(t *testing.T) {
	r := Run(Options{})
	for _, check := range []string{"isolation-not-proven", "tor-isolation-off", "track-host-exits", "not-over-tor", "no-such-check"} {
		r.AddLive(check, "as it is")
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Check)
		if f.Evidence != "live" || f.Remedy == "" || f.Why == "" || len(f.Subjects) != 1 {
			t.Errorf("%+v", f)
		}
	}
	if len(got) != 3 || got[0] != "tor-isolation-off" || got[2] != "isolation-not-proven" {
		t.Errorf("findings %v", got)
	}
	if r.Summary != (Summary{Fail: 1, Warn: 1, Info: 1}) || r.ExitCode("fail") != 1 {
		t.Errorf("%+v", r.Summary)
	}
}

// The bus is found by its socket too, and a rule that is commented out is none.
func TestPidginBus(t *testing.T) {
	dir := t.TempDir()
	runtime := filepath.Join(dir, "run")
	o := Options{UserDirs: []string{"testdata/cases/clean/.purple"}, Root: filepath.Join(dir, "root"), Hostname: "box",
		Lookup: func(name string) (string, bool) { return runtime, name == "XDG_RUNTIME_DIR" }}
	exposed := func() bool {
		for _, f := range Run(o).Findings {
			if f.Check == "pidgin-bus-exposed" {
				return true
			}
		}
		return false
	}
	if exposed() {
		t.Error("without a bus")
	}
	must(t, os.MkdirAll(runtime, 0o700))
	must(t, os.WriteFile(filepath.Join(runtime, "bus"), nil, 0o600))
	if !exposed() {
		t.Error("its socket is not seen")
	}
	conf := filepath.Join(o.Root, "usr/share/dbus-1/session.d/x.conf")
	must(t, os.MkdirAll(filepath.Dir(conf), 0o755))
	rule := `<deny send_destination="im.pidgin.purple.PurpleService"/>`
	must(t, os.WriteFile(conf, []byte("<busconfig><!-- "+rule+" --></busconfig>"), 0o644))
	if !exposed() {
		t.Error("a comment is taken for a rule")
	}
	must(t, os.WriteFile(conf, []byte("<busconfig><!-- why -->"+rule+"</busconfig>"), 0o644))
	if exposed() {
		t.Error("the rule is not seen")
	}
}
