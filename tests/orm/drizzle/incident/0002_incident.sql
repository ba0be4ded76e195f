ALTER TABLE "ratings" DROP CONSTRAINT "ratings_project_id_projects_id_fk";
--> statement-breakpoint
ALTER TABLE "users" DROP COLUMN "nickname";
