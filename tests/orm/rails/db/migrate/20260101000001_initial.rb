class Initial < ActiveRecord::Migration[6.1]
  def change
    %i[users projects].each do |name|
      create_table name do |t|
        t.integer :seen, null: false, default: 0
        t.text :nickname
      end
    end
    create_table :bookmarks do |t|
      t.references :user, null: false, foreign_key: true
      t.references :project, null: false, foreign_key: true
    end
    create_table :comments do |t|
      t.text :body, null: false
      t.references :project, null: false, foreign_key: true
    end
    create_table :ratings do |t|
      t.references :user, null: false, foreign_key: true
      t.references :project, null: false
    end
  end
end
