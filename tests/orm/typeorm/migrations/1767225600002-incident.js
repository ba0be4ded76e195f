module.exports = class Incident1767225600002 {
	async up(queryRunner) {
		const ratings = await queryRunner.getTable('ratings');
		await queryRunner.dropForeignKey(ratings,
			ratings.foreignKeys[0]);
		await queryRunner.dropColumn('users', 'nickname');
	}

	async down() {}
};
