const reference = (table) => ({
	type: 'integer',
	notNull: true,
	references: table,
});

exports.up = (pgm) => {
	for (const name of ['users', 'projects'])
		pgm.createTable(name, {
			id: 'id',
			seen: { type: 'integer', notNull: true, default: 0 },
			nickname: 'text',
		});
	pgm.createTable('bookmarks', {
		id: 'id',
		user_id: reference('users'),
		project_id: reference('projects'),
	});
	pgm.createTable('comments', {
		id: 'id',
		body: { type: 'text', notNull: true },
		project_id: reference('projects'),
	});
	pgm.createTable('ratings', {
		id: 'id',
		user_id: reference('users'),
		project_id: { type: 'integer', notNull: true },
	});
};
