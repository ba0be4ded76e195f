exports.up = (pgm) => {
	pgm.dropConstraint('ratings', 'ratings_project_id_fkey');
	pgm.dropColumns('users', 'nickname');
};
