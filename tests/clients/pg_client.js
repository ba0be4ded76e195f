/*
 * node-postgres: pg, pg-cursor, pg-query-stream, pg-copy-streams.
 *
 * Mode: simple or extended, for statements without parameters; those with
 * parameters are always extended.
 */
'use strict';

const { once } = require('events');
const { Readable, Writable } = require('stream');
const { pipeline: flow } = require('stream/promises');
const pg = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const copy = require('pg-copy-streams');
const { CANCEL_AFTER_MS, DROPS, Steps, main, sleep } =
	require('./steps_in_node.js');

class PgSteps extends Steps {
	options() {
		return {
			host: this.fields.host,
			port: Number(this.fields.port),
			user: this.fields.user,
			database: this.fields.dbname,
		};
	}

	async connected() {
		const client = new pg.Client(this.options());
		await client.connect();
		return client;
	}

	async start() {
		this.heard = [];
		this.client = await this.connected();
		this.client.on('notice', (told) => this.heard.push(told.message));
	}

	async end() {
		await this.client.end();
	}

	async open() {
		const client = await this.connected();
		return {
			query: (text) => client.query(text),
			close: () => client.end(),
		};
	}

	asked(text, values) {
		const query = { text, values, rowMode: 'array' };
		if (this.mode === 'extended')
			query.queryMode = 'extended';
		return query;
	}

	async query(text, values) {
		return (await this.client.query(this.asked(text, values))).rows;
	}

	async script(text) {
		await this.client.query(text);
	}

	async namedDrop() {
		await this.client.query({ name: 'dropper', text: DROPS[0] });
	}

	async between(begin, commit, rollback, isKept, work) {
		await this.query(begin);
		try {
			await work((keeps, inner) => this.between('savepoint s',
				'release s', 'rollback to s', keeps, inner));
		} catch (problem) {
			await this.query(rollback);
			throw problem;
		}
		await this.query(isKept ? commit : rollback);
	}

	async transaction(isKept, work) {
		await this.between('begin', 'commit', 'rollback', isKept, work);
	}

	constraint(problem) {
		return problem.constraint;
	}

	notices() {
		return this.heard;
	}

	async canceled(text) {
		const query = new pg.Query(this.asked(text));
		const ended = once(query, 'end').catch((problem) => problem);
		this.client.query(query);
		await sleep(CANCEL_AFTER_MS);
		new pg.Client(this.options()).cancel(this.client, query);
		return (await ended).code;
	}

	// -- steps

	async version() {
		return require('pg/package.json').version;
	}

	async prepared() {
		const values = [];
		for (const i of [2, 3, 4]) {
			await this.query('begin');
			const told = await this.client.query({
				name: 'square',
				text: 'select $1::int * $1::int as square',
				values: [i],
			});
			values.push(told.rows[0].square);
			await this.query('commit');
		}
		return values.join(' ');
	}

	/* By pg-cursor and by pg-query-stream. */
	async cursor() {
		const text = 'select i from generate_series(1, 2000) i';
		const cursor = this.client.query(new Cursor(text));
		let count = 0;
		let sum = 0;
		for (let rows; (rows = await cursor.read(100)).length;) {
			count += rows.length;
			sum += rows.reduce((all, row) => all + row.i, 0);
		}
		await cursor.close();
		const stream = this.client.query(
			new QueryStream(text, [], { batchSize: 100 }));
		for await (const row of stream)
			sum -= row.i;
		return `${count} rows, sum ${sum === 0 ? 2001000 : sum}`;
	}

	async copy_in() {
		await flow(Readable.from([this.copyRows()]), this.client.query(
			copy.from('copy copied from stdin')));
		return this.countAndSum('copied');
	}

	async copy_out() {
		let lines = 0;
		let bytes = 0;
		await flow(this.client.query(copy.to('copy copied to stdout')),
			new Writable({
				write(chunk, _encoding, done) {
					bytes += chunk.length;
					lines += chunk.toString().split('\n').length - 1;
					done();
				},
			}));
		return `${lines} lines, ${bytes} bytes`;
	}

	async copy_error() {
		try {
			await flow(Readable.from(['1\tx\nbad\ty\n']),
				this.client.query(copy.from('copy copied from stdin')));
		} catch (problem) {
			return `${problem.code}, then ${await this.value('select 1')}`;
		}
		return 'no error';
	}

	async notify() {
		const heard = [];
		let hear = () => {};
		this.client.on('notification', (told) => {
			heard.push(told.payload);
			hear();
		});
		await this.query('listen told');
		const other = await this.open();
		await other.query("notify told, 'amid'");
		while (!heard.length)
			await this.value('select 1');
		const second = new Promise((resolve) => { hear = resolve; });
		await other.query("notify told, 'idle'");
		await second;
		await other.close();
		await this.query('unlisten told');
		return heard.join(' ');
	}
}

main(PgSteps);
