/*
 * The console as pgjdbc sees it.  Arguments: URL, user, password, and commands.
 * Each is run often enough to become a named statement whose numbers come in
 * binary; its last result is printed, a row a line, with tabs between.
 */
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

public class JdbcConsole {
	private static final int OFTEN = 8;

	public static void main(String[] arguments) throws Exception {
		try (Connection connection = DriverManager.getConnection(
			 arguments[0], arguments[1], arguments[2])) {
			System.out.println(
			    connection.getMetaData().getDatabaseProductVersion()
			    + "\t" + connection.isValid(10));
			for (int i = 3; i < arguments.length; i++)
				run(connection, arguments[i]);
		}
	}

	private static void run(Connection connection, String command)
	    throws SQLException {
		String told = "";

		try (PreparedStatement s =
			 connection.prepareStatement(command)) {
			for (int i = 0; i < OFTEN; i++)
				told = s.execute() ? rows(s.getResultSet())
						   : "no rows";
		} catch (SQLException problem) {
			told = problem.getSQLState();
		}
		System.out.println(told);
	}

	private static String rows(ResultSet r) throws SQLException {
		StringBuilder text = new StringBuilder();
		int columns = r.getMetaData().getColumnCount();

		while (r.next()) {
			for (int i = 1; i <= columns; i++)
				text.append(i > 1 ? "\t" : "")
				    .append(r.getObject(i));
			text.append("\n");
		}
		return text.toString();
	}
}
