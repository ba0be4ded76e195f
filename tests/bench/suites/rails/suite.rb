# What a test run of a Rails application does: its migrations, up and down
# again, its schema loaded over what is there, and all tables truncated before
# each test.
require "active_record"
require "logger"

ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))
ActiveRecord::Migration.verbose = false

class MakeShop < ActiveRecord::Migration[6.1]
  def change
    create_table(:users) { |t| t.string :name }
    create_table(:projects) { |t| t.string :name }
    create_table(:bookmarks) do |t|
      t.references :user, foreign_key: true
      t.references :project, foreign_key: true
    end
    add_column :users, :nickname, :string
    create_table(:ratings) { |t| t.references :user, foreign_key: true }
  end
end

def load_schema
  ActiveRecord::Schema.define(version: 1) do
    create_table(:users, force: :cascade) { |t| t.string :name }
    create_table(:projects, force: :cascade) { |t| t.string :name }
    create_table(:bookmarks, force: :cascade) do |t|
      t.bigint :user_id
      t.bigint :project_id
    end
    add_foreign_key :bookmarks, :users
    add_foreign_key :bookmarks, :projects
  end
end

class User < ActiveRecord::Base; end
class Project < ActiveRecord::Base; end
class Bookmark < ActiveRecord::Base; end

def test
  connection = ActiveRecord::Base.connection
  connection.truncate_tables("bookmarks", "users", "projects")
  user = User.create!(name: "joe")
  project = Project.create!(name: "lockstep")
  Bookmark.create!(user_id: user.id, project_id: project.id)
  raise "not kept" unless Bookmark.count == 1
end

5.times do
  MakeShop.migrate(:up)
  MakeShop.migrate(:down)
end
5.times { load_schema }
20.times { test }
