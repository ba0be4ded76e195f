// migrate.js FOLDER: what is in FOLDER and was not run yet.
const { drizzle } = require('drizzle-orm/node-postgres');
const { migrate } = require('drizzle-orm/node-postgres/migrator');

async function main() {
	const db = drizzle(process.env.DATABASE_URL);
	await migrate(db, { migrationsFolder: process.argv[2] });
	await db.$client.end();
}

main();
