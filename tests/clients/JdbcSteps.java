/*
 * pgjdbc: JdbcSteps CONNINFO MODE STEP...; steps.py says what the steps are.
 *
 * MODE is a list of autocommit=on|off and of pgjdbc's own properties, with
 * commas between.
 */
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class JdbcSteps {
	private interface Step {
		String take() throws Exception;
	}

	private interface Work {
		void run() throws Exception;
	}

	private static final String STATE = "select c_state()";
	private static final String[] DROPS = {
	    "drop table table_c",
	    "alter table table_c drop column b_id, drop column a_id",
	    "alter table table_c drop constraint c_b, drop constraint c_a",
	};
	private static final int CANCEL_AFTER_MS = 500;
	private static final int NOTIFY_BOUND_MS = 10000;

	private final Map<String, Step> steps = new LinkedHashMap<>();
	private final Properties properties = new Properties();
	private final boolean autocommit;
	private final String url;
	private final Connection connection;

	public static void main(String[] arguments) throws Exception {
		JdbcSteps self = new JdbcSteps(arguments[0], arguments[1]);

		for (int i = 2; i < arguments.length; i++) {
			String[] step = arguments[i].split(":");
			System.out.println(step[0] + "\t" + self.outcome(step));
		}
		self.connection.close();
	}

	private JdbcSteps(String conninfo, String mode) throws Exception {
		Map<String, String> fields = fields(conninfo, " ");
		Map<String, String> options = fields(mode, ",");

		autocommit = !"off".equals(options.remove("autocommit"));
		properties.putAll(options);
		properties.setProperty("user", fields.get("user"));
		url = "jdbc:postgresql://" + fields.get("host") + ":"
		    + fields.get("port") + "/" + fields.get("dbname");
		connection = open();
		connection.setAutoCommit(autocommit);
		name();
	}

	private static Map<String, String> fields(String text, String between) {
		Map<String, String> fields = new LinkedHashMap<>();

		for (String part : text.split(between)) {
			String[] pair = part.split("=", 2);
			if (pair.length == 2)
				fields.put(pair[0], pair[1]);
		}
		return fields;
	}

	private Connection open() throws SQLException {
		return DriverManager.getConnection(url, properties);
	}

	private void name() {
		steps.put("version", () ->
		    connection.getMetaData().getDriverVersion());
		steps.put("connect", () -> value("select current_user"));
		steps.put("simple", this::simple);
		steps.put("prepared", this::prepared);
		steps.put("parameters", this::parameters);
		steps.put("cursor", this::cursor);
		steps.put("copy_in", this::copyIn);
		steps.put("copy_out", this::copyOut);
		steps.put("copy_error", this::copyError);
		steps.put("pipeline", this::pipeline);
		steps.put("pipeline_drop", this::pipelineDrop);
		steps.put("batch", this::batch);
		steps.put("notify", this::hearNotifications);
		steps.put("notice", this::notice);
		steps.put("cancel", this::cancel);
		steps.put("cancel_drop", this::cancelDrop);
		steps.put("unique", this::unique);
		steps.put("syntax", () -> position("select * form items"));
		steps.put("syntax_drop",
			  () -> position("drop table if exits table_c"));
		steps.put("missing_drop", this::missingDrop);
		steps.put("restrict_drop", this::restrictDrop);
		steps.put("transactions", this::transactions);
		steps.put("failed", this::failed);
		steps.put("drop", this::drop);
		steps.put("drop_column", () -> inTransaction(DROPS[1], true));
		steps.put("drop_undone", () -> inTransaction(DROPS[1], false));
		steps.put("drop_constraint",
			  () -> inTransaction(DROPS[2], true));
		steps.put("drop_prepared", this::dropPrepared);
		steps.put("drop_script", this::dropScript);
	}

	private String outcome(String[] step) throws Exception {
		String told;

		try {
			told = step[0].equals("loaded")
			    ? loaded(Integer.parseInt(step[1]))
			    : steps.get(step[0]).take();
		} catch (SQLException problem) {
			told = "unexpected " + problem.getSQLState() + " "
			    + problem.getMessage().replace('\n', ' ');
			undo();
		}
		end();
		return told;
	}

	/* -- for the steps ---------------------------------------------- */

	private void end() throws SQLException {
		if (!connection.getAutoCommit())
			connection.commit();
	}

	private void undo() throws SQLException {
		if (!connection.getAutoCommit())
			connection.rollback();
	}

	private void execute(String text) throws SQLException {
		try (Statement statement = connection.createStatement()) {
			statement.execute(text);
		}
	}

	private String value(String text) throws SQLException {
		try (Statement statement = connection.createStatement();
		     ResultSet rows = statement.executeQuery(text)) {
			rows.next();
			return rows.getString(1);
		}
	}

	private String countAndSum(String table) throws SQLException {
		try (Statement statement = connection.createStatement();
		     ResultSet rows = statement.executeQuery(
			 "select count(*), sum(id) from " + table)) {
			rows.next();
			return rows.getString(1) + " rows, sum "
			    + rows.getString(2);
		}
	}

	private void quietC() throws SQLException {
		value("select fresh_c()");
		end();
	}

	private ServerErrorMessage refusal(String text) throws SQLException {
		try {
			execute(text);
		} catch (PSQLException problem) {
			undo();
			return problem.getServerErrorMessage();
		}
		throw new AssertionError("no error: " + text);
	}

	/* A transaction of the application's, whatever the mode. */
	private void transaction(boolean isKept, Work work) throws Exception {
		connection.setAutoCommit(false);
		try {
			work.run();
			if (isKept)
				connection.commit();
			else
				connection.rollback();
		} catch (SQLException problem) {
			connection.rollback();
			throw problem;
		} finally {
			connection.setAutoCommit(autocommit);
		}
	}

	/* -- steps ------------------------------------------------------- */

	private String simple() throws SQLException {
		try (Statement statement = connection.createStatement();
		     ResultSet rows = statement.executeQuery(
			 "select 1 as one, 'two' as two")) {
			rows.next();
			return rows.getInt("one") + " " + rows.getString("two");
		}
	}

	/* From its fifth execution on pgjdbc gives a statement a name. */
	private String prepared() throws SQLException {
		List<String> values = new ArrayList<>();

		try (PreparedStatement square = connection.prepareStatement(
			 "select ?::int * ?::int")) {
			for (int i = -4; i <= 4; i++) {
				square.setInt(1, i);
				square.setInt(2, i);
				try (ResultSet rows = square.executeQuery()) {
					rows.next();
					values.add(rows.getString(1));
				}
				end();
			}
		}
		return String.join(" ", values.subList(6, 9));
	}

	private String parameters() throws SQLException {
		try (PreparedStatement statement = connection.prepareStatement(
			 "select cast(? as int4), cast(? as text),"
			 + " cast(? as text), cast(? as bytea),"
			 + " cast(? as int4[])")) {
			statement.setInt(1, 42);
			statement.setString(2, "Zoë's \"x\\y\"");
			statement.setNull(3, Types.VARCHAR);
			if (isSimple()) /* bytes are not to be had there */
				statement.setString(4, "\\x00ff27");
			else
				statement.setBytes(4, new byte[] {0, (byte)0xff,
								  0x27});
			statement.setArray(5, connection.createArrayOf(
			    "int4", new Integer[] {1, null, 3}));
			try (ResultSet row = statement.executeQuery()) {
				row.next();
				return row.getInt(1) + " " + row.getString(2)
				    + " " + (row.getString(3) == null ? "NULL"
								      : "?")
				    + " " + hex(row.getBytes(4)) + " "
				    + row.getArray(5);
			}
		}
	}

	private boolean isSimple() {
		return "simple".equals(
		    properties.getProperty("preferQueryMode"));
	}

	private static String hex(byte[] bytes) {
		StringBuilder text = new StringBuilder();

		for (byte b : bytes)
			text.append(String.format("%02x", b));
		return text.toString();
	}

	/* A portal that is suspended, which takes a transaction. */
	private String cursor() throws Exception {
		long[] told = new long[2];

		transaction(true, () -> {
			try (Statement statement = connection.createStatement()) {
				statement.setFetchSize(100);
				ResultSet rows = statement.executeQuery(
				    "select generate_series(1, 2000)");
				while (rows.next()) {
					told[0]++;
					told[1] += rows.getInt(1);
				}
			}
		});
		return told[0] + " rows, sum " + told[1];
	}

	private CopyManager copyManager() throws SQLException {
		return connection.unwrap(PGConnection.class).getCopyAPI();
	}

	private String copyIn() throws Exception {
		StringBuilder rows = new StringBuilder();

		for (int i = 1; i <= 5000; i++)
			rows.append(i + "\tname " + i + "\n");
		copyManager().copyIn("copy copied from stdin",
				     new StringReader(rows.toString()));
		return countAndSum("copied");
	}

	private String copyOut() throws Exception {
		ByteArrayOutputStream out = new ByteArrayOutputStream();

		copyManager().copyOut("copy copied to stdout", out);
		long lines = out.toString("UTF-8").lines().count();
		return lines + " lines, " + out.size() + " bytes";
	}

	private String copyError() throws Exception {
		try {
			copyManager().copyIn("copy copied from stdin",
					     new StringReader("1\tx\nbad\ty\n"));
		} catch (SQLException problem) {
			undo();
			return problem.getSQLState() + ", then "
			    + value("select 1");
		}
		return "no error";
	}

	/* Texts in one batch; counts of rows, or the SQLSTATE. */
	private String together(String... texts) throws SQLException {
		try (Statement statement = connection.createStatement()) {
			StringBuilder told = new StringBuilder();

			for (String text : texts)
				statement.addBatch(text);
			for (int count : statement.executeBatch())
				told.append(told.length() > 0 ? " " : "")
				    .append(count);
			end();
			return told.toString();
		} catch (BatchUpdateException problem) {
			undo();
			return problem.getSQLState();
		}
	}

	/* What is left of a batch that fails is what the server makes of it. */
	private String pipeline() throws SQLException {
		String insert = "insert into batched select ";
		String good = together(insert + 1, insert + 2, insert + 3);
		String bad = together(insert + 4, insert + "1 / 0", insert + 6);

		String sum = countAndSum("batched");
		execute("delete from batched");
		return good + "; " + bad + "; " + sum;
	}

	private String pipelineDrop() throws SQLException {
		quietC();
		together("insert into items values (20, 'twenty')", DROPS[0],
			 "insert into items values (21, 'twenty-one')");
		return value(STATE);
	}

	private String batch() throws SQLException {
		try (PreparedStatement insert = connection.prepareStatement(
			 "insert into batched values (?)")) {
			for (int i = 1; i <= 100; i++) {
				insert.setInt(1, i);
				insert.addBatch();
			}
			insert.executeBatch();
		}
		return countAndSum("batched");
	}

	private String hearNotifications() throws SQLException {
		PGConnection ear = connection.unwrap(PGConnection.class);
		List<String> heard = new ArrayList<>();

		execute("listen told");
		end();
		try (Connection other = open();
		     Statement statement = other.createStatement()) {
			statement.execute("notify told, 'amid'");
			while (heard.isEmpty()) {
				value("select 1");
				end();
				hear(heard, ear.getNotifications());
			}
			statement.execute("notify told, 'idle'");
			hear(heard, ear.getNotifications(NOTIFY_BOUND_MS));
		}
		execute("unlisten told");
		return String.join(" ", heard);
	}

	private static void hear(List<String> heard, PGNotification[] came) {
		if (came == null)
			return;
		for (PGNotification notification : came)
			heard.add(notification.getParameter());
	}

	private String notice() throws Exception {
		StringBuilder told = new StringBuilder();

		quietC();
		transaction(false, () -> {
			try (Statement statement = connection.createStatement()) {
				statement.execute("drop table table_a cascade");
				SQLWarning warning = statement.getWarnings();
				for (; warning != null;
				     warning = warning.getNextWarning())
					told.append(warning.getMessage());
			}
		});
		return told.toString();
	}

	private String canceled(String text) throws Exception {
		try (Statement statement = connection.createStatement()) {
			Thread canceler = new Thread(() -> {
				try {
					Thread.sleep(CANCEL_AFTER_MS);
					statement.cancel();
				} catch (Exception problem) {
					throw new RuntimeException(problem);
				}
			});
			canceler.start();
			try {
				statement.execute(text);
			} catch (SQLException problem) {
				canceler.join();
				undo();
				return problem.getSQLState();
			}
			return "not canceled";
		}
	}

	/* By cancel(), and by the time-out that JDBC has. */
	private String cancel() throws Exception {
		String told = canceled("select pg_sleep(60)");

		try (Statement statement = connection.createStatement()) {
			statement.setQueryTimeout(1);
			statement.execute("select pg_sleep(60)");
			return "not timed out";
		} catch (SQLException problem) {
			undo();
			if (!problem.getSQLState().equals(told))
				return "then " + problem.getSQLState();
		}
		return told + ", then " + value("select 1");
	}

	private String cancelDrop() throws Exception {
		String told;

		quietC();
		try (Connection holder = open();
		     Statement statement = holder.createStatement()) {
			holder.setAutoCommit(false);
			statement.execute("select * from table_a");
			told = canceled(DROPS[0]);
		}
		return told + ", then " + value(STATE);
	}

	private String unique() throws SQLException {
		ServerErrorMessage told =
		    refusal("insert into items values (2, 'one')");

		return told.getSQLState() + " " + told.getConstraint() + " "
		    + told.getDetail();
	}

	private String position(String text) throws SQLException {
		ServerErrorMessage told = refusal(text);

		return told.getSQLState() + " at " + told.getPosition();
	}

	private String missingDrop() throws SQLException {
		quietC();
		ServerErrorMessage told = refusal("drop table table_c, nosuch");
		return told.getSQLState() + " " + told.getMessage() + ", then "
		    + value(STATE);
	}

	private String restrictDrop() throws SQLException {
		quietC();
		ServerErrorMessage told = refusal("drop table table_a");
		return told.getSQLState() + " " + told.getDetail();
	}

	private String transactions() throws Exception {
		String insert = "insert into items values ";

		transaction(true, () -> execute(insert + "(10, 'ten')"));
		transaction(false, () -> execute(insert + "(11, 'eleven')"));
		transaction(true, () -> {
			execute(insert + "(12, 'twelve')");
			Savepoint savepoint = connection.setSavepoint("s");
			execute(insert + "(13, 'thirteen')");
			connection.rollback(savepoint);
		});
		return value("select string_agg(id::text, ' ' order by id)"
			     + " from items where id between 10 and 13");
	}

	private String failed() throws Exception {
		List<String> told = new ArrayList<>();

		transaction(false, () -> {
			for (String text : new String[] {"select 1 / 0",
							 "select 1"}) {
				try {
					execute(text);
				} catch (SQLException problem) {
					told.add(problem.getSQLState());
				}
			}
		});
		return String.join(" ", told) + ", then " + value("select 1");
	}

	private String drop() throws SQLException {
		quietC();
		execute(DROPS[0]);
		end();
		return value(STATE);
	}

	private String inTransaction(String text, boolean isKept)
	    throws Exception {
		quietC();
		transaction(isKept, () -> execute(text));
		return value(STATE);
	}

	private PreparedStatement dropper() throws SQLException {
		PreparedStatement statement =
		    connection.prepareStatement(DROPS[0]);

		statement.unwrap(PGStatement.class).setPrepareThreshold(1);
		return statement;
	}

	private String dropPrepared() throws SQLException {
		List<String> told = new ArrayList<>();

		try (PreparedStatement statement = dropper()) {
			for (int i = 0; i < 2; i++) {
				quietC();
				statement.execute();
				end();
				told.add(value(STATE));
			}
		}
		return String.join(" ", told);
	}

	/* pgjdbc itself takes the text apart where it is not in simple mode. */
	private String dropScript() throws SQLException {
		quietC();
		execute("begin; drop table table_c; commit");
		return value(STATE);
	}

	private String round(int form) throws Exception {
		try {
			if (form == 3) {
				try (PreparedStatement statement = dropper()) {
					statement.execute();
				}
				end();
			} else if (form == 0) {
				execute(DROPS[0]);
				end();
			} else {
				transaction(true, () -> execute(DROPS[form]));
			}
			return "done";
		} catch (SQLException problem) {
			undo();
			return problem.getSQLState();
		}
	}

	private String loaded(int rounds) throws Exception {
		Map<String, Integer> ended = new TreeMap<>();
		List<String> told = new ArrayList<>();

		for (int i = 0; i < rounds; i++) {
			value("select make_c()");
			end();
			ended.merge(round(i % 4), 1, Integer::sum);
			value("select remove_c()");
			end();
		}
		ended.forEach((how, count) -> told.add(count + " " + how));
		return String.join(", ", told);
	}
}
