// The steps that the drivers of Go take in the same way.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

const (
	state         = "select c_state()"
	cancelAfter   = 500 * time.Millisecond
	notifyTimeout = 10 * time.Second
)

var drops = []string{
	"drop table table_c",
	"alter table table_c drop column b_id, drop column a_id",
	"alter table table_c drop constraint c_b, drop constraint c_a",
}

// What a driver tells of a server's error.
type refusal struct {
	sqlstate, message, detail, constraint, position string
}

// What differs from driver to driver.
type driver interface {
	version() string
	// Statements of the session under test; value is the first of a row.
	exec(text string, values ...interface{}) error
	value(text string, values ...interface{}) (string, error)
	prepared(text string, values ...interface{}) (string, error)
	script(text string) error
	transaction(isKept bool, work func() error) error
	told(problem error) refusal
	canceled(text string) error
	// A second session that holds a lock on table_a until it is let go.
	hold() func()

	parameters() string
	cursor() string
	copyIn(rows int)
	copyError() error
	notify() string
	notice(work func()) string
	// The steps that only some have.
	own() map[string]func() string
	close()
}

type client struct {
	driver
}

func must(problem error) {
	if problem != nil {
		panic(problem)
	}
}

func (c client) get(text string) string {
	value, problem := c.value(text)
	must(problem)
	return value
}

func (c client) quiet() {
	must(c.exec("select fresh_c()"))
}

func (c client) refusal(text string) refusal {
	problem := c.exec(text)
	if problem == nil {
		panic("no error: " + text)
	}
	return c.told(problem)
}

func (c client) countAndSum(table string) string {
	return c.get("select count(*) || ' rows, sum ' || sum(id) from " + table)
}

func (c client) at(text string) string {
	told := c.refusal(text)
	return told.sqlstate + " at " + told.position
}

func (c client) inTransaction(text string, isKept bool) string {
	c.quiet()
	must(c.transaction(isKept, func() error { return c.exec(text) }))
	return c.get(state)
}

func (c client) square() string {
	var values []string
	for i := 2; i <= 4; i++ {
		must(c.transaction(true, func() error {
			value, problem := c.prepared(
				"select $1::int * $1::int", i)
			values = append(values, value)
			return problem
		}))
	}
	return strings.Join(values, " ")
}

func (c client) cancelDrop() string {
	c.quiet()
	letGo := c.hold()
	told := c.told(c.canceled(drops[0]))
	letGo()
	return told.sqlstate + ", then " + c.get(state)
}

func (c client) transactions() string {
	insert := func(id int, name string) func() error {
		return func() error {
			return c.exec("insert into items values ($1, $2)", id, name)
		}
	}
	must(c.transaction(true, insert(10, "ten")))
	must(c.transaction(false, insert(11, "eleven")))
	must(c.transaction(true, func() error {
		must(insert(12, "twelve")())
		must(c.exec("savepoint s"))
		must(insert(13, "thirteen")())
		return c.exec("rollback to savepoint s")
	}))
	return c.get("select string_agg(id::text, ' ' order by id) " +
		"from items where id between 10 and 13")
}

func (c client) failed() string {
	var told []string
	must(c.transaction(false, func() error {
		for _, text := range []string{"select 1 / 0", "select 1"} {
			told = append(told, c.refusal(text).sqlstate)
		}
		return nil
	}))
	return strings.Join(told, " ") + ", then " + c.get("select 1")
}

func (c client) dropPrepared() string {
	var told []string
	for i := 0; i < 2; i++ {
		c.quiet()
		_, problem := c.prepared(drops[0])
		must(problem)
		told = append(told, c.get(state))
	}
	return strings.Join(told, " ")
}

func (c client) round(form int) string {
	var problem error
	switch form {
	case 0:
		problem = c.exec(drops[0])
	case 3:
		_, problem = c.prepared(drops[0])
	default:
		problem = c.transaction(true, func() error {
			return c.exec(drops[form])
		})
	}
	if problem != nil {
		return c.told(problem).sqlstate
	}
	return "done"
}

func (c client) loaded(rounds int) string {
	ended := map[string]int{}
	for i := 0; i < rounds; i++ {
		must(c.exec("select make_c()"))
		ended[c.round(i%4)]++
		must(c.exec("select remove_c()"))
	}
	var told []string
	for how, count := range ended {
		told = append(told, fmt.Sprintf("%d %s", count, how))
	}
	sort.Strings(told)
	return strings.Join(told, ", ")
}

func (c client) take(name string) string {
	switch name {
	case "version":
		return c.version()
	case "connect":
		return c.get("select current_user")
	case "simple":
		return c.get("select 1 || ' ' || 'two'")
	case "prepared":
		return c.square()
	case "parameters":
		return c.parameters()
	case "cursor":
		return c.cursor()
	case "copy_in":
		c.copyIn(5000)
		return c.countAndSum("copied")
	case "copy_error":
		told := c.told(c.copyError())
		return told.sqlstate + ", then " + c.get("select 1")
	case "notify":
		return c.notify()
	case "notice":
		c.quiet()
		return c.notice(func() {
			must(c.transaction(false, func() error {
				return c.exec("drop table table_a cascade")
			}))
		})
	case "cancel":
		told := c.told(c.canceled("select pg_sleep(60)"))
		return told.sqlstate + ", then " + c.get("select 1")
	case "cancel_drop":
		return c.cancelDrop()
	case "unique":
		told := c.refusal("insert into items values (2, 'one')")
		return told.sqlstate + " " + told.constraint + " " + told.detail
	case "syntax":
		return c.at("select * form items")
	case "syntax_drop":
		return c.at("drop table if exits table_c")
	case "missing_drop":
		c.quiet()
		told := c.refusal("drop table table_c, nosuch")
		return told.sqlstate + " " + told.message + ", then " +
			c.get(state)
	case "restrict_drop":
		c.quiet()
		told := c.refusal("drop table table_a")
		return told.sqlstate + " " + told.detail
	case "transactions":
		return c.transactions()
	case "failed":
		return c.failed()
	case "drop":
		c.quiet()
		must(c.exec(drops[0]))
		return c.get(state)
	case "drop_column":
		return c.inTransaction(drops[1], true)
	case "drop_undone":
		return c.inTransaction(drops[1], false)
	case "drop_constraint":
		return c.inTransaction(drops[2], true)
	case "drop_prepared":
		return c.dropPrepared()
	case "drop_script":
		c.quiet()
		must(c.script("begin; drop table table_c; commit"))
		return c.get(state)
	}
	return c.own()[name]()
}

// What fails where it should not becomes the outcome.
func (c client) outcome(name string) (told string) {
	defer func() {
		if problem := recover(); problem != nil {
			told = fmt.Sprint("unexpected ", problem)
		}
	}()
	var rounds int
	if n, _ := fmt.Sscanf(name, "loaded:%d", &rounds); n == 1 {
		return c.loaded(rounds)
	}
	return c.take(name)
}

func run(d driver) {
	c := client{d}
	for _, name := range os.Args[3:] {
		fmt.Printf("%s\t%s\n", strings.Split(name, ":")[0],
			c.outcome(name))
	}
	c.close()
}
