drop table bookmarks;
alter table comments drop column project_id;
alter table ratings drop constraint ratings_user_id_fkey;
alter table ratings add constraint ratings_project_id_fkey
	foreign key (project_id) references projects;
