class Change < ActiveRecord::Migration[6.1]
  def up
    drop_table :bookmarks
    remove_reference :comments, :project, foreign_key: true
    remove_foreign_key :ratings, :users
    add_foreign_key :ratings, :projects
  end
end
