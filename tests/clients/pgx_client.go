// Go's pgx.
//
// Mode: prepare (its own default: each statement is prepared once, and kept),
// describe (the unnamed statement, described first) or simple.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgconn/stmtcache"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

type pgxDriver struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn
	heard  []string
}

func (d *pgxDriver) open() *pgx.Conn {
	conn, problem := pgx.ConnectConfig(ctx, d.config)
	must(problem)
	return conn
}

func (d *pgxDriver) version() string {
	return os.Getenv("DRIVER_VERSION")
}

func (d *pgxDriver) exec(text string, values ...interface{}) error {
	_, problem := d.conn.Exec(ctx, text, values...)
	return problem
}

func (d *pgxDriver) value(text string, values ...interface{}) (string,
	error) {
	var value interface{}
	problem := d.conn.QueryRow(ctx, text, values...).Scan(&value)
	return fmt.Sprint(value), problem
}

// By the layer below, as pgx takes the name for a text in mode describe.
func (d *pgxDriver) prepared(text string, values ...interface{}) (string,
	error) {
	description, problem := d.conn.Prepare(ctx, "a "+text, text)
	must(problem)
	var raw [][]byte
	for _, value := range values {
		raw = append(raw, []byte(fmt.Sprint(value)))
	}
	result := d.conn.PgConn().ExecPrepared(ctx, description.Name, raw,
		nil, nil).Read()
	if result.Err != nil || len(result.Rows) == 0 {
		return "", result.Err
	}
	return string(result.Rows[0][0]), nil
}

func (d *pgxDriver) script(text string) error {
	return d.conn.PgConn().Exec(ctx, text).Close()
}

func (d *pgxDriver) transaction(isKept bool, work func() error) error {
	tx, problem := d.conn.Begin(ctx)
	must(problem)
	problem = work()
	if problem != nil || !isKept {
		must(tx.Rollback(ctx))
		return problem
	}
	return tx.Commit(ctx)
}

func (d *pgxDriver) told(problem error) refusal {
	told, isServers := problem.(*pgconn.PgError)
	if !isServers {
		return refusal{sqlstate: fmt.Sprint(problem)}
	}
	return refusal{told.Code, told.Message, told.Detail,
		told.ConstraintName, fmt.Sprint(told.Position)}
}

// A context that ends would close the connection; this asks the server.
// A server signals twice, the process and its group: only when the request's
// connection has ended is the next statement out of its reach.
func (d *pgxDriver) canceled(text string) error {
	asked := make(chan error, 1)
	time.AfterFunc(cancelAfter, func() {
		asked <- d.conn.PgConn().CancelRequest(ctx)
	})
	problem := d.exec(text)
	must(<-asked)
	return problem
}

func (d *pgxDriver) hold() func() {
	conn := d.open()
	tx, problem := conn.Begin(ctx)
	must(problem)
	_, problem = tx.Exec(ctx, "select * from table_a")
	must(problem)
	return func() {
		must(tx.Rollback(ctx))
		conn.Close(ctx)
	}
}

func (d *pgxDriver) parameters() string {
	var number int
	var text string
	var nothing *string
	var raw []byte
	var array pgtype.Int4Array
	must(array.DecodeText(nil, []byte("{1,NULL,3}")))
	must(d.conn.QueryRow(ctx,
		"select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]",
		42, "Zoë's \"x\\y\"", nil, []byte{0, 0xff, 0x27},
		&array,
	).Scan(&number, &text, &nothing, &raw, &array))
	var words []string
	for _, element := range array.Elements {
		if element.Status == pgtype.Present {
			words = append(words, fmt.Sprint(element.Int))
		} else {
			words = append(words, "NULL")
		}
	}
	if nothing != nil {
		return "not null"
	}
	return fmt.Sprintf("%d %s NULL %s {%s}", number, text,
		hex.EncodeToString(raw), strings.Join(words, ","))
}

func (d *pgxDriver) cursor() string {
	count, sum := 0, 0
	must(d.transaction(true, func() error {
		must(d.exec("declare c cursor for select generate_series(1, 2000)"))
		for {
			rows, problem := d.conn.Query(ctx, "fetch 100 from c")
			must(problem)
			before := count
			for rows.Next() {
				var i int
				must(rows.Scan(&i))
				count++
				sum += i
			}
			must(rows.Err())
			if count == before {
				return d.exec("close c")
			}
		}
	}))
	return fmt.Sprintf("%d rows, sum %d", count, sum)
}

// Binary, as pgx prefers it.
func (d *pgxDriver) copyIn(rows int) {
	_, problem := d.conn.CopyFrom(ctx, pgx.Identifier{"copied"},
		[]string{"id", "name"}, pgx.CopyFromSlice(rows,
			func(i int) ([]interface{}, error) {
				return []interface{}{i + 1,
					fmt.Sprint("name ", i+1)}, nil
			}))
	must(problem)
}

func (d *pgxDriver) copyError() error {
	_, problem := d.conn.PgConn().CopyFrom(ctx,
		strings.NewReader("1\tx\nbad\ty\n"), "copy copied from stdin")
	return problem
}

func (d *pgxDriver) copyOut() string {
	var out bytes.Buffer
	_, problem := d.conn.PgConn().CopyTo(ctx, &out,
		"copy copied to stdout")
	must(problem)
	return fmt.Sprintf("%d lines, %d bytes",
		bytes.Count(out.Bytes(), []byte("\n")), out.Len())
}

func (d *pgxDriver) notify() string {
	var heard []string
	other := d.open()
	must(d.exec("listen told"))
	for _, text := range []string{"amid", "idle"} {
		_, problem := other.Exec(ctx, "select pg_notify('told', $1)", text)
		must(problem)
		if text == "amid" {
			must(d.exec("select 1"))
		}
		limited, cancel := context.WithTimeout(ctx, notifyTimeout)
		told, problem := d.conn.WaitForNotification(limited)
		cancel()
		must(problem)
		heard = append(heard, told.Payload)
	}
	other.Close(ctx)
	must(d.exec("unlisten told"))
	return strings.Join(heard, " ")
}

func (d *pgxDriver) notice(work func()) string {
	d.heard = nil
	work()
	return strings.Join(d.heard, " ")
}

// The values of a batch: all of it is one packet.
func (d *pgxDriver) together(texts ...string) string {
	var words []string
	batch := &pgx.Batch{}
	for _, text := range texts {
		batch.Queue(text)
	}
	results := d.conn.SendBatch(ctx, batch)
	for range texts {
		var value interface{}
		problem := results.QueryRow().Scan(&value)
		if problem == nil {
			words = append(words, fmt.Sprint(value))
		} else if problem != pgx.ErrNoRows {
			words = append(words, d.told(problem).sqlstate)
			break
		}
	}
	results.Close()
	return strings.Join(words, " ")
}

// An error ends a batch: what comes after it is not told.  1 / 0 must fail
// where it runs, not where it is prepared, so it is not a constant.
func (d *pgxDriver) pipeline() string {
	return d.together("select 1", "select 2", "select 3") + "; " +
		d.together("select 1", "select 1 / (count(*) - 1) "+
			"from (select 1) one", "select 3") + " aborted; " +
		d.together("select 4")
}

func (d *pgxDriver) pipelineDrop() string {
	must(d.exec("select fresh_c()"))
	return d.together("insert into items values (20, 'twenty')", drops[0],
		state)
}

func (d *pgxDriver) batch() string {
	batch := &pgx.Batch{}
	for i := 1; i <= 100; i++ {
		batch.Queue("insert into batched values ($1)", i)
	}
	must(d.conn.SendBatch(ctx, batch).Close())
	value, problem := d.value(
		"select count(*) || ' rows, sum ' || sum(id) from batched")
	must(problem)
	return value
}

func (d *pgxDriver) own() map[string]func() string {
	return map[string]func() string{
		"copy_out":      d.copyOut,
		"pipeline":      d.pipeline,
		"pipeline_drop": d.pipelineDrop,
		"batch":         d.batch,
	}
}

func (d *pgxDriver) close() {
	d.conn.Close(ctx)
}

func main() {
	config, problem := pgx.ParseConfig(os.Args[1] + " sslmode=disable")
	must(problem)
	d := &pgxDriver{config: config}
	config.OnNotice = func(_ *pgconn.PgConn, told *pgconn.Notice) {
		d.heard = append(d.heard, told.Message)
	}
	switch os.Args[2] {
	case "simple":
		config.PreferSimpleProtocol = true
	case "describe":
		config.BuildStatementCache = func(
			conn *pgconn.PgConn) stmtcache.Cache {
			return stmtcache.New(conn, stmtcache.ModeDescribe, 512)
		}
	}
	d.conn = d.open()
	run(d)
}
