// Go's lib/pq, over database/sql.
//
// Mode: binary_parameters=no or yes; the one prepares each statement that has
// parameters in a round trip of its own, the other does not.
package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"
)

var ctx = context.Background()

type pqDriver struct {
	conninfo string
	db       *sql.DB
	conn     *sql.Conn
	tx       *sql.Tx
	heard    []string
	// Statements stay prepared as long as their connection lives.
	statements map[string]*sql.Stmt
}

func (d *pqDriver) open() {
	connector, problem := pq.NewConnector(d.conninfo)
	must(problem)
	d.db = sql.OpenDB(pq.ConnectorWithNoticeHandler(connector,
		func(told *pq.Error) { d.heard = append(d.heard, told.Message) }))
	d.conn, problem = d.db.Conn(ctx)
	must(problem)
	d.statements = map[string]*sql.Stmt{}
}

func (d *pqDriver) version() string {
	return os.Getenv("DRIVER_VERSION")
}

func (d *pqDriver) exec(text string, values ...interface{}) error {
	var problem error
	if d.tx != nil {
		_, problem = d.tx.ExecContext(ctx, text, values...)
	} else {
		_, problem = d.conn.ExecContext(ctx, text, values...)
	}
	return problem
}

func (d *pqDriver) value(text string, values ...interface{}) (string, error) {
	var value string
	problem := d.conn.QueryRowContext(ctx, text, values...).Scan(&value)
	return value, problem
}

func (d *pqDriver) prepared(text string, values ...interface{}) (string,
	error) {
	statement := d.statements[text]
	if statement == nil {
		var problem error
		statement, problem = d.conn.PrepareContext(ctx, text)
		must(problem)
		d.statements[text] = statement
	}
	if len(values) == 0 {
		_, problem := statement.Exec()
		return "", problem
	}
	var value string
	if d.tx != nil {
		statement = d.tx.Stmt(statement)
	}
	problem := statement.QueryRow(values...).Scan(&value)
	return value, problem
}

func (d *pqDriver) script(text string) error {
	return d.exec(text)
}

func (d *pqDriver) transaction(isKept bool, work func() error) error {
	tx, problem := d.conn.BeginTx(ctx, nil)
	must(problem)
	d.tx = tx
	problem = work()
	d.tx = nil
	if problem != nil || !isKept {
		must(tx.Rollback())
		return problem
	}
	return tx.Commit()
}

func (d *pqDriver) told(problem error) refusal {
	told, isServers := problem.(*pq.Error)
	if !isServers {
		return refusal{sqlstate: fmt.Sprint(problem)}
	}
	return refusal{string(told.Code), told.Message, told.Detail,
		told.Constraint, told.Position}
}

// A connection of lib/pq is of no use after a cancel.
func (d *pqDriver) canceled(text string) error {
	limited, cancel := context.WithTimeout(ctx, cancelAfter)
	defer cancel()
	_, problem := d.conn.ExecContext(limited, text)
	d.close()
	d.open()
	return problem
}

func (d *pqDriver) hold() func() {
	db, problem := sql.Open("postgres", d.conninfo)
	must(problem)
	tx, problem := db.Begin()
	must(problem)
	_, problem = tx.Exec("select * from table_a")
	must(problem)
	return func() {
		must(tx.Rollback())
		db.Close()
	}
}

func (d *pqDriver) parameters() string {
	var number int
	var text string
	var nothing sql.NullString
	var raw []byte
	var array []sql.NullInt64
	must(d.conn.QueryRowContext(ctx,
		"select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]",
		42, "Zoë's \"x\\y\"", nil, []byte{0, 0xff, 0x27},
		pq.Array([]sql.NullInt64{{1, true}, {0, false}, {3, true}}),
	).Scan(&number, &text, &nothing, &raw, pq.Array(&array)))
	var words []string
	for _, element := range array {
		if element.Valid {
			words = append(words, fmt.Sprint(element.Int64))
		} else {
			words = append(words, "NULL")
		}
	}
	if !nothing.Valid {
		nothing.String = "NULL"
	}
	return fmt.Sprintf("%d %s %s %s {%s}", number, text, nothing.String,
		hex.EncodeToString(raw), strings.Join(words, ","))
}

func (d *pqDriver) cursor() string {
	count, sum := 0, 0
	must(d.transaction(true, func() error {
		must(d.exec("declare c cursor for select generate_series(1, 2000)"))
		for {
			rows, problem := d.tx.Query("fetch 100 from c")
			must(problem)
			before := count
			for rows.Next() {
				var i int
				must(rows.Scan(&i))
				count++
				sum += i
			}
			if count == before {
				return nil
			}
		}
	}))
	return fmt.Sprintf("%d rows, sum %d", count, sum)
}

func (d *pqDriver) copyIn(rows int) {
	must(d.transaction(true, func() error {
		copy, problem := d.tx.Prepare(pq.CopyIn("copied", "id", "name"))
		must(problem)
		for i := 1; i <= rows; i++ {
			_, problem = copy.Exec(i, fmt.Sprint("name ", i))
			must(problem)
		}
		_, problem = copy.Exec()
		must(problem)
		return copy.Close()
	}))
}

func (d *pqDriver) copyError() error {
	return d.transaction(true, func() error {
		copy, problem := d.tx.Prepare(pq.CopyIn("copied", "id", "name"))
		must(problem)
		_, problem = copy.Exec("bad", "y")
		must(problem)
		_, problem = copy.Exec()
		copy.Close()
		return problem
	})
}

// Its listener has a connection of its own.
func (d *pqDriver) notify() string {
	var heard []string
	listener := pq.NewListener(d.conninfo, time.Second, time.Second, nil)
	must(listener.Listen("told"))
	for _, text := range []string{"amid", "idle"} {
		must(d.exec("select pg_notify('told', $1)", text))
		select {
		case told := <-listener.Notify:
			heard = append(heard, told.Extra)
		case <-time.After(notifyTimeout):
			heard = append(heard, "nothing")
		}
	}
	must(listener.Close())
	return strings.Join(heard, " ")
}

func (d *pqDriver) notice(work func()) string {
	d.heard = nil
	work()
	return strings.Join(d.heard, " ")
}

func (d *pqDriver) own() map[string]func() string {
	return nil
}

func (d *pqDriver) close() {
	d.conn.Close()
	d.db.Close()
}

func main() {
	d := &pqDriver{conninfo: os.Args[1] + " sslmode=disable " + os.Args[2]}
	d.open()
	run(d)
}
