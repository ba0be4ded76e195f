# Ruby pg.  Mode: simple (exec) or extended (exec_params).

require 'pg'

STATE = 'select c_state()'
DROPS = ['drop table table_c',
         'alter table table_c drop column b_id, drop column a_id',
         'alter table table_c drop constraint c_b, drop constraint c_a']
CANCEL_AFTER_S = 0.5
NOTIFY_BOUND_S = 10

class Undo < StandardError
end

class Steps
  attr_reader :conn

  def initialize(conninfo, mode)
    @conninfo = conninfo
    @mode = mode
    @conn = open
    @heard = []
    @conn.set_notice_receiver do |result|
      @heard << result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY)
    end
  end

  def open
    PG.connect(@conninfo)
  end

  def execute(text)
    @mode == 'simple' ? @conn.exec(text) : @conn.exec_params(text, [])
  end

  def value(text)
    execute(text).getvalue(0, 0)
  end

  def quiet_c
    execute('select fresh_c()')
  end

  def count_and_sum(table)
    row = execute("select count(*), sum(id) from #{table}").values[0]
    "#{row[0]} rows, sum #{row[1]}"
  end

  def refusal(text)
    execute(text)
    raise "no error: #{text}"
  rescue PG::Error => e
    e.result
  end

  def sqlstate(result)
    result.error_field(PG::PG_DIAG_SQLSTATE)
  end

  def detail(result)
    result.error_field(PG::PG_DIAG_MESSAGE_DETAIL)
  end

  # -- steps

  def version
    libpq = PG.library_version
    "#{PG::VERSION}, libpq #{libpq / 10_000}.#{libpq % 10_000}"
  end

  def connect
    value('select current_user')
  end

  def simple
    execute("select 1 as one, 'two' as two").values[0].join(' ')
  end

  def prepared
    @conn.prepare('square', 'select $1::int * $1::int')
    [2, 3, 4].map do |i|
      @conn.transaction { @conn.exec_prepared('square', [i]).getvalue(0, 0) }
    end.join(' ')
  end

  def parameters
    raw = { value: "\x00\xff\x27".b, format: 1 }
    row = @conn.exec_params(
      'select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]',
      [42, "Zoë's \"x\\y\"", nil, raw, '{1,NULL,3}']
    ).values[0]
    row[2] = 'NULL' if row[2].nil?
    row[3] = row[3].delete_prefix('\\x')
    row.join(' ')
  end

  # Row by row.
  def cursor
    values = []
    @conn.send_query('select generate_series(1, 2000)')
    @conn.set_single_row_mode
    @conn.get_result.stream_each { |row| values << row.values[0].to_i }
    @conn.get_last_result
    "#{values.size} rows, sum #{values.sum}"
  end

  def copy_in
    @conn.copy_data('copy copied from stdin') do
      (1..5000).each { |i| @conn.put_copy_data("#{i}\tname #{i}\n") }
    end
    count_and_sum('copied')
  end

  def copy_out
    rows = []
    @conn.copy_data('copy copied to stdout') do
      while (row = @conn.get_copy_data)
        rows << row
      end
    end
    "#{rows.size} lines, #{rows.sum(&:bytesize)} bytes"
  end

  def copy_error
    @conn.copy_data('copy copied from stdin') do
      @conn.put_copy_data("1\tx\nbad\ty\n")
    end
    'no error'
  rescue PG::Error => e
    "#{sqlstate(e.result)}, then #{value('select 1')}"
  end

  def sent(*texts)
    texts.each { |text| @conn.send_query_params(text, []) }
    @conn.pipeline_sync
  end

  # The next statement's result, and the end of it.
  def told
    result = @conn.get_result
    case result.result_status
    when PG::PGRES_PIPELINE_ABORTED then word = 'aborted'
    when PG::PGRES_FATAL_ERROR then word = sqlstate(result)
    when PG::PGRES_PIPELINE_SYNC then return
    when PG::PGRES_TUPLES_OK then word = result.getvalue(0, 0)
    end
    @conn.get_result
    word
  end

  def pipeline
    @conn.enter_pipeline_mode
    sent('select 1', 'select 2', 'select 3')
    sent('select 1', 'select 1 / 0', 'select 3')
    sent('select 4')
    words = Array.new(10) { told }.compact
    @conn.exit_pipeline_mode
    [words[0, 3], words[3, 3], words[6, 1]].map { |w| w.join(' ') }.join('; ')
  end

  def pipeline_drop
    quiet_c
    @conn.enter_pipeline_mode
    sent("insert into items values (20, 'twenty')", DROPS[0], STATE)
    words = Array.new(4) { told }
    @conn.exit_pipeline_mode
    words.compact.last
  end

  def notify
    heard = []
    execute('listen told')
    other = open
    other.exec("notify told, 'amid'")
    until (told = @conn.notifies)
      value('select 1')
    end
    heard << told[:extra]
    other.exec("notify told, 'idle'")
    @conn.wait_for_notify(NOTIFY_BOUND_S) { |_, _, extra| heard << extra }
    other.close
    execute('unlisten told')
    heard.join(' ')
  end

  def notice
    quiet_c
    undone { execute('drop table table_a cascade') }
    @heard.join(' ')
  end

  def canceled(text)
    canceler = Thread.new do
      sleep CANCEL_AFTER_S
      @conn.cancel
    end
    told = sqlstate(refusal(text))
    canceler.join
    told
  end

  def cancel
    "#{canceled('select pg_sleep(60)')}, then #{value('select 1')}"
  end

  def cancel_drop
    quiet_c
    holder = open
    holder.exec('begin; select * from table_a')
    told = canceled(DROPS[0])
    holder.close
    "#{told}, then #{value(STATE)}"
  end

  def unique
    told = refusal("insert into items values (2, 'one')")
    [sqlstate(told), told.error_field(PG::PG_DIAG_CONSTRAINT_NAME),
     detail(told)].join(' ')
  end

  def at(text)
    told = refusal(text)
    position = told.error_field(PG::PG_DIAG_STATEMENT_POSITION)
    "#{sqlstate(told)} at #{position}"
  end

  def syntax
    at('select * form items')
  end

  def syntax_drop
    at('drop table if exits table_c')
  end

  def missing_drop
    quiet_c
    told = refusal('drop table table_c, nosuch')
    message = told.error_field(PG::PG_DIAG_MESSAGE_PRIMARY)
    "#{sqlstate(told)} #{message}, then #{value(STATE)}"
  end

  def restrict_drop
    quiet_c
    told = refusal('drop table table_a')
    "#{sqlstate(told)} #{detail(told)}"
  end

  def undone
    @conn.transaction do
      yield
      raise Undo
    end
  rescue Undo
    nil
  end

  def transactions
    insert = 'insert into items values'
    @conn.transaction { execute("#{insert} (10, 'ten')") }
    undone { execute("#{insert} (11, 'eleven')") }
    @conn.transaction do
      execute("#{insert} (12, 'twelve')")
      execute('savepoint s')
      execute("#{insert} (13, 'thirteen')")
      execute('rollback to savepoint s')
    end
    value("select string_agg(id::text, ' ' order by id) " \
          'from items where id between 10 and 13')
  end

  def failed
    told = []
    undone do
      ['select 1 / 0', 'select 1'].each do |text|
        told << sqlstate(refusal(text))
      end
    end
    "#{told.join(' ')}, then #{value('select 1')}"
  end

  def drop
    quiet_c
    execute(DROPS[0])
    value(STATE)
  end

  def in_transaction(text)
    quiet_c
    @conn.transaction { execute(text) }
    value(STATE)
  end

  def drop_column
    in_transaction(DROPS[1])
  end

  def drop_undone
    quiet_c
    undone { execute(DROPS[1]) }
    value(STATE)
  end

  def drop_constraint
    in_transaction(DROPS[2])
  end

  def drop_prepared
    @conn.prepare('dropper', DROPS[0])
    Array.new(2) do
      quiet_c
      @conn.exec_prepared('dropper')
      value(STATE)
    end.join(' ')
  end

  def drop_script
    quiet_c
    @conn.exec('begin; drop table table_c; commit')
    value(STATE)
  end

  def round(form)
    case form
    when 0 then execute(DROPS[0])
    when 3 then @conn.exec_prepared('loaded_dropper')
    else @conn.transaction { execute(DROPS[form]) }
    end
    'done'
  rescue PG::Error => e
    sqlstate(e.result)
  end

  def loaded(rounds)
    @conn.prepare('loaded_dropper', DROPS[0])
    ended = Array.new(rounds.to_i) do |i|
      execute('select make_c()')
      how = round(i % 4)
      execute('select remove_c()')
      how
    end
    ended.tally.map { |how, count| "#{count} #{how}" }.join(', ')
  end
end

conninfo, mode, *asked = ARGV
steps = Steps.new(conninfo, mode)
asked.each do |step|
  name, *arguments = step.split(':')
  begin
    told = steps.public_send(name, *arguments)
  rescue PG::Error => e
    told = "unexpected #{e.message.tr("\n", ' ')}"
  end
  puts "#{name}\t#{told}"
end
steps.conn.close
