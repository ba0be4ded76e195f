exports.up = async (knex) => {
	for (const name of ['users', 'projects'])
		await knex.schema.createTable(name, (table) => {
			table.increments();
			table.integer('seen').notNullable().defaultTo(0);
			table.text('nickname');
		});
	await knex.schema.createTable('bookmarks', (table) => {
		table.increments();
		table.integer('user_id').notNullable().references('users.id');
		table.integer('project_id').notNullable()
			.references('projects.id');
	});
	await knex.schema.createTable('comments', (table) => {
		table.increments();
		table.text('body').notNullable();
		table.integer('project_id').notNullable()
			.references('projects.id');
	});
	await knex.schema.createTable('ratings', (table) => {
		table.increments();
		table.integer('user_id').notNullable().references('users.id');
		table.integer('project_id').notNullable();
	});
};

exports.down = () => {};
