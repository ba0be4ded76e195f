exports.up = (pgm) => {
	pgm.dropTable('bookmarks');
	pgm.dropColumns('comments', 'project_id');
	pgm.dropConstraint('ratings', 'ratings_user_id_fkey');
	pgm.addConstraint('ratings', 'ratings_project_id_fkey', {
		foreignKeys: { columns: 'project_id', references: 'projects' },
	});
};
