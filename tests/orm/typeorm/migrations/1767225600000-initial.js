const { Table } = require('typeorm');

const id = {
	name: 'id',
	type: 'int',
	isPrimary: true,
	isGenerated: true,
	generationStrategy: 'increment',
};

const reference = (column, table) => ({
	columnNames: [column],
	referencedTableName: table,
	referencedColumnNames: ['id'],
});

module.exports = class Initial1767225600000 {
	async up(queryRunner) {
		for (const name of ['users', 'projects'])
			await queryRunner.createTable(new Table({
				name,
				columns: [id, {
					name: 'seen', type: 'int', default: 0,
				}, {
					name: 'nickname', type: 'text',
					isNullable: true,
				}],
			}));
		await queryRunner.createTable(new Table({
			name: 'bookmarks',
			columns: [
				id,
				{ name: 'user_id', type: 'int' },
				{ name: 'project_id', type: 'int' },
			],
			foreignKeys: [
				reference('user_id', 'users'),
				reference('project_id', 'projects'),
			],
		}));
		await queryRunner.createTable(new Table({
			name: 'comments',
			columns: [
				id,
				{ name: 'body', type: 'text' },
				{ name: 'project_id', type: 'int' },
			],
			foreignKeys: [reference('project_id', 'projects')],
		}));
		await queryRunner.createTable(new Table({
			name: 'ratings',
			columns: [
				id,
				{ name: 'user_id', type: 'int' },
				{ name: 'project_id', type: 'int' },
			],
			foreignKeys: [reference('user_id', 'users')],
		}));
	}

	async down() {}
};
