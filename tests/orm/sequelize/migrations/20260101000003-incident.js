module.exports = {
	up(queryInterface) {
		return queryInterface.sequelize.transaction(
			async (transaction) => {
				await queryInterface.removeConstraint('ratings',
					'ratings_project_id_projects_fk',
					{ transaction });
				await queryInterface.removeColumn('users',
					'nickname', { transaction });
			});
	},

	async down() {},
};
