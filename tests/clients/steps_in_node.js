/*
 * The steps that the drivers of Node.js take in the same way.
 *
 * What differs is in their programs; a subclass has
 *   version()
 *   open()                        another session: query(text), close()
 *   query(text, values)           rows as arrays of the session under test
 *   script(text)                  the same as one simple Query
 *   transaction(isKept, work)     work(savepoint(isKept, work))
 *   sqlstate(problem)             and position, constraint, detail, notices()
 */
'use strict';

const STATE = 'select c_state()';
const DROPS = [
	'drop table table_c',
	'alter table table_c drop column b_id, drop column a_id',
	'alter table table_c drop constraint c_b, drop constraint c_a',
];
// On a busy machine postgres.js may still describe the statement before it.
const CANCEL_AFTER_MS = 1500;

function fields(conninfo) {
	return Object.fromEntries(
		conninfo.split(' ').map((part) => part.split('=')));
}

function sleep(ms) {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function arrayText(values) {
	return '{' + values.map((v) => (v === null ? 'NULL' : v)).join(',') + '}';
}

class Steps {
	constructor(conninfo, mode) {
		this.fields = fields(conninfo);
		this.mode = mode;
	}

	async value(text, values) {
		return (await this.query(text, values))[0][0];
	}

	async quietC() {
		await this.query('select fresh_c()');
	}

	async refusal(text) {
		try {
			await this.query(text);
		} catch (problem) {
			return problem;
		}
		throw new Error(`no error: ${text}`);
	}

	async countAndSum(table) {
		const [[count, sum]] = await this.query(
			`select count(*), sum(id) from ${table}`);
		return `${count} rows, sum ${sum}`;
	}

	// -- steps

	async connect() {
		return this.value('select current_user');
	}

	async simple() {
		const [row] = await this.query("select 1 as one, 'two' as two");
		return row.join(' ');
	}

	async parameters() {
		const [[number, text, nothing, raw, array]] = await this.query(
			'select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]',
			[42, 'Zoë\'s "x\\y"', null, Buffer.from([0, 0xff, 0x27]),
				[1, null, 3]]);
		return [number, text, nothing === null ? 'NULL' : nothing,
			raw.toString('hex'), arrayText(array)].join(' ');
	}

	copyRows() {
		const rows = [];
		for (let i = 1; i <= 5000; i++)
			rows.push(`${i}\tname ${i}\n`);
		return rows.join('');
	}

	async notice() {
		await this.quietC();
		await this.transaction(false, async () => {
			await this.query('drop table table_a cascade');
		});
		return this.notices().join(' ');
	}

	async cancel() {
		const told = await this.canceled('select pg_sleep(60)');
		return `${told}, then ${await this.value('select 1')}`;
	}

	async cancel_drop() {
		await this.quietC();
		const holder = await this.open();
		await holder.query('begin');
		await holder.query('select * from table_a');
		const told = await this.canceled(DROPS[0]);
		await holder.close();
		return `${told}, then ${await this.value(STATE)}`;
	}

	async unique() {
		const told = await this.refusal("insert into items values (2, 'one')");
		return `${told.code} ${this.constraint(told)} ${told.detail}`;
	}

	async at(text) {
		const told = await this.refusal(text);
		return `${told.code} at ${told.position}`;
	}

	async syntax() {
		return this.at('select * form items');
	}

	async syntax_drop() {
		return this.at('drop table if exits table_c');
	}

	async missing_drop() {
		await this.quietC();
		const told = await this.refusal('drop table table_c, nosuch');
		return `${told.code} ${told.message}, then ${await this.value(STATE)}`;
	}

	async restrict_drop() {
		await this.quietC();
		const told = await this.refusal('drop table table_a');
		return `${told.code} ${told.detail}`;
	}

	async transactions() {
		const insert = 'insert into items values ($1::int, $2::text)';
		await this.transaction(true, async () => {
			await this.query(insert, [10, 'ten']);
		});
		await this.transaction(false, async () => {
			await this.query(insert, [11, 'eleven']);
		});
		await this.transaction(true, async (savepoint) => {
			await this.query(insert, [12, 'twelve']);
			await savepoint(false, async () => {
				await this.query(insert, [13, 'thirteen']);
			});
		});
		return this.value("select string_agg(id::text, ' ' order by id) " +
			'from items where id between 10 and 13');
	}

	async failed() {
		const told = [];
		await this.transaction(false, async () => {
			for (const text of ['select 1 / 0', 'select 1'])
				told.push((await this.refusal(text)).code);
		});
		return `${told.join(' ')}, then ${await this.value('select 1')}`;
	}

	async drop() {
		await this.quietC();
		await this.query(DROPS[0]);
		return this.value(STATE);
	}

	async inTransaction(text, isKept) {
		await this.quietC();
		await this.transaction(isKept, () => this.query(text));
		return this.value(STATE);
	}

	async drop_column() {
		return this.inTransaction(DROPS[1], true);
	}

	async drop_undone() {
		return this.inTransaction(DROPS[1], false);
	}

	async drop_constraint() {
		return this.inTransaction(DROPS[2], true);
	}

	async drop_prepared() {
		const told = [];
		for (let i = 0; i < 2; i++) {
			await this.quietC();
			await this.namedDrop();
			told.push(await this.value(STATE));
		}
		return told.join(' ');
	}

	async drop_script() {
		await this.quietC();
		await this.script('begin; drop table table_c; commit');
		return this.value(STATE);
	}

	async round(form) {
		try {
			if (form === 0)
				await this.query(DROPS[0]);
			else if (form === 3)
				await this.namedDrop();
			else
				await this.transaction(true,
					() => this.query(DROPS[form]));
			return 'done';
		} catch (problem) {
			return problem.code;
		}
	}

	async loaded(rounds) {
		const ended = new Map();
		for (let i = 0; i < Number(rounds); i++) {
			await this.query('select make_c()');
			const how = await this.round(i % 4);
			ended.set(how, (ended.get(how) || 0) + 1);
			await this.query('select remove_c()');
		}
		return [...ended].map(([how, count]) => `${count} ${how}`).join(', ');
	}
}

async function main(StepsOf) {
	const [conninfo, mode, ...asked] = process.argv.slice(2);
	const steps = new StepsOf(conninfo, mode);
	await steps.start();
	for (const step of asked) {
		const [name, argument] = step.split(':');
		let told;
		try {
			told = await steps[name](argument);
		} catch (problem) {
			told = `unexpected ${problem.code} ${problem.message}`;
		}
		console.log(`${name}\t${told}`);
	}
	await steps.end();
}

module.exports = { CANCEL_AFTER_MS, DROPS, STATE, Steps, main, sleep };
