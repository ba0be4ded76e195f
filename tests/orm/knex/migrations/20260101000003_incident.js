exports.up = async (knex) => {
	await knex.schema.alterTable('ratings', (table) => {
		table.dropForeign('project_id');
	});
	await knex.schema.alterTable('users', (table) => {
		table.dropColumn('nickname');
	});
};

exports.down = () => {};
