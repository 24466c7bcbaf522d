// SPDX-License-Identifier: GPL-3.0-or-later

package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"purpleonion.org/purple-onion/helper/internal/policy"
	"purpleonion.org/purple-onion/helper/internal/userfile"
)

// recordSchema is the version of the record's format.
const recordSchema = 1

// lockWait is how long another writer may hold the record.
const lockWait = 10 * time.Second

// Record is what purple-onion keeps beside accounts.xml: each protected
// account's level, and its settings of before. It is safe for concurrent use;
// what is set is on disk after Save.
type Record struct {
	path string
	wait time.Duration // how long another writer may hold it

	mu      sync.Mutex
	err     error // it could not be read
	content content
	met     knowledge
	pending []func(*content) // what Save does again on the file as it is then
}

// content is the file. Passwords of proxies stand in it in clear, as they do in
// accounts.xml: they are to be given back. It is never printed.
type content struct {
	Schema   int       `json:"schema"`
	UserDir  string    `json:"user_dir"`
	Accounts []entry   `json:"accounts"`
	Met      *[]met    `json:"met,omitempty"` // accounts without protection that are not new; nil: the plugin never ran
	Prefs    *prefsEnt `json:"prefs,omitempty"`
}

type entry struct {
	Protocol string     `json:"protocol"`
	Name     string     `json:"name"`
	Level    string     `json:"level"`
	Before   state      `json:"before"`
	After    state      `json:"after"`
	Undo     [][]splice `json:"undo,omitempty"` // of each edit at rest, in order
}

func (e entry) account() policy.Account { return policy.Account{Protocol: e.Protocol, Name: e.Name} }

// state is the values of what protection changed, and only of that.
type state struct {
	ProxyKnown bool             `json:"proxy_known"`
	Proxy      *storedProxy     `json:"proxy,omitempty"` // nil: none
	Settings   map[string]Value `json:"settings,omitempty"`
}

type storedProxy struct {
	Type     string `json:"type"`
	RawType  string `json:"raw_type,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     int    `json:"port,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
}

// prefsEnt is what protect changed in prefs.xml.
type prefsEnt struct {
	Created bool             `json:"created,omitempty"`
	Added   []string         `json:"added"` // paths of preferences
	Item    string           `json:"item"`
	Probes  map[string]Value `json:"probes,omitempty"` // by path, what was set off
	Undo    [][]splice       `json:"undo,omitempty"`
}

// RecordPath is the record's file for a user directory: its name comes from
// the directory's path without symbolic links.
func RecordPath(stateDir, userDir string) (string, error) {
	abs, err := filepath.Abs(userDir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(stateDir, "accounts-"+hex.EncodeToString(sum[:8])+".json"), nil
}

// OpenRecord reads the record of a user directory; a missing file is an empty
// record. With an error the record is given all the same: every level in it is
// policy.Unreadable, and it cannot be saved.
func OpenRecord(stateDir, userDir string) (*Record, error) {
	path, err := RecordPath(stateDir, userDir)
	r := &Record{path: path, err: err, wait: lockWait}
	if err == nil {
		r.content, r.err = loadRecord(path)
	}
	if r.err != nil {
		return r, fmt.Errorf("cannot read the record %s: %w", path, r.err)
	}
	if r.content.UserDir == "" {
		r.content.UserDir = userDir
	}
	r.met = r.content.knowledge()
	return r, nil
}

func loadRecord(path string) (content, error) {
	empty := content{Schema: recordSchema, Accounts: []entry{}}
	if userfile.IsLink(path) {
		return empty, userfile.ErrSymlink
	}
	data, info, err := userfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, err
	}
	uid := userfile.Owner(info)
	if uid >= 0 && info.Mode().Perm()&0o022 != 0 {
		return empty, errors.New("others may write it")
	}
	if uid >= 0 && uid != os.Geteuid() && os.Geteuid() != 0 {
		return empty, userfile.ErrForeign
	}
	return parseRecord(data)
}

// parseRecord refuses what it does not understand whole: a level that is lost
// would be a protection that is lost.
func parseRecord(data []byte) (content, error) {
	var c content
	if err := json.Unmarshal(data, &c); err != nil {
		return content{}, errors.New("it is not valid JSON of ours")
	}
	if c.Schema != recordSchema {
		return content{}, fmt.Errorf("it has format %d and this program knows %d", c.Schema, recordSchema)
	}
	seen := map[policy.Account]bool{}
	for _, e := range c.Accounts {
		if e.Protocol == "" || e.Name == "" || seen[e.account()] {
			return content{}, errors.New("an account in it has no name or stands twice")
		}
		seen[e.account()] = true
	}
	return c, nil
}

// Path is the record's file.
func (r *Record) Path() string { return r.path }

// Level gives an account's level as the record has it.
func (r *Record) Level(a policy.Account) policy.LevelFact {
	if r == nil {
		return policy.LevelFact{Presence: policy.Unreadable}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return policy.LevelFact{Presence: policy.Unreadable}
	}
	e := r.content.find(a)
	if e == nil {
		return policy.LevelFact{Presence: policy.Absent}
	}
	return policy.LevelOf(e.Level, true)
}

// Accounts gives every account in the record, sorted.
func (r *Record) Accounts() []policy.Account {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]policy.Account, 0, len(r.content.Accounts))
	for _, e := range r.content.Accounts {
		list = append(list, e.account())
	}
	sort.Slice(list, func(i, j int) bool { return list[i].String() < list[j].String() })
	return list
}

func (c *content) find(a policy.Account) *entry {
	for i := range c.Accounts {
		if c.Accounts[i].account() == a {
			return &c.Accounts[i]
		}
	}
	return nil
}

// SetProtected notes that an account, given as it is now, is about to be
// protected at a level, and says what is to be changed in it. Values of before
// that the record has are kept where the account still has those of after.
func (r *Record) SetProtected(a Account, level policy.Level) ([]Change, error) {
	changes, err := Changes(a, level)
	if err != nil {
		return nil, err
	}
	return changes, r.do(func(c *content) { c.protect(a, level, changes, nil) })
}

// Forget removes an account that was released. It is not new.
func (r *Record) Forget(a policy.Account) error {
	r.know(a, true)
	return r.do(func(c *content) { c.forget(a) })
}

func (c *content) forget(a policy.Account) {
	c.drop(a)
	c.meet(a)
}

// drop removes an account that is no more.
func (c *content) drop(a policy.Account) {
	kept := c.Accounts[:0:0]
	for _, e := range c.Accounts {
		if e.account() != a {
			kept = append(kept, e)
		}
	}
	c.Accounts = kept
}

// do changes the record in memory, and again at Save.
func (r *Record) do(change func(*content)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("cannot read the record %s: %w", r.path, r.err)
	}
	change(&r.content)
	r.pending = append(r.pending, change)
	return nil
}

// Save writes what was set since the last time. Under the record's lock it
// reads the file again and sets it there, so that what another process wrote
// meanwhile about other accounts stays.
func (r *Record) Save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("cannot write the record %s: %w", r.path, r.err)
	}
	unlock, err := r.lock()
	if err == nil {
		defer unlock()
		err = r.saveLocked()
	}
	if err != nil {
		r.forgetPending()
		return fmt.Errorf("cannot write the record %s: %w", r.path, err)
	}
	return nil
}

func (r *Record) lock() (func(), error) {
	if err := userfile.MakeOwnDir(filepath.Dir(r.path)); err != nil {
		return nil, err
	}
	f, err := userfile.Lock(r.path+".lock", r.wait)
	if err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// Impatient has Save give up at once where another process writes: for a
// program whose main loop must not wait.
func (r *Record) Impatient() { r.wait = 0 }

// forgetPending goes back to what the file says, so that a change which could
// not be written does not come with the next one that can.
func (r *Record) forgetPending() {
	r.pending = nil
	if old, err := loadRecord(r.path); err == nil {
		old.UserDir = r.content.UserDir
		r.content = old
	}
}

func (r *Record) saveLocked() error {
	fresh, err := loadRecord(r.path)
	if err != nil {
		return err
	}
	fresh.UserDir = r.content.UserDir
	for _, change := range r.pending {
		change(&fresh)
	}
	if err := writeRecord(r.path, fresh); err != nil {
		return err
	}
	r.content, r.pending = fresh, nil
	return nil
}

func writeRecord(path string, c content) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return userfile.Replace(path, append(data, '\n'))
}
