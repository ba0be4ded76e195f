module.exports = {
	async up(queryInterface) {
		await queryInterface.dropTable('bookmarks');
		await queryInterface.removeColumn('comments', 'project_id');
		await queryInterface.removeConstraint('ratings',
			'ratings_user_id_fkey');
		await queryInterface.addConstraint('ratings', {
			type: 'foreign key',
			fields: ['project_id'],
			references: { table: 'projects', field: 'id' },
		});
	},

	async down() {},
};
