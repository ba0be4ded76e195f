const { TableForeignKey } = require('typeorm');

module.exports = class Change1767225600001 {
	async up(queryRunner) {
		await queryRunner.dropTable('bookmarks');
		await queryRunner.dropColumn('comments', 'project_id');
		const ratings = await queryRunner.getTable('ratings');
		await queryRunner.dropForeignKey(ratings,
			ratings.foreignKeys[0]);
		await queryRunner.createForeignKey(ratings,
			new TableForeignKey({
				columnNames: ['project_id'],
				referencedTableName: 'projects',
				referencedColumnNames: ['id'],
			}));
	}

	async down() {}
};
