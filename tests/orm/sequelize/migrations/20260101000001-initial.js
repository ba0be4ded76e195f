const id = ({ INTEGER }) => ({
	type: INTEGER,
	autoIncrement: true,
	primaryKey: true,
});

const reference = ({ INTEGER }, table) => ({
	type: INTEGER,
	allowNull: false,
	references: { model: table, key: 'id' },
});

module.exports = {
	async up(queryInterface, Sequelize) {
		for (const name of ['users', 'projects'])
			await queryInterface.createTable(name, {
				id: id(Sequelize),
				seen: {
					type: Sequelize.INTEGER,
					allowNull: false,
					defaultValue: 0,
				},
				nickname: Sequelize.TEXT,
			});
		await queryInterface.createTable('bookmarks', {
			id: id(Sequelize),
			user_id: reference(Sequelize, 'users'),
			project_id: reference(Sequelize, 'projects'),
		});
		await queryInterface.createTable('comments', {
			id: id(Sequelize),
			body: { type: Sequelize.TEXT, allowNull: false },
			project_id: reference(Sequelize, 'projects'),
		});
		await queryInterface.createTable('ratings', {
			id: id(Sequelize),
			user_id: reference(Sequelize, 'users'),
			project_id: {
				type: Sequelize.INTEGER,
				allowNull: false,
			},
		});
	},

	async down() {},
};
