alter table ratings drop constraint ratings_project_id_fkey;
alter table users drop column nickname;
