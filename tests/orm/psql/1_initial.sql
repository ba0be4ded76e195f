create table users (
	id serial primary key,
	seen integer not null default 0,
	nickname text
);
create table projects (
	id serial primary key,
	seen integer not null default 0
);
create table bookmarks (
	id serial primary key,
	user_id integer not null references users,
	project_id integer not null references projects
);
create table comments (
	id serial primary key,
	body text not null,
	project_id integer not null references projects
);
create table ratings (
	id serial primary key,
	user_id integer not null references users,
	project_id integer not null
);
