exports.up = async (knex) => {
	await knex.schema.dropTable('bookmarks');
	await knex.schema.alterTable('comments', (table) => {
		table.dropColumn('project_id');
	});
	await knex.schema.alterTable('ratings', (table) => {
		table.dropForeign('user_id');
		table.foreign('project_id').references('projects.id');
	});
};

exports.down = () => {};
