/*
 * One connection for each line of standard input: name=value fields with tabs
 * between, url among them, the others being pgjdbc's properties.
 *
 * Answers with a line: "works", whether the client's and the server's legs are
 * encrypted; or "error", SQLSTATE and message.
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;
import javax.net.ssl.SSLSocket;
import org.postgresql.core.PGStream;
import org.postgresql.core.QueryExecutorBase;
import org.postgresql.jdbc.PgConnection;

public class JdbcClient {
	public static void main(String[] arguments) throws Exception {
		BufferedReader lines = new BufferedReader(
		    new InputStreamReader(System.in, "UTF-8"));
		String line;

		while ((line = lines.readLine()) != null) {
			System.out.println(answer(line));
			System.out.flush();
		}
	}

	private static String answer(String line) throws Exception {
		Properties properties = new Properties();

		for (String field : line.split("\t")) {
			String[] parts = field.split("=", 2);
			properties.setProperty(parts[0], parts[1]);
		}
		String url = (String)properties.remove("url");
		try (Connection connection =
			 DriverManager.getConnection(url, properties);
		     ResultSet row = connection.createStatement().executeQuery(
			 "select ssl from pg_stat_ssl"
			 + " where pid = pg_backend_pid()")) {
			row.next();
			return "works\t" + isEncrypted(connection) + "\t"
			    + row.getBoolean(1);
		} catch (SQLException problem) {
			return "error\t" + problem.getSQLState() + "\t"
			    + messages(problem);
		}
	}

	private static String messages(Throwable problem) {
		String text = String.valueOf(problem.getMessage());

		if (problem.getCause() != null)
			text += ": " + messages(problem.getCause());
		return text.replace('\n', ' ').replace('\t', ' ');
	}

	/* pgjdbc does not tell, so look at its socket. */
	private static boolean isEncrypted(Connection connection)
	    throws Exception {
		Field stream = QueryExecutorBase.class.getDeclaredField("pgStream");

		stream.setAccessible(true);
		return ((PGStream)stream.get(
		    connection.unwrap(PgConnection.class).getQueryExecutor()))
		    .getSocket() instanceof SSLSocket;
	}
}
