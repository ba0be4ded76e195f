class Incident < ActiveRecord::Migration[6.1]
  def up
    remove_foreign_key :ratings, :projects
    remove_column :users, :nickname
  end
end
