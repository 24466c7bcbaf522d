// SPDX-License-Identifier: GPL-3.0-or-later

package audit

// Schema is the version of the JSON form. Keys are added, never changed.
const Schema = 1

// Report is the outcome of an audit. Its JSON form is a contract: arrays are
// never null, an absent text is "" and an absent number 0.
type Report struct {
	Schema   int       `json:"schema"`
	Tool     Tool      `json:"tool"`
	UserDirs []UserDir `json:"user_dirs"`
	Findings []Finding `json:"findings"`
	Errors   []Problem `json:"errors"`
	Summary  Summary   `json:"summary"`

	asked []string // the user directories that were to be audited
}

// Tool is the program that made the report.
type Tool struct {
	Version string `json:"version"`
}

// UserDir is one audited user directory.
type UserDir struct {
	Path     string    `json:"path"`
	Accounts []Account `json:"accounts"`
}

// Account is one account. Name is exactly as in accounts.xml.
type Account struct {
	Protocol   string       `json:"protocol"`
	Name       string       `json:"name"`
	Protection string       `json:"protection"` // none, tor or secret
	Enabled    bool         `json:"enabled"`
	Proxy      AccountProxy `json:"proxy"`
}

// AccountProxy is the effective libpurple proxy.
type AccountProxy struct {
	Type        ProxyType `json:"type"`
	Host        string    `json:"host"`
	Port        int       `json:"port"`
	Source      Source    `json:"source"`
	Credentials string    `json:"credentials"` // none, shared or own
}

// Finding is what one check found, with all that it found it for.
type Finding struct {
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	UserDir  string   `json:"user_dir"` // empty: the machine
	Subjects []string `json:"subjects"` // sorted: protocol:name, file:RELATIVE, machine, prefs
	Message  string   `json:"message"`
	Why      string   `json:"why"`
	Remedy   string   `json:"remedy"`
	Evidence string   `json:"evidence"` // at-rest or live
}

// Problem is what could not be looked at.
type Problem struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Summary counts all findings, also those that --severity keeps out of sight.
type Summary struct {
	Fail   int `json:"fail"`
	Warn   int `json:"warn"`
	Info   int `json:"info"`
	Errors int `json:"errors"`
}

func (r *Report) summarize() {
	r.Summary = Summary{Errors: len(r.Errors)}
	for _, f := range r.Findings {
		switch f.Severity {
		case Fail:
			r.Summary.Fail++
		case Warn:
			r.Summary.Warn++
		case Info:
			r.Summary.Info++
		}
	}
}

// ExitCode is 3 where something could not be checked, else 1 where there is a
// finding at or above failOn ("never": none is), else 0.
func (r *Report) ExitCode(failOn string) int {
	if r.Summary.Errors > 0 {
		return 3
	}
	for _, f := range r.Findings {
		if failOn != "never" && f.Severity.Reaches(Severity(failOn)) {
			return 1
		}
	}
	return 0
}

// Only gives a report that shows findings at or above least; its summary stays.
func (r *Report) Only(least Severity) *Report {
	shown := *r
	shown.Findings = []Finding{}
	for _, f := range r.Findings {
		if f.Severity.Reaches(least) {
			shown.Findings = append(shown.Findings, f)
		}
	}
	return &shown
}
