/*
 * postgres.js.  Mode: extended (its own default), or simple for statements
 * without parameters.
 */
'use strict';

const fs = require('fs');
const { Readable } = require('stream');
const { pipeline: flow } = require('stream/promises');
const postgres = require('postgres');
const { CANCEL_AFTER_MS, DROPS, STATE, Steps, main, sleep } =
	require('./steps_in_node.js');

class Undo extends Error {}

class PostgresJsSteps extends Steps {
	connected() {
		return postgres({
			host: this.fields.host,
			port: Number(this.fields.port),
			user: this.fields.user,
			database: this.fields.dbname,
			max: 1,
			fetch_types: true,
			onnotice: (told) => this.heard.push(told.message),
		});
	}

	async start() {
		this.heard = [];
		this.sql = this.connected();
	}

	async end() {
		await this.sql.end();
	}

	async open() {
		const sql = await this.connected();
		const one = await sql.reserve();
		return {
			query: (text) => one.unsafe(text),
			close: async () => {
				one.release();
				await sql.end();
			},
		};
	}

	asked(text, values) {
		return values || this.mode === 'extended'
			? this.sql.unsafe(text, values || [], { prepare: true })
			: this.sql.unsafe(text);
	}

	async query(text, values) {
		return (await this.asked(text, values).values());
	}

	async script(text) {
		const one = await this.sql.reserve();
		await one.unsafe(text);
		one.release();
	}

	async namedDrop() {
		await this.sql`drop table table_c`;
	}

	/* this.sql is the transaction's while one is under way. */
	async between(begin, isKept, work) {
		const outer = this.sql;
		try {
			await begin(async (sql) => {
				this.sql = sql;
				await work((keeps, inner) => this.between(
					(run) => sql.savepoint(run), keeps, inner));
				if (!isKept)
					throw new Undo();
			});
		} catch (problem) {
			if (!(problem instanceof Undo))
				throw problem;
		} finally {
			this.sql = outer;
		}
	}

	async transaction(isKept, work) {
		await this.between((run) => this.sql.begin(run), isKept, work);
	}

	constraint(problem) {
		return problem.constraint_name;
	}

	notices() {
		return this.heard.filter((text) => text.includes('cascades'));
	}

	async canceled(text) {
		const query = this.asked(text);
		const ended = query.catch((problem) => problem);
		await sleep(CANCEL_AFTER_MS);
		await query.cancel();
		return (await ended).code;
	}

	// -- steps

	async version() {
		// Its package.json is not among what it exports.
		const main = require.resolve('postgres');
		const root = main.slice(0, main.lastIndexOf('/postgres/'));
		return JSON.parse(fs.readFileSync(
			`${root}/postgres/package.json`, 'utf8')).version;
	}

	async prepared() {
		const values = [];
		for (const i of [2, 3, 4])
			await this.sql.begin(async (sql) => {
				const [row] = await sql`
					select ${i}::int * ${i}::int as square`;
				values.push(row.square);
			});
		const count = await this.value(
			'select count(*)::int from pg_prepared_statements ' +
			"where statement like '%as square'");
		return count === 1 ? values.join(' ') : `${count} statements`;
	}

	async cursor() {
		let count = 0;
		let sum = 0;
		const query = this.sql`select i from generate_series(1, 2000) i`;
		for await (const rows of query.cursor(100)) {
			count += rows.length;
			sum += rows.reduce((all, row) => all + row.i, 0);
		}
		return `${count} rows, sum ${sum}`;
	}

	async copy_in() {
		await flow(Readable.from([this.copyRows()]),
			await this.sql`copy copied from stdin`.writable());
		return this.countAndSum('copied');
	}

	/*
	 * A reader that was slow leaves its connection paused for good (3.4.5,
	 * with or without a proxy), so it gets one of its own.
	 */
	async copy_out() {
		let lines = 0;
		let bytes = 0;
		const sql = this.connected();
		for await (const chunk of
			await sql`copy copied to stdout`.readable()) {
			bytes += chunk.length;
			lines += chunk.toString().split('\n').length - 1;
		}
		await sql.end({ timeout: 0 });
		return `${lines} lines, ${bytes} bytes`;
	}

	async copy_error() {
		try {
			await flow(Readable.from(['1\tx\nbad\ty\n']),
				await this.sql`copy copied from stdin`.writable());
		} catch (problem) {
			return `${problem.code}, then ${await this.value('select 1')}`;
		}
		return 'no error';
	}

	/* It sends each query with a Sync, and does not wait for answers. */
	async pipeline() {
		const told = async (texts) => (await Promise.allSettled(
			texts.map((text) => this.value(text))))
			.map(({ value, reason }) => (reason ? reason.code : value))
			.join(' ');
		const all = await Promise.all([
			told(['select 1', 'select 2', 'select 3']),
			told(['select 1', 'select 1 / 0', 'select 3']),
			told(['select 4']),
		]);
		return all.join('; ');
	}

	async pipeline_drop() {
		await this.quietC();
		const [, , state] = await Promise.all([
			this.query("insert into items values (20, 'twenty')"),
			this.query(DROPS[0]),
			this.value(STATE),
		]);
		return state;
	}

	async batch() {
		const rows = [];
		for (let id = 1; id <= 100; id++)
			rows.push({ id });
		await this.sql`insert into batched ${this.sql(rows)}`;
		return this.countAndSum('batched');
	}

	/* Its listen() has a connection of its own, idle but for this. */
	async notify() {
		const heard = [];
		let hear = () => {};
		const { unlisten } = await this.sql.listen('told', (payload) => {
			heard.push(payload);
			hear();
		});
		for (const text of ['amid', 'idle']) {
			const next = new Promise((resolve) => { hear = resolve; });
			await this.sql.notify('told', text);
			await next;
		}
		await unlisten();
		return heard.join(' ');
	}
}

main(PostgresJsSteps);
